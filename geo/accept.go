package geo

import (
	"maps"
	"slices"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// acceptedSets holds what every country accepts, normalised, made once.
var acceptedSets = sync.OnceValue(func() map[*Country]map[string]bool {
	all := map[*Country]map[string]bool{}
	for _, c := range Countries() {
		set := map[string]bool{}
		for _, n := range append(world.Variants(c.w), c.w.Alpha2, c.w.Alpha3) {
			if n := Normalise(n); n != "" && !slices.Contains(c.w.Reject, n) {
				set[n] = true
			}
		}
		all[c] = set
	}
	return all
})

func (c *Country) accepted() map[string]bool { return acceptedSets()[c] }

// Accepts reports whether answer is right where the country is asked for: one of
// its names in any language, an alias, or its alpha-2 or alpha-3 code. Answers are
// compared in [Normalise]'s form. A name that two countries share is right for the
// one with the better claim, and otherwise for neither: "Congo" is ISO's name of the
// Republic of the Congo, "Korea" is nobody's.
func (c *Country) Accepts(answer string) bool { return c.accepted()[Normalise(answer)] }

// AcceptsName is [Country.Accepts] without the codes, for questions about codes.
func (c *Country) AcceptsName(answer string) bool {
	n := Normalise(answer)
	return c.accepted()[n] && n != Normalise(c.w.Alpha2) && n != Normalise(c.w.Alpha3)
}

// AcceptedNames lists everything that [Country.Accepts], normalised and sorted.
func (c *Country) AcceptedNames() []string {
	return slices.Sorted(maps.Keys(c.accepted()))
}

// Capital is a city that is called a country's capital.
type Capital struct {
	Country *Country
	w       *world.Capital
}

// Name is the capital's English name.
func (k *Capital) Name() string { return k.w.Name }

// String is the capital's English name.
func (k *Capital) String() string { return k.w.Name }

// Names lists all spellings that are accepted, the English one first.
func (k *Capital) Names() []string { return append([]string{k.w.Name}, k.w.Names...) }

// Point is where the capital is; ok is false when no source has it.
func (k *Capital) Point() (p Point, ok bool) {
	return Point{Lat: k.w.Lat, Lon: k.w.Lon}, k.w.Lat != 0 || k.w.Lon != 0
}

// Zone is the IANA time zone the capital keeps, for time.LoadLocation; empty when
// unknown.
func (k *Capital) Zone() string { return k.w.Zone }

// capitalForms holds the normalised names of every capital, made once.
var capitalForms = sync.OnceValue(func() map[*Capital]map[string]bool {
	all := map[*Capital]map[string]bool{}
	for _, c := range Countries() {
		for _, k := range c.capitals {
			all[k] = map[string]bool{}
			for _, n := range k.Names() {
				all[k][Normalise(n)] = true
			}
		}
	}
	return all
})

// Accepts reports whether answer names this city.
func (k *Capital) Accepts(answer string) bool { return k.accepts(Normalise(answer)) }

func (k *Capital) accepts(normal string) bool { return capitalForms()[k][normal] }

// Capital is the city most sources call the capital; nil where there is none.
func (c *Country) Capital() *Capital {
	if len(c.capitals) == 0 {
		return nil
	}
	return c.capitals[0]
}

// Capitals lists every city that some source calls the capital.
func (c *Country) Capitals() []*Capital { return c.capitals }

// AcceptsCapital reports whether answer names a city that some source calls the
// country's capital.
func (c *Country) AcceptsCapital(answer string) bool {
	n := Normalise(answer)
	return slices.ContainsFunc(c.capitals, func(k *Capital) bool { return k.accepts(n) })
}

// AcceptedCapitals lists everything that [Country.AcceptsCapital], normalised and
// sorted.
func (c *Country) AcceptedCapitals() []string {
	set := map[string]bool{}
	for _, k := range c.capitals {
		maps.Copy(set, capitalForms()[k])
	}
	return slices.Sorted(maps.Keys(set))
}

// ByCapital lists the countries that have a capital of this name. More than one
// is rare: Kingston is in Jamaica and on Norfolk Island.
func ByCapital(name string) []*Country {
	var out []*Country
	n := Normalise(name)
	for _, c := range Countries() {
		if slices.ContainsFunc(c.capitals, func(k *Capital) bool { return k.accepts(n) }) {
			out = append(out, c)
		}
	}
	return out
}

// Continent is one of seven: Africa, Antarctica, Asia, Europe, North America,
// Oceania and South America. Central America and the Caribbean are in North America.
type Continent struct{ w *world.Continent }

// Continents lists the continents by code.
func Continents() []*Continent { return load().continents }

// Code is AF, AN, AS, EU, NA, OC or SA.
func (k *Continent) Code() string { return k.w.Code }

// Name gives the continent's name in a language of [Languages].
func (k *Continent) Name(lang string) string { return k.w.Names[load().language[lang]] }

// String is the English name.
func (k *Continent) String() string { return k.w.Names[0] }

// Accepts reports whether answer names the continent in any language.
func (k *Continent) Accepts(answer string) bool {
	n := Normalise(answer)
	return n != "" && slices.ContainsFunc(slices.Concat(k.w.Names, k.w.Also), func(s string) bool { return Normalise(s) == n })
}

// Continents lists the continents the country is counted to: one, or two where it
// lies on both or the sources differ.
func (c *Country) Continents() []*Continent {
	var out []*Continent
	for _, code := range c.w.Continents {
		out = append(out, load().continent[code])
	}
	return out
}

// AcceptsContinent reports whether answer names a continent the country is
// counted to.
func (c *Country) AcceptsContinent(answer string) bool {
	return slices.ContainsFunc(c.Continents(), func(k *Continent) bool { return k.Accepts(answer) })
}
