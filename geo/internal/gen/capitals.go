package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// makeCapitals groups what countries-list, flag-icons, GeoNames and the
// decisions call the capital into cities, and accepts every one of them.
func (m *maker) makeCapitals() error {
	places := map[string][]place{}
	for _, p := range m.cities {
		places[p.country] = append(places[p.country], p)
	}
	for _, code := range m.codes2 {
		c := m.countries[code]
		g := &capitals{c: c}
		for _, d := range forCountry(m.over.Spelling, code) {
			g.same = append(g.same, append([]string{d.City}, d.Names...))
		}
		said := map[string]string{}
		note := func(source, name string) {
			if name = strings.TrimSpace(name); name != "" {
				g.add(name)
				said[source] = strings.TrimPrefix(said[source]+", "+name, ", ")
			}
		}
		note("countries-list", m.list[code].Capital)
		for _, name := range g.split(m.icons[code].Capital) {
			note("flag-icons", name)
		}
		for _, p := range places[code] {
			if p.feature == "PPLC" {
				note("GeoNames", p.name)
			}
		}
		bySources := len(c.Capitals)
		for _, d := range forCountry(m.over.Capital, code) {
			if g.find(d.City) >= 0 {
				return fmt.Errorf("overrides: capital %s of %s is needless: a source has it", d.City, code)
			}
			g.add(d.City)
			m.report.add(secCapital, code, "%s is accepted too: %s", d.City, d.Reason)
		}
		if bySources > 1 {
			m.report.add(secCapital, code, "the sources have different cities (%s): any is accepted", sayings(said))
		} else if spellings(said) > 1 {
			m.report.add(secSpelling, code, "%s: all are accepted", sayings(said))
		}
		for i := range c.Capitals {
			m.complete(c, &c.Capitals[i], places[code])
		}
		if c.Sovereign && (len(c.Capitals) == 0 || c.Capitals[0].Zone == "") {
			m.report.add(secMissing, code, "no time zone for its capital")
		}
	}
	return nil
}

type capitals struct {
	c    *world.Country
	same [][]string // spellings of one city, by decision
}

// split takes apart flag-icons' lists ("Lobamba, Mbabane") but not "Washington, D.C.".
func (g *capitals) split(s string) []string {
	if g.find(s) >= 0 {
		return []string{s}
	}
	return strings.Split(s, ",")
}

// add puts a name to the city it spells, or starts a new city.
func (g *capitals) add(name string) {
	if i := g.find(name); i >= 0 {
		k := &g.c.Capitals[i]
		if !hasForm(append([]string{k.Name}, k.Names...), name) {
			k.Names = append(k.Names, name)
		}
		return
	}
	k := world.Capital{Name: name}
	if short, ok := strings.CutSuffix(name, " City"); ok {
		k.Names = append(k.Names, short)
	}
	for _, group := range g.same {
		if hasForm(group, name) {
			for _, n := range group {
				if !hasForm(append([]string{k.Name}, k.Names...), n) {
					k.Names = append(k.Names, n)
				}
			}
		}
	}
	g.c.Capitals = append(g.c.Capitals, k)
}

// find gives the city that name spells, or -1.
func (g *capitals) find(name string) int {
	return slices.IndexFunc(g.c.Capitals, func(k world.Capital) bool {
		names := append([]string{k.Name}, k.Names...)
		return hasForm(names, name) || hasForm(names, strings.TrimSuffix(name, " City"))
	})
}

func hasForm(names []string, name string) bool {
	n := geo.Normalise(name)
	return slices.ContainsFunc(names, func(s string) bool { return geo.Normalise(s) == n })
}

// complete finds a capital's place, its time zone, and its names in other
// languages, which CLDR has for the cities that zones are named after.
func (m *maker) complete(c *world.Country, k *world.Capital, places []place) {
	names := append([]string{k.Name}, k.Names...)
	forms := map[string]bool{}
	for _, n := range names {
		forms[geo.Normalise(n)] = true
	}
	best := -1
	for i, p := range places {
		if p.feature == "PPLX" || !forms[geo.Normalise(p.name)] {
			continue
		}
		if best < 0 || (p.feature == "PPLC") != (places[best].feature == "PPLC") && p.feature == "PPLC" ||
			(p.feature == "PPLC") == (places[best].feature == "PPLC") && p.population > places[best].population {
			best = i
		}
	}
	if best >= 0 {
		k.Lat, k.Lon = round3(places[best].lat), round3(places[best].lon)
	} else if c.Sovereign {
		m.report.add(secMissing, c.Alpha2, "no coordinates for its capital %s", k.Name)
	}
	for _, z := range c.Zones {
		if !hasForm(names, m.exemplar(z)) {
			continue
		}
		k.Zone = z
		for _, lang := range m.spoken(c.Alpha2) {
			if e := m.exemplars[lang][z]; e != "" && !hasForm(append([]string{k.Name}, k.Names...), e) {
				k.Names = append(k.Names, e)
			}
		}
	}
	if k.Zone == "" && c.OneClock {
		k.Zone = c.Zones[0]
	}
	for _, d := range forCountry(m.over.Zone, c.Alpha2) {
		if hasForm(names, d.City) {
			k.Zone = d.Zone
		}
	}
}

// spoken lists the locales in which a country's capital is named: those of all languages, and
// of its own official ones.
func (m *maker) spoken(code string) []string {
	var out []string
	for _, lang := range slices.Concat(languages, m.official[code]) {
		out = append(append(out, lang), variants[lang]...)
	}
	return out
}

func round3(f float64) float64 { return math.Round(f*1000) / 1000 }

func sayings(said map[string]string) string {
	var out []string
	for _, source := range []string{"countries-list", "flag-icons", "GeoNames"} {
		if s := said[source]; s != "" {
			out = append(out, source+": "+s)
		}
	}
	return strings.Join(out, "; ")
}

// spellings counts the different normal forms among what the sources said.
func spellings(said map[string]string) int {
	forms := map[string]bool{}
	for _, s := range said {
		forms[geo.Normalise(s)] = true
	}
	return len(forms)
}
