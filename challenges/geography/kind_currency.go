package geography

import (
	"math/rand/v2"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askCurrency = askable(geo.AskCurrency)

var currencyKind = kind{
	name: "currency", tier: 1,
	asks: "the currency of a country, or a country that has it",
	form: "a currency: its ISO 4217 code, English name or unit; or a country, as asked",

	draw: func(r *rand.Rand) question {
		c := pick(r, askCurrency())
		money := c.Currencies()[0]
		if r.IntN(2) == 0 {
			return question{
				key:     c.Alpha2(),
				prompt:  say("What is the currency of %s?", c),
				accepts: c.AcceptsCurrency,
				answer:  money,
				also:    others(func() []string { return currencyNames(c) }, money),
				sources: []string{"countries-list", "cldr-core"},
			}
		}
		users := usersOf()[money]
		return question{
			key:     c.Alpha2(),
			prompt:  say("Name a country whose currency is %s.", currencyText(money)),
			accepts: func(answer string) bool { return anyAccepts(users, answer) },
			answer:  c.String(),
			also:    others(func() []string { return namesOf(users) }, c.String()),
			sources: []string{"countries-list", "cldr-core"},
		}
	},

	solve: func(prompt string, _ []string) string {
		if c := geo.ByName(between(prompt, "currency of ", "?")); c != nil && len(c.Currencies()) > 0 {
			return c.Currencies()[0]
		}
		for _, c := range usersOf()[between(prompt, "currency is ", " ")] {
			return code(c)
		}
		return ""
	},
}

// usersOf lists every country and territory that uses a currency, by any source.
var usersOf = sync.OnceValue(func() map[string][]*geo.Country {
	all := map[string][]*geo.Country{}
	for _, c := range geo.Countries() {
		for _, money := range c.Currencies() {
			all[money] = append(all[money], c)
		}
	}
	return all
})

// currencyText gives the code, and the name in brackets.
func currencyText(money string) string { return money + " (" + geo.CurrencyName(money) + ")" }

// currencyNames lists a country's currencies, codes and names.
func currencyNames(c *geo.Country) []string {
	var out []string
	for _, money := range c.Currencies() {
		out = append(append(out, money), geo.CurrencyNames(money)...)
	}
	return out
}
