package world

import "strings"

// Umlauts are spelled out by those who have no key for them.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue")

// CLDR shortens the Russian word for islands, which people write out.
var russian = strings.NewReplacer("о-ва", "острова", "О-ва", "Острова", "о-в", "остров", "О-в", "Остров")

// Variants lists every spelling of a country's names, before normalising: all
// its names, without what stands in brackets at the end ("Myanmar (Burma)"), "&"
// left out, umlauts and a Russian abbreviation spelled out. The
// generator and the reader share it, so that what was made disjoint is what is
// accepted.
func Variants(c *Country) []string {
	var out []string
	add := func(name string) {
		if name == "" {
			return
		}
		out = append(out, name)
		if strings.Contains(name, "&") {
			out = append(out, strings.ReplaceAll(name, "&", " "))
		}
		for _, bracket := range []string{"(", "（"} {
			if i := strings.Index(name, bracket); i > 0 && strings.TrimSpace(name[:i]) != "" && closed(name) {
				out = append(out, name[:i])
			}
		}
		if s := umlauts.Replace(name); s != name {
			out = append(out, s)
		}
		if s := russian.Replace(name); s != name {
			out = append(out, s)
		}
	}
	for _, n := range c.Names {
		add(n)
	}
	add(c.Native)
	for _, n := range c.Aliases {
		add(n)
	}
	return out
}

func closed(name string) bool { return strings.HasSuffix(name, ")") || strings.HasSuffix(name, "）") }
