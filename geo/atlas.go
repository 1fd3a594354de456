package geo

import (
	"iter"
	"math"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// Atlas is a set of outlines of all countries at one scale. Its borders are those
// of Natural Earth as the United Nations see them; areas whose sovereignty is
// disputed (Northern Cyprus, Somaliland, the Siachen Glacier) belong to nobody.
type Atlas struct {
	areas     []*Area
	byCountry map[*Country]*Area
}

// Area is what one country has on an atlas, or a disputed area.
type Area struct {
	Country  *Country // nil when disputed
	Polygons []Polygon
}

// Polygon is a piece of land. The first ring is its outline, others are holes in
// it. No polygon crosses the 180th meridian: what does is cut there.
type Polygon struct {
	Rings [][]Point // each ends where it starts
	// The corners of the smallest box around it.
	SouthWest, NorthEast Point
}

// Atlas50 is the atlas at 1:50 million, with every member of the United Nations.
func Atlas50() *Atlas { return atlas50() }

// Atlas110 is the atlas at 1:110 million, without the smallest countries.
func Atlas110() *Atlas { return atlas110() }

var (
	atlas50  = sync.OnceValue(func() *Atlas { return newAtlas(section(world.SectionAtlas50, world.DecodeAtlas)) })
	atlas110 = sync.OnceValue(func() *Atlas { return newAtlas(section(world.SectionAtlas110, world.DecodeAtlas)) })
)

func newAtlas(w world.Atlas) *Atlas {
	a := &Atlas{byCountry: map[*Country]*Area{}}
	for _, wa := range w.Areas {
		area := &Area{Country: ByCode(wa.Code)}
		for _, rings := range wa.Polygons {
			p := Polygon{SouthWest: Point{90, 180}, NorthEast: Point{-90, -180}}
			for _, ring := range rings {
				p.Rings = append(p.Rings, stitch(w, ring))
			}
			for _, q := range p.Rings[0] {
				p.SouthWest = Point{min(p.SouthWest.Lat, q.Lat), min(p.SouthWest.Lon, q.Lon)}
				p.NorthEast = Point{max(p.NorthEast.Lat, q.Lat), max(p.NorthEast.Lon, q.Lon)}
			}
			area.Polygons = append(area.Polygons, p)
		}
		a.areas = append(a.areas, area)
		if area.Country != nil {
			a.byCountry[area.Country] = area
		}
	}
	return a
}

// stitch joins a ring's arcs; the end of each is the start of the next.
func stitch(w world.Atlas, ring []int) []Point {
	var out []Point
	put := func(p [2]int) {
		out = append(out, Point{Lat: float64(p[1]) / float64(w.Scale), Lon: float64(p[0]) / float64(w.Scale)})
	}
	for i, n := range ring {
		arc := w.Arcs[max(n, ^n)]
		for k := range arc {
			switch {
			case k == 0 && i > 0:
			case n >= 0:
				put(arc[k])
			default:
				put(arc[len(arc)-1-k])
			}
		}
	}
	return out
}

// Areas lists all areas, disputed ones among them: the whole land of the Earth.
func (a *Atlas) Areas() []*Area { return a.areas }

// Area is what a country has on the atlas; nil when it is too small for it.
func (a *Atlas) Area(c *Country) *Area { return a.byCountry[c] }

// Polygons runs over all polygons with their owners, nil where disputed.
func (a *Atlas) Polygons() iter.Seq2[*Country, *Polygon] {
	return func(yield func(*Country, *Polygon) bool) {
		for _, area := range a.areas {
			for i := range area.Polygons {
				if !yield(area.Country, &area.Polygons[i]) {
					return
				}
			}
		}
	}
}

// Locate gives the country a point is in; nil at sea and in disputed areas.
func (a *Atlas) Locate(p Point) *Country {
	for c, poly := range a.Polygons() {
		if poly.Contains(p) {
			return c
		}
	}
	return nil
}

// Contains reports whether a point is in one of the area's polygons.
func (a *Area) Contains(p Point) bool {
	for i := range a.Polygons {
		if a.Polygons[i].Contains(p) {
			return true
		}
	}
	return false
}

// Contains reports whether a point is inside: within the outline and in no hole.
func (g *Polygon) Contains(p Point) bool {
	if p.Lat < g.SouthWest.Lat || p.Lat > g.NorthEast.Lat || p.Lon < g.SouthWest.Lon || p.Lon > g.NorthEast.Lon {
		return false
	}
	// Even-odd: a line from p to the east crosses the rings an odd number of times.
	inside := false
	for _, ring := range g.Rings {
		for i := 1; i < len(ring); i++ {
			a, b := ring[i-1], ring[i]
			if (a.Lat > p.Lat) != (b.Lat > p.Lat) &&
				p.Lon < a.Lon+(b.Lon-a.Lon)*(p.Lat-a.Lat)/(b.Lat-a.Lat) {
				inside = !inside
			}
		}
	}
	return inside
}

// BorderDistance is the distance from a point to the area's nearest border or
// coast, in kilometres, whether the point is inside or not. It is right to 1 % up
// to 100 km; beyond, it may be too large by a few per cent.
func (a *Area) BorderDistance(p Point) float64 {
	n := nearest{from: p, cos: math.Cos(p.Lat * radian), degrees: math.Inf(1)}
	for i := range a.Polygons {
		n.look(&a.Polygons[i])
	}
	return Distance(p, n.at)
}

// nearest looks for the point of a border that is nearest to from, on a plane
// that touches the sphere there: what is far is distorted, and not looked for.
type nearest struct {
	from    Point
	cos     float64
	at      Point
	degrees float64 // how far at is, on the plane
}

func (n *nearest) look(g *Polygon) {
	if dLat := max(g.SouthWest.Lat-n.from.Lat, n.from.Lat-g.NorthEast.Lat); dLat > n.degrees {
		return
	}
	for _, ring := range g.Rings {
		bx, by := n.plane(ring[0])
		for _, q := range ring[1:] {
			ax, ay := bx, by
			bx, by = n.plane(q)
			if min(ay, by) > n.degrees || max(ay, by) < -n.degrees {
				continue
			}
			x, y := onSegment(ax, ay, bx, by)
			if d := math.Hypot(x, y); d < n.degrees {
				n.degrees = d
				n.at = Point{Lat: n.from.Lat + y, Lon: wrap(n.from.Lon + x/n.cos)}
			}
		}
	}
}

// plane gives q relative to n.from, the short way round.
func (n *nearest) plane(q Point) (x, y float64) {
	dx := q.Lon - n.from.Lon
	switch {
	case dx > 180:
		dx -= 360
	case dx < -180:
		dx += 360
	}
	return dx * n.cos, q.Lat - n.from.Lat
}

// onSegment is the point of a segment that is nearest to the origin.
func onSegment(ax, ay, bx, by float64) (x, y float64) {
	dx, dy := bx-ax, by-ay
	if l := dx*dx + dy*dy; l > 0 {
		t := max(0, min(1, -(ax*dx+ay*dy)/l))
		return ax + t*dx, ay + t*dy
	}
	return ax, ay
}

// SafelyInside gives the country in which a point lies whatever the map: it is in it on
// both atlases, on both at least km kilometres from its border, and in none of the areas
// about which maps differ because several states claim them (Kashmir, Essequibo, Crimea …;
// the file DISAGREEMENTS.md lists them all); nil when there is none. Questions use 15 km.
func SafelyInside(p Point, km float64) *Country {
	c := Atlas110().Locate(p)
	if c == nil {
		return nil
	}
	for _, b := range load().Quarantine {
		if p.Lon >= b.West && p.Lon <= b.East && p.Lat >= b.South && p.Lat <= b.North {
			return nil
		}
	}
	fine, coarse := Atlas50().Area(c), Atlas110().Area(c)
	if fine == nil || !fine.Contains(p) || coarse.BorderDistance(p) < km || fine.BorderDistance(p) < km {
		return nil
	}
	return c
}
