package main

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

const cityPopulation = 100_000

// makeCities keeps the cities of 100,000 people and more whose name tells them
// apart within their country; quarters, abandoned and historical places are none.
func (m *maker) makeCities() []world.City {
	var out []world.City
	count := map[[2]string]int{}
	key := func(country, name string) [2]string { return [2]string{country, geo.Normalise(name)} }
	for _, p := range m.cities {
		if m.countries[p.country] == nil || p.population < cityPopulation {
			continue
		}
		switch p.feature {
		case "PPLX", "PPLQ", "PPLH", "PPLW", "PPLCH", "PPLL":
			continue
		}
		if q := m.quarantined(p); q != "" {
			m.report.add(secCity, p.country, "%s is left out: it lies in %s", p.name, q)
			continue
		}
		count[key(p.country, p.name)]++
		out = append(out, world.City{
			Name: p.name, Country: p.country, Population: p.population,
			Lat: int(math.Round(p.lat * 1000)), Lon: int(math.Round(p.lon * 1000)),
		})
	}
	out = slices.DeleteFunc(out, func(c world.City) bool {
		n := count[key(c.Country, c.Name)]
		if n > 1 {
			m.report.add(secCity, c.Country, "%s (%d people) is left out: %d large cities have this name", c.Name, c.Population, n)
		}
		return n > 1
	})
	slices.SortFunc(out, func(a, b world.City) int {
		return cmp.Or(b.Population-a.Population, strings.Compare(a.Country, b.Country), strings.Compare(a.Name, b.Name))
	})
	return out
}

// quarantined names the box of a decision that a place is in.
func (m *maker) quarantined(p place) string {
	for _, d := range m.over.Quarantine {
		if p.lon >= d.Box[0] && p.lat >= d.Box[1] && p.lon <= d.Box[2] && p.lat <= d.Box[3] {
			return d.Name
		}
	}
	return ""
}
