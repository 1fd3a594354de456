package geography

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askCode = askable(geo.AskCode)

// isoCodes are the three codes a country has in ISO 3166-1, as they are called there.
var isoCodes = []struct {
	name string
	of   func(*geo.Country) string
}{
	{"alpha-2", (*geo.Country).Alpha2},
	{"alpha-3", (*geo.Country).Alpha3},
	{"numeric", (*geo.Country).Numeric},
}

var codeKind = kind{
	name: "code", tier: 1,
	asks: "an ISO 3166-1 code of a country, or whose a code is",
	form: "the code (alpha-2 FR, alpha-3 FRA, numeric 250), or a country's name",

	draw: func(r *rand.Rand) question {
		c, iso := pick(r, askCode()), pick(r, isoCodes)
		q := question{key: c.Alpha2() + iso.name, sources: []string{"cldr-core"}}
		if r.IntN(2) == 0 {
			q.prompt = say("What is the ISO 3166-1 "+iso.name+" code of %s?", c)
			q.answer = iso.of(c)
			q.accepts = func(answer string) bool { return isCode(answer, q.answer) }
			return q
		}
		q.prompt = say("Which country has the ISO 3166-1 "+iso.name+" code %s?", iso.of(c))
		q.accepts, q.answer = c.AcceptsName, c.String()
		q.also = others(func() []string {
			return slices.DeleteFunc(c.AcceptedNames(), func(s string) bool { return !c.AcceptsName(s) })
		}, q.answer)
		return q
	},

	solve: func(prompt string, _ []string) string {
		for _, iso := range isoCodes {
			if name := between(prompt, iso.name+" code of ", "?"); name != "" {
				if c := geo.ByName(name); c != nil {
					return iso.of(c)
				}
			}
			if given := between(prompt, iso.name+" code ", "?"); given != "" {
				if c := geo.ByCode(given); c != nil {
					return c.String()
				}
			}
		}
		return ""
	},
}

// isCode compares codes. Leading zeros of numbers do not count: a JSON number has none.
func isCode(answer, code string) bool {
	answer = strings.TrimSpace(answer)
	if n, err := strconv.ParseUint(code, 10, 16); err == nil {
		given, err := strconv.ParseUint(answer, 10, 16)
		return err == nil && given == n
	}
	return strings.EqualFold(answer, code)
}
