package geo

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

var (
	paris    = Point{48.857, 2.352}
	newYork  = Point{40.713, -74.006}
	sydney   = Point{-33.869, 151.209}
	santiago = Point{-33.449, -70.669}
)

func TestDistance(t *testing.T) {
	for _, x := range []struct {
		a, b Point
		km   float64
	}{
		{paris, newYork, 5837},
		{sydney, santiago, 11340},
		{Point{0, 0}, Point{0, 90}, math.Pi / 2 * EarthRadius},
		{Point{90, 0}, Point{-90, 77}, math.Pi * EarthRadius},
		{Point{0, 179}, Point{0, -179}, 222.39},
		{paris, paris, 0},
	} {
		if got := Distance(x.a, x.b); math.Abs(got-x.km) > 0.001*x.km+0.01 {
			t.Errorf("Distance(%v, %v) = %.2f, want %.2f", x.a, x.b, got, x.km)
		}
	}
}

func TestBearing(t *testing.T) {
	for _, x := range []struct {
		a, b Point
		deg  float64
	}{
		{Point{0, 0}, Point{1, 0}, 0},
		{Point{0, 0}, Point{0, 1}, 90},
		{Point{1, 0}, Point{0, 0}, 180},
		{Point{0, 0}, Point{0, -1}, 270},
		{paris, newYork, 291.8},
		{Point{0, 179}, Point{0, -179}, 90},
	} {
		if got := Bearing(x.a, x.b); math.Abs(got-x.deg) > 0.1 {
			t.Errorf("Bearing(%v, %v) = %.2f, want %.2f", x.a, x.b, got, x.deg)
		}
	}
}

// drawPoint keeps off the poles, where longitude and bearing lose their meaning.
func drawPoint(t *rapid.T, name string) Point {
	return Point{rapid.Float64Range(-89, 89).Draw(t, name+" lat"), rapid.Float64Range(-180, 180).Draw(t, name+" lon")}
}

func TestSphereProperties(t *testing.T) {
	near := func(t *rapid.T, what string, got, want, tolerance float64) {
		t.Helper()
		if math.IsNaN(got) || math.Abs(got-want) > tolerance {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawPoint(t, "a"), drawPoint(t, "b"), drawPoint(t, "c")
		ab := Distance(a, b)
		near(t, "there and back", Distance(b, a), ab, 1e-6)
		if Distance(a, c) > ab+Distance(b, c)+1e-6 {
			t.Fatal("a detour is shorter")
		}
		near(t, "antipode", Distance(a, Antipode(a)), math.Pi*EarthRadius, 1e-3)
		near(t, "to the antipode", ab+Distance(Antipode(a), b), math.Pi*EarthRadius, 1e-3)
		if ab > 1 && ab < 20000 {
			m := Midpoint(a, b)
			near(t, "midpoint", Distance(a, m), ab/2, 1e-3)
			near(t, "midpoint", Distance(b, m), ab/2, 1e-3)
			there := Destination(a, Bearing(a, b), ab)
			near(t, "destination", Distance(there, b), 0, 1e-3)
			if deg := Bearing(a, b); deg < 0 || deg >= 360 {
				t.Fatalf("bearing %v", deg)
			}
		}
		if e, far, ok := Equidistant(a, b, c); ok && min(ab, Distance(b, c), Distance(a, c)) > 100 {
			if !e.Valid() || Distance(e, a) > Distance(far, a)+1e-3 {
				t.Fatalf("near %v, far %v", e, far)
			}
			near(t, "equidistant", Distance(e, b), Distance(e, a), 1)
			near(t, "equidistant", Distance(e, c), Distance(e, a), 1)
			near(t, "equidistant, far", Distance(far, c), Distance(far, a), 1)
		}
		for _, p := range []Point{Antipode(a), Midpoint(a, b), Destination(a, 77, 12345)} {
			if !p.Valid() {
				t.Fatalf("%v is no point", p)
			}
		}
	})
	if _, _, ok := Equidistant(paris, paris, sydney); ok {
		t.Error("two equal points have no single equidistant point")
	}
	if (Point{math.NaN(), 0}).Valid() || (Point{91, 0}).Valid() || (Point{0, 180.1}).Valid() {
		t.Error("what is no point is valid")
	}
}
