// Package geo is the world for quizzes: countries, their names and capitals,
// borders, outlines, cities and flags, embedded in the program.
//
// A question needs three things that a table of facts does not give: every
// answer that is right, what had better not be asked, and where the facts come
// from. So each country has accepted sets ([Country.Accepts],
// [Country.AcceptsCapital], …), which hold what any of the sources says, in 13
// languages and under older names; [Country.Askable] says which topics the sources
// agree about; and [Sources] names them with their versions.
//
//	c := geo.ByCode("UA")
//	c.Name("en")                  // "Ukraine"
//	c.Accepts("Украина")          // true
//	c.AcceptsCapital("Київ")      // true, and so are Kyiv, Kiev, Kijów …
//	c.Askable(geo.AskMap)         // "maps differ about its south", false
//
// # What it promises
//
// Accepted sets of two countries have nothing in common, nor have those of the
// capitals of two countries that may be asked about. Every answer a source gives is
// in its set. Where the sources differ, any of them is right, or the topic is
// refused; the file DISAGREEMENTS.md lists every case, and NOTICE the licences.
//
// # The model of the Earth
//
// Distances are along great circles of a sphere of [EarthRadius]; they differ
// from those on the WGS 84 ellipsoid by 0.56 % at most. The outlines' edges are
// straight lines on an equirectangular map. There are two atlases, drawn at 1:50
// and at 1:110 million: a point 15 km or more inside a country on both, and in none
// of the areas that are listed because others claim them, is in that country on any
// map that knows these claims ([SafelyInside]).
//
// # Cost
//
// Everything is read on first use and kept: the facts take a few milliseconds,
// and the atlases, the cities and the flags are only read when asked for. All
// functions may be called at the same time from several goroutines. Slices that
// are returned are shared: do not change them.
//
// What it does not do: no streets, no heights, nothing that changes from day to
// day, and no opinion on whose a territory is.
package geo

import (
	_ "embed"
	"fmt"
	"sync"
	_ "time/tzdata" // capitals' time zones, on systems that have none

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

//go:generate go run ./internal/gen

//go:embed world.bin
var file []byte

// section unpacks a part of the embedded file. The file is part of the program:
// that it cannot be read is a broken build, which the tests find.
func section[T any](i int, decode func([]byte) (T, error)) T {
	b, err := world.Section(file, i)
	if err == nil {
		var v T
		if v, err = decode(b); err == nil {
			return v
		}
	}
	panic(fmt.Sprintf("geo: %v", err))
}

// facts are the countries with their indexes.
type facts struct {
	world.Facts
	countries  []*Country
	byCode     map[string]*Country // alpha-2, alpha-3 and numeric
	language   map[string]int
	continent  map[string]*Continent
	continents []*Continent
	currency   map[string]*world.Currency
}

var load = sync.OnceValue(func() *facts {
	f := &facts{
		Facts:     section(world.SectionFacts, world.DecodeFacts),
		byCode:    map[string]*Country{},
		language:  map[string]int{},
		continent: map[string]*Continent{},
		currency:  map[string]*world.Currency{},
	}
	for i, l := range f.Languages {
		f.language[l] = i
	}
	for i := range f.Continents {
		c := &Continent{w: &f.Continents[i]}
		f.continents = append(f.continents, c)
		f.continent[c.Code()] = c
	}
	for i := range f.Currencies {
		f.currency[f.Currencies[i].Code] = &f.Currencies[i]
	}
	for i := range f.Countries {
		c := &Country{w: &f.Countries[i]}
		f.countries = append(f.countries, c)
		f.byCode[c.w.Alpha2] = c
		f.byCode[c.w.Alpha3] = c
		if c.w.Numeric != "" {
			f.byCode[c.w.Numeric] = c
		}
		for k := range c.w.Capitals {
			c.capitals = append(c.capitals, &Capital{Country: c, w: &c.w.Capitals[k]})
		}
	}
	f.link()
	return f
})

// Source is one of the sources the data was derived from.
type Source struct {
	Name    string // of the npm package
	Version string
	Licence string // SPDX, and that of the data where it differs
	Gives   string // what was taken from it
}

// String gives name and version, as a banner prints them.
func (s Source) String() string { return s.Name + " " + s.Version }

// Sources lists what the data was derived from, with exact versions.
func Sources() []Source {
	var out []Source
	for _, s := range load().Sources {
		out = append(out, Source{Name: s.Name, Version: s.Version, Licence: s.Licence, Gives: s.Gives})
	}
	return out
}

// Languages lists the codes of the languages names are known in; the first is "en".
func Languages() []string { return load().Languages }
