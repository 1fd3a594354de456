package geo

import (
	"fmt"
	"math"
)

// EarthRadius is the radius of the sphere distances are measured on, in
// kilometres: the mean radius of the IUGG.
const EarthRadius = 6371.0088

// Point is a place on the Earth, in degrees: latitude -90 to 90, north positive,
// and longitude -180 to 180, east positive.
type Point struct{ Lat, Lon float64 }

// String gives latitude and longitude with three decimals, about 110 m.
func (p Point) String() string { return fmt.Sprintf("%.3f %.3f", p.Lat, p.Lon) }

// Valid reports whether the coordinates are numbers in range.
func (p Point) Valid() bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180
}

const radian = math.Pi / 180

// Distance is the length of the great circle between two points, in kilometres.
func Distance(a, b Point) float64 { return EarthRadius * angle(a, b) }

// angle uses the form of the haversine that is exact for near points and, with
// atan2, for antipodes.
func angle(a, b Point) float64 {
	sinLat := math.Sin((b.Lat - a.Lat) * radian / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * radian / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*radian)*math.Cos(b.Lat*radian)*sinLon*sinLon
	return 2 * math.Atan2(math.Sqrt(h), math.Sqrt(max(0, 1-h)))
}

// Bearing is the direction in which the great circle from a to b starts, in
// degrees clockwise from north, 0 to 360. It is meaningless where a and b are one
// point or antipodes.
func Bearing(a, b Point) float64 {
	dLon := (b.Lon - a.Lon) * radian
	y := math.Sin(dLon) * math.Cos(b.Lat*radian)
	x := math.Cos(a.Lat*radian)*math.Sin(b.Lat*radian) - math.Sin(a.Lat*radian)*math.Cos(b.Lat*radian)*math.Cos(dLon)
	return math.Mod(math.Atan2(y, x)/radian+360, 360)
}

// Destination is the point reached from p by going km kilometres along the great
// circle that starts at bearing.
func Destination(p Point, bearing, km float64) Point {
	d, b := km/EarthRadius, bearing*radian
	sinLat := math.Sin(p.Lat*radian)*math.Cos(d) + math.Cos(p.Lat*radian)*math.Sin(d)*math.Cos(b)
	lat := math.Asin(max(-1, min(1, sinLat)))
	lon := p.Lon*radian + math.Atan2(math.Sin(b)*math.Sin(d)*math.Cos(p.Lat*radian), math.Cos(d)-math.Sin(p.Lat*radian)*sinLat)
	return Point{Lat: lat / radian, Lon: wrap(lon / radian)}
}

// Antipode is the point on the other side of the Earth.
func Antipode(p Point) Point { return Point{Lat: -p.Lat, Lon: wrap(p.Lon + 180)} }

// Midpoint is the point halfway along the great circle between a and b. It is
// not determined when they are antipodes.
func Midpoint(a, b Point) Point {
	return fromVector(add(vector(a), vector(b)))
}

// Equidistant gives the two points that are as far from a as from b and from c,
// antipodes of each other; near is the nearer one. ok is false when two of the
// three are so close together that rounding would decide.
func Equidistant(a, b, c Point) (near, far Point, ok bool) {
	u, v, w := vector(a), vector(b), vector(c)
	n := cross(sub(v, u), sub(w, u))
	if length(n) < 1e-6 {
		return Point{}, Point{}, false
	}
	near = fromVector(n)
	far = Antipode(near)
	if Distance(far, a) < Distance(near, a) {
		near, far = far, near
	}
	return near, far, true
}

func wrap(lon float64) float64 {
	lon = math.Mod(lon, 360)
	switch {
	case lon > 180:
		return lon - 360
	case lon <= -180:
		return lon + 360
	}
	return lon
}

type vec [3]float64

func vector(p Point) vec {
	sinLat, cosLat := math.Sincos(p.Lat * radian)
	sinLon, cosLon := math.Sincos(p.Lon * radian)
	return vec{cosLat * cosLon, cosLat * sinLon, sinLat}
}

func fromVector(v vec) Point {
	return Point{Lat: math.Atan2(v[2], math.Hypot(v[0], v[1])) / radian, Lon: math.Atan2(v[1], v[0]) / radian}
}

func add(a, b vec) vec { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func sub(a, b vec) vec { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func cross(a, b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}
func length(a vec) float64 { return math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2]) }
