package world

import "strings"

// German is the place of German in Country.Names; Variants spells its umlauts
// out, as those do who have no key for them.
const German = 2

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue")

// Variants lists every spelling of a country's names, before normalising: all
// its names, "&" written as "and", and German umlauts spelled out. The generator
// and the reader share it, so that what was proved disjoint is what is accepted.
func Variants(c *Country) []string {
	var out []string
	add := func(name string) {
		if name == "" {
			return
		}
		out = append(out, name)
		if strings.Contains(name, "&") {
			out = append(out, strings.ReplaceAll(name, "&", " and "))
		}
	}
	for i, n := range c.Names {
		add(n)
		if i == German && umlauts.Replace(n) != n {
			add(umlauts.Replace(n))
		}
	}
	add(c.Native)
	for _, n := range c.Aliases {
		add(n)
	}
	return out
}
