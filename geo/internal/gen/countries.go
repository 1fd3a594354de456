package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/geo"
	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// maker is one run: the sources, the decisions, and what is being made of them.
type maker struct {
	*sources
	over      *overrides
	report    *report
	countries map[string]*world.Country
	codes2    []string          // the countries' codes, sorted
	byAlpha3  map[string]string // alpha-3 to alpha-2
	atlasName map[string]string // alpha-2 to the English name in the atlas
	inCoarse  map[string]bool   // who is in the atlas at 1:110 million
}

// list makes the countries: what ISO 3166-1 has according to flag-icons and CLDR
// together, and Kosovo, which borders others and must be recognised.
func (m *maker) makeCountries() error {
	m.countries = map[string]*world.Country{}
	m.byAlpha3 = map[string]string{}
	for c, i := range m.icons {
		if !i.ISO && c != "XK" {
			continue
		}
		k, ok := m.codes[c]
		if !ok || k.Alpha3 == "" || k.Numeric == "" {
			if c != "XK" {
				return fmt.Errorf("country %s: CLDR has no codes for it", c)
			}
			k = code{Alpha3: "XKX"}
		}
		if c == "XK" {
			k.Numeric = "" // not a code of ISO 3166-1
		}
		m.countries[c] = &world.Country{Alpha2: c, Alpha3: k.Alpha3, Numeric: k.Numeric, Refuse: map[string]string{}}
		m.byAlpha3[k.Alpha3] = c
	}
	m.codes2 = slices.Sorted(maps.Keys(m.countries))
	for _, c := range m.contains["UN"] {
		m.countries[c].UN, m.countries[c].Sovereign = true, true
	}
	m.countries["VA"].Sovereign = true // the Holy See observes at the United Nations
	for _, c := range m.codes2 {
		m.regions(m.countries[c])
		m.money(m.countries[c])
		m.calling(m.countries[c])
		if err := m.clock(m.countries[c]); err != nil {
			return err
		}
		m.refusals(m.countries[c])
	}
	return nil
}

func (m *maker) refusals(c *world.Country) {
	for _, d := range forCountry(m.over.Never, c.Alpha2) {
		c.Refuse["any"] = d.Reason
	}
	for _, d := range forCountry(m.over.Refuse, c.Alpha2) {
		c.Refuse[d.Topic] = d.Reason
	}
}

