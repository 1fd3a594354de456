package geography

import (
	"math/rand/v2"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askCalling = askable(geo.AskCalling)

var callingKind = kind{
	name: "calling", tier: 1,
	asks: "the calling code of a country, or a country that has it",
	form: "digits, with or without + or 00; or a country, as asked",

	draw: func(r *rand.Rand) question {
		c := pick(r, askCalling())
		digits := c.CallingCodes()[0]
		if r.IntN(2) == 0 {
			return question{
				key:     c.Alpha2(),
				prompt:  say("What is the international calling code of %s?", c),
				accepts: c.AcceptsCallingCode,
				answer:  "+" + digits,
				also:    others(c.CallingCodes, digits),
				sources: []string{"countries-list"},
			}
		}
		right := callersOf()[digits]
		return question{
			key:     c.Alpha2(),
			prompt:  say("Name a country with the international calling code +%s.", digits),
			accepts: func(answer string) bool { return anyAccepts(right, answer) },
			answer:  c.String(),
			also:    others(func() []string { return namesOf(right) }, c.String()),
			sources: []string{"countries-list"},
		}
	},

	solve: func(prompt string, _ []string) string {
		if c := geo.ByName(between(prompt, "calling code of ", "?")); c != nil && len(c.CallingCodes()) > 0 {
			return "+" + c.CallingCodes()[0]
		}
		digits := between(prompt, "calling code +", ".")
		for _, c := range callersOf()[digits] {
			return code(c)
		}
		return ""
	},
}

// callersOf lists, for the calling code of each country that may be asked about, the countries and
// territories that have it.
var callersOf = sync.OnceValue(func() map[string][]*geo.Country {
	all := map[string][]*geo.Country{}
	for _, a := range askCalling() {
		digits := a.CallingCodes()[0]
		if all[digits] != nil {
			continue
		}
		for _, c := range geo.Countries() {
			if c.AcceptsCallingCode(digits) {
				all[digits] = append(all[digits], c)
			}
		}
	}
	return all
})
