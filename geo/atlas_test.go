package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestRings checks what the algorithms rely on.
func TestRings(t *testing.T) {
	for name, a := range map[string]*Atlas{"50": Atlas50(), "110": Atlas110()} {
		points := 0
		for c, poly := range a.Polygons() {
			for _, ring := range poly.Rings {
				points += len(ring)
				if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
					t.Errorf("atlas %s, %v: a ring of %d points is not closed", name, c, len(ring))
				}
				for i := 1; i < len(ring); i++ {
					if !ring[i].Valid() || math.Abs(ring[i].Lon-ring[i-1].Lon) > 180 && ring[i].Lat > -89.9 {
						t.Errorf("atlas %s, %v: an edge from %v to %v", name, c, ring[i-1], ring[i])
					}
				}
			}
		}
		if points < map[string]int{"50": 70_000, "110": 9_000}[name] {
			t.Errorf("atlas %s has only %d points", name, points)
		}
	}
}

// TestCapitalsAreAtHome finds every capital in its own country, or at most 10 km
// off it where a coast is drawn coarsely, and never in another.
func TestCapitalsAreAtHome(t *testing.T) {
	for name, x := range map[string]struct {
		atlas *Atlas
		off   float64
	}{"50": {Atlas50(), 10}, "110": {Atlas110(), 160}} {
		found := 0
		for _, c := range Askable(AskCapital) {
			area := x.atlas.Area(c)
			if area == nil {
				continue
			}
			for _, k := range c.Capitals() {
				p, ok := k.Point()
				if !ok {
					t.Errorf("%s: no coordinates of %s", c, k)
					continue
				}
				found++
				in := x.atlas.Locate(p)
				off := 0.0
				if in != c {
					off = area.BorderDistance(p)
				}
				if off > x.off || name == "50" && in != nil && in != c {
					t.Errorf("atlas %s: %s is in %v, %.1f km from %s", name, k, in, off, c)
				}
			}
		}
		if found < 160 {
			t.Errorf("atlas %s: only %d capitals found", name, found)
		}
	}
}

func TestLocate(t *testing.T) {
	for _, x := range []struct {
		p    Point
		code string
	}{
		{Point{46.9, 7.4}, "CH"},
		{Point{65, -150}, "US"},
		{Point{66, -173}, "RU"},
		{Point{66, 178}, "RU"},
		{Point{55, 83}, "RU"},
		{Point{-29.5, 28.3}, "LS"},
		{Point{-80, 0}, "AQ"},
		{Point{-89.5, 120}, "AQ"},
		{Point{-17.8, 178}, "FJ"},
		{Point{4, -53}, "GF"},
		{Point{79, 17}, "SJ"},
		{Point{0, -30}, ""},
		{Point{45, -35}, ""},
		{Point{-16.5, 100}, ""},
		{Point{9.5, 44.5}, ""},
		{Point{45.1, 34.2}, "UA"},
	} {
		got := Atlas50().Locate(x.p)
		if got != ByCode(x.code) {
			t.Errorf("Locate(%v) = %v, want %s", x.p, got, x.code)
		}
	}
	if c := SafelyInside(Point{45.1, 34.2}, 15); c != nil {
		t.Errorf("a point in Crimea is asked about as %s", c)
	}
	if c := SafelyInside(Point{47.0, 7.0}, 15); c != ByCode("CH") {
		t.Errorf("near Bienne: %v", c)
	}
	if c := SafelyInside(Point{47.55, 7.55}, 15); c != nil {
		t.Errorf("Basel, on the border, counts as %s", c)
	}
}

// TestSafelyInside walks around random points: everything nearer than the promise
// is in the same country, on both atlases. And enough of the land remains.
func TestSafelyInside(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	land, asked := 0, 0
	seen := map[*Country]bool{}
	for range 3000 {
		p := Point{math.Asin(2*rng.Float64()-1) / radian, rng.Float64()*360 - 180}
		here := Atlas50().Locate(p)
		if here == nil || here.Alpha2() == "AQ" {
			continue
		}
		land++
		c := SafelyInside(p, 15)
		if c == nil {
			continue
		}
		asked++
		seen[c] = true
		for deg := 0.0; deg < 360; deg += 45 {
			q := Destination(p, deg, 14.8)
			if x, y := Atlas50().Locate(q), Atlas110().Locate(q); x != c || y != c {
				t.Errorf("%v is safely in %s, and 14.8 km at %.0f degrees is %v and %v", p, c, deg, x, y)
			}
		}
	}
	if share := float64(asked) / float64(land); share < 0.5 || share > 0.95 {
		t.Errorf("%d of %d points on land can be asked about", asked, land)
	}
	if len(seen) < 50 {
		t.Errorf("only %d countries met", len(seen))
	}
}

// TestEveryCountryHasAPoint: those that are askable have somewhere to ask about.
func TestEveryCountryHasAPoint(t *testing.T) {
	without := 0
	for _, c := range Askable(AskPoint) {
		if !hasSafePoint(c) {
			t.Logf("%s has no point 15 km inside", c)
			without++
		}
	}
	if n := len(Askable(AskPoint)); n-without < 155 {
		t.Errorf("%d countries of %d have a point 15 km inside on both atlases", n-without, n)
	}
}

func hasSafePoint(c *Country) bool {
	for _, g := range Atlas110().Area(c).Polygons {
		const n = 24
		for i := 1; i < n; i++ {
			for k := 1; k < n; k++ {
				p := Point{
					g.SouthWest.Lat + (g.NorthEast.Lat-g.SouthWest.Lat)*float64(i)/n,
					g.SouthWest.Lon + (g.NorthEast.Lon-g.SouthWest.Lon)*float64(k)/n,
				}
				if SafelyInside(p, 15) == c {
					return true
				}
			}
		}
	}
	return false
}

// TestBorderDistance compares with a slow way: the distance to points set closely
// along every edge.
func TestBorderDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, code := range []string{"CH", "NO", "ID", "CL", "FJ", "BW"} {
		area := Atlas110().Area(ByCode(code))
		g := &area.Polygons[0]
		for range 20 {
			p := Point{
				g.SouthWest.Lat + rng.Float64()*(g.NorthEast.Lat-g.SouthWest.Lat),
				g.SouthWest.Lon + rng.Float64()*(g.NorthEast.Lon-g.SouthWest.Lon),
			}
			want := math.Inf(1)
			for _, poly := range area.Polygons {
				for _, ring := range poly.Rings {
					for i := 1; i < len(ring); i++ {
						for s := 0.0; s <= 1; s += 1.0 / 128 {
							q := Point{ring[i-1].Lat + s*(ring[i].Lat-ring[i-1].Lat), ring[i-1].Lon + s*(ring[i].Lon-ring[i-1].Lon)}
							want = min(want, Distance(p, q))
						}
					}
				}
			}
			if got := area.BorderDistance(p); want < 100 && math.Abs(got-want) > 0.01*want+0.5 {
				t.Errorf("%s: BorderDistance(%v) = %.2f, want %.2f", code, p, got, want)
			}
		}
	}
}
