package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// derive makes everything from the sources in modules and the decisions.
func derive(modules, decisions string) (*output, error) {
	over, err := readOverrides(decisions)
	if err != nil {
		return nil, err
	}
	src, err := load(modules)
	if err != nil {
		return nil, err
	}
	m := &maker{sources: src, over: over, report: &report{}, atlasName: map[string]string{}, inCoarse: map[string]bool{}}
	if err := m.makeCountries(); err != nil {
		return nil, err
	}
	fine, fineBorders, coast, err := m.atlas("50m")
	if err != nil {
		return nil, err
	}
	coarse, coarseBorders, _, err := m.atlas("110m")
	if err != nil {
		return nil, err
	}
	for _, a := range coarse.Areas {
		m.inCoarse[a.Code] = true
	}
	m.makeNames()
	if err := m.makeCapitals(); err != nil {
		return nil, err
	}
	m.makeLandlocked(fineBorders, coast)
	flags, err := m.makeFlags()
	if err != nil {
		return nil, err
	}
	currencies, err := m.makeCurrencies()
	if err != nil {
		return nil, err
	}
	facts := world.Facts{
		Languages:  languages,
		Continents: m.makeContinents(),
		Currencies: currencies,
		Borders:    m.makeBorders(fineBorders, coarseBorders),
	}
	for _, d := range over.Quarantine {
		facts.Quarantine = append(facts.Quarantine, world.Box{West: d.Box[0], South: d.Box[1], East: d.Box[2], North: d.Box[3]})
		m.report.add(secQuarantine, d.Name, "no point is asked about: %s", d.Reason)
	}
	for _, c := range credits {
		if !c.tool {
			facts.Sources = append(facts.Sources, world.Source{Name: c.pkg, Version: m.versions[c.pkg], Licence: c.licence, Gives: c.gives})
		}
	}
	for _, code := range m.codes2 {
		facts.Countries = append(facts.Countries, *m.countries[code])
	}
	cities := m.makeCities()
	encoded, err := world.EncodeFacts(facts)
	if err != nil {
		return nil, err
	}
	notice, err := m.writeNotice()
	if err != nil {
		return nil, err
	}
	return &output{
		sections: [][]byte{
			world.SectionFacts:    encoded,
			world.SectionCities:   world.EncodeCities(cities),
			world.SectionAtlas50:  world.EncodeAtlas(fine),
			world.SectionAtlas110: world.EncodeAtlas(coarse),
			world.SectionFlags:    world.EncodeFlags(flags),
		},
		notice: notice,
		report: m.writeReport(),
	}, nil
}

// makeContinents names the seven continents in every language.
func (m *maker) makeContinents() []world.Continent {
	var out []world.Continent
	for _, c := range []struct {
		code, territory string
		also            []string
	}{
		{"AF", "002", nil},
		{"AN", "AQ", nil},
		{"AS", "142", nil},
		{"EU", "150", nil},
		{"NA", "003", []string{"N America", "Northern America"}},
		{"OC", "009", []string{"Australia and Oceania", "Australia"}},
		{"SA", "005", []string{"S America"}},
	} {
		k := world.Continent{Code: c.code, Also: c.also}
		for _, lang := range languages {
			k.Names = append(k.Names, m.names[lang][c.territory])
		}
		out = append(out, k)
	}
	return out
}

// makeCurrencies names the currencies in use: as countries-list has them, as decided, and by their bare
// unit, which is the last word of their English name.
func (m *maker) makeCurrencies() ([]world.Currency, error) {
	used := map[string]bool{}
	for _, c := range m.countries {
		for _, k := range c.Currencies {
			used[k] = true
		}
	}
	var out []world.Currency
	for _, k := range slices.Sorted(maps.Keys(used)) {
		c := world.Currency{Code: k, Name: m.currency[k].Name}
		names := []string{c.Name[strings.LastIndexByte(c.Name, ' ')+1:]}
		for _, d := range m.over.Money {
			if d.Currency == k {
				names = append(names, d.Names...)
			}
		}
		for _, n := range names {
			if !hasForm(append(c.Also, c.Name), n) {
				c.Also = append(c.Also, n)
			}
		}
		out = append(out, c)
	}
	for _, d := range m.over.Money {
		if !used[d.Currency] {
			return nil, fmt.Errorf("overrides: no country uses the currency %s", d.Currency)
		}
	}
	return out, nil
}