// parents of a territory in CLDR's containment, nearest first.
func (m *maker) parents(code string) []string {
	var out []string
	for p, children := range m.contains {
		if !strings.Contains(p, "-") && len(p) == 3 && p != "001" && slices.Contains(children, code) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	for _, p := range slices.Clone(out) {
		out = append(out, m.parents(p)...)
	}
	return out
}

// continents of UN M.49, which knows one America; its parts tell which of two.
var continentOf = map[string]string{
	"002": "AF", "142": "AS", "150": "EU", "009": "OC",
	"005": "SA", "013": "NA", "021": "NA", "029": "NA",
}

// regions takes the continent of both sources.
func (m *maker) regions(c *world.Country) {
	parents := m.parents(c.Alpha2)
	var m49 string
	for _, p := range parents {
		if k := continentOf[p]; k != "" && m49 == "" {
			m49 = k
		}
		if slices.Contains([]string{"002", "009", "019", "142", "150"}, p) {
			c.Region = p
		}
	}
	if len(parents) > 0 {
		c.Subregion = parents[0]
	}
	listed := m.list[c.Alpha2].Continent
	if m49 == "" {
		m49 = listed // Antarctica and its islands are in no region
	}
	c.Continents = []string{m49}
	if listed != m49 {
		c.Continents = append(c.Continents, listed)
		m.report.add(secContinent, c.Alpha2, "CLDR (M.49) has %s, countries-list has %s: either is accepted", m49, listed)
	}
	for _, d := range forCountry(m.over.Continent, c.Alpha2) {
		for _, k := range d.Codes {
			if !slices.Contains(c.Continents, k) {
				c.Continents = append(c.Continents, k)
				m.report.add(secContinent, c.Alpha2, "%s is accepted too: %s", k, d.Reason)
			}
		}
	}
}

// money keeps every currency of both sources, and lets it be asked for only when
// they agree on a single one.
func (m *maker) money(c *world.Country) {
	cldr := slices.Clone(m.tender[c.Alpha2])
	listed := slices.Clone(m.list[c.Alpha2].Currency)
	slices.Sort(cldr)
	slices.Sort(listed)
	c.Currencies = slices.Compact(slices.Sorted(slices.Values(slices.Concat(cldr, listed))))
	switch {
	case !slices.Equal(cldr, listed):
		c.Refuse["currency"] = "the sources differ about its currency"
		m.report.add(secCurrency, c.Alpha2, "CLDR has %s, countries-list has %s: never asked",
			strings.Join(cldr, " "), strings.Join(listed, " "))
	case len(cldr) != 1:
		c.Refuse["currency"] = "it has more than one currency, or none"
		if len(cldr) > 1 {
			m.report.add(secCurrency, c.Alpha2, "both sources have %s: never asked", strings.Join(cldr, " "))
		}
	}
}

func (m *maker) calling(c *world.Country) {
	for _, p := range m.list[c.Alpha2].Phone {
		if p > 0 {
			c.Calling = append(c.Calling, strconv.Itoa(p))
		}
	}
	for _, d := range forCountry(m.over.Calling, c.Alpha2) {
		c.CallingAlso = append(c.CallingAlso, d.Codes...)
		m.report.add(secCalling, c.Alpha2, "%s accepted too: %s", strings.Join(d.Codes, " "), d.Reason)
	}
	// A number of the North American plan can be given with its area or without.
	for _, p := range c.Calling {
		if len(p) == 4 && p[0] == '1' && !slices.Contains(c.CallingAlso, "1") {
			c.CallingAlso = append(c.CallingAlso, "1")
		}
	}
}

// The years in which local times are asked about: the zones' rules are settled,
// and no government can change them any more.
var clockFrom, clockTo = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func (m *maker) clock(c *world.Country) error {
	c.Zones = slices.Compact(slices.Sorted(slices.Values(m.zones[c.Alpha2])))
	var locations []*time.Location
	for _, z := range c.Zones {
		loc, err := time.LoadLocation(z)
		if err != nil {
			return fmt.Errorf("time zone of %s: %w", c.Alpha2, err)
		}
		locations = append(locations, loc)
	}
	c.OneClock = len(locations) > 0
	for t := clockFrom; t.Before(clockTo) && c.OneClock && len(locations) > 1; t = t.Add(6 * time.Hour) {
		_, first := t.In(locations[0]).Zone()
		for _, loc := range locations[1:] {
			if _, off := t.In(loc).Zone(); off != first {
				c.OneClock = false
			}
		}
	}
	return nil
}

// makeNames gathers the names of every country from every source, and takes a
// name that two countries have from both, unless it is the English name of one.
func (m *maker) makeNames() {
	for _, code := range m.codes2 {
		c := m.countries[code]
		seen := map[string]bool{}
		for _, lang := range languages {
			name := m.names[lang][code]
			c.Names = append(c.Names, name)
			seen[geo.Normalise(name)] = true
		}
		c.Native = m.list[code].Native
		seen[geo.Normalise(c.Native)] = true
		alias := func(name string) {
			if n := geo.Normalise(name); n != "" && !seen[n] {
				seen[n] = true
				c.Aliases = append(c.Aliases, name)
			}
		}
		alias(m.list[code].Name)
		for _, a := range m.list[code].Alias {
			alias(a)
		}
		alias(m.icons[code].Name)
		alias(m.atlasName[code])
		for _, lang := range languages {
			for _, key := range slices.Sorted(maps.Keys(m.names[lang])) {
				if strings.HasPrefix(key, code+"-alt-") {
					alias(m.names[lang][key])
				}
			}
		}
		for _, d := range forCountry(m.over.Alias, code) {
			for _, n := range d.Names {
				alias(n)
			}
		}
		for _, n := range m.over.Official[code] {
			alias(n)
		}
		if a, b := geo.Normalise(c.Names[0]), geo.Normalise(m.list[code].Name); a != b {
			m.report.add(secName, code, "CLDR has %q, countries-list has %q: both are accepted", c.Names[0], m.list[code].Name)
		}
	}
	m.separate()
}

// separate makes the accepted sets of countries disjoint: of those who claim a
// name, the best claim wins; none of two equal ones does.
func (m *maker) separate() {
	const english, codes, named, called = 4, 3, 2, 1
	type claim struct {
		country string
		rank    int
	}
	claims := map[string][]claim{}
	for _, code := range m.codes2 {
		c := m.countries[code]
		ranks := map[string]int{}
		for _, k := range []string{c.Alpha2, c.Alpha3} {
			ranks[geo.Normalise(k)] = codes
		}
		for _, n := range world.Variants(c) {
			n = geo.Normalise(n)
			ranks[n] = max(ranks[n], called) // es "RU" is the Reino Unido, and less than a code
		}
		for _, n := range c.Names {
			n = geo.Normalise(n)
			ranks[n] = max(ranks[n], named) // "Congo" names one country in Spanish, and calls two
		}
		ranks[geo.Normalise(c.Names[0])] = english
		for n, rank := range ranks {
			claims[n] = append(claims[n], claim{code, rank})
		}
	}
	for _, n := range slices.Sorted(maps.Keys(claims)) {
		list := claims[n]
		if len(list) < 2 {
			continue
		}
		slices.SortFunc(list, func(a, b claim) int {
			return cmp.Or(b.rank-a.rank, strings.Compare(a.country, b.country))
		})
		losers := list
		if list[0].rank > list[1].rank {
			losers = list[1:]
		}
		for _, l := range losers {
			if !slices.Contains(m.countries[l.country].Reject, n) {
				m.reject(l.country, n)
				others := []string{}
				for _, o := range list {
					if o.country != l.country {
						others = append(others, o.country)
					}
				}
				m.report.add(secShared, l.country, "%q is not accepted: %s has it too", n, strings.Join(others, ", "))
			}
		}
	}
	for _, c := range m.countries {
		slices.Sort(c.Reject)
	}
}

func (m *maker) reject(code, n string) {
	m.countries[code].Reject = append(m.countries[code].Reject, n)
}
