package geo

import (
	"slices"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// Country is an entry of ISO 3166-1: a state, or a territory with a code of its
// own; and Kosovo, which has neighbours but no code of ISO. Countries are compared
// by pointer: there is one *Country for each.
type Country struct {
	w        *world.Country
	capitals []*Capital
	borders  []Border
}

// Countries lists all countries by alpha-2 code.
func Countries() []*Country { return load().countries }

// ByCode finds a country by its alpha-2, alpha-3 or three-digit numeric code of
// ISO 3166-1, in any case; nil when there is none.
func ByCode(code string) *Country { return load().byCode[strings.ToUpper(code)] }

// ByName finds the country that accepts name as its name or code ([Country.Accepts]);
// nil when none does.
func ByName(name string) *Country { return allNames()[Normalise(name)] }

var allNames = sync.OnceValue(func() map[string]*Country {
	all := map[string]*Country{}
	for _, c := range Countries() {
		for n := range c.accepted() {
			all[n] = c
		}
	}
	return all
})

// Alpha2 is the code of two letters ("CH").
func (c *Country) Alpha2() string { return c.w.Alpha2 }

// Alpha3 is the code of three letters ("CHE").
func (c *Country) Alpha3() string { return c.w.Alpha3 }

// Numeric is the code of three digits ("756"); empty for Kosovo.
func (c *Country) Numeric() string { return c.w.Numeric }

// Sovereign reports whether the country is a member of the United Nations, or
// the Vatican.
func (c *Country) Sovereign() bool { return c.w.Sovereign }

// UNMember reports whether the country is a member of the United Nations.
func (c *Country) UNMember() bool { return c.w.UN }

// Name gives the country's name in a language of [Languages]; in English when
// the language is unknown.
func (c *Country) Name(lang string) string {
	return c.w.Names[load().language[lang]]
}

// String is the English name.
func (c *Country) String() string { return c.w.Names[0] }

// Native is the name the country calls itself by, in one of its languages.
func (c *Country) Native() string { return c.w.Native }

// Aliases lists other names that are accepted: what other sources call the
// country, short and long forms, older names.
func (c *Country) Aliases() []string { return c.w.Aliases }

// EmojiFlag is the flag as Unicode has it: two regional indicator symbols, eight
// bytes of UTF-8.
func (c *Country) EmojiFlag() string {
	const a = '🇦'
	return string([]rune{a + rune(c.w.Alpha2[0]-'A'), a + rune(c.w.Alpha2[1]-'A')})
}

// Region is the UN M.49 code of the country's region ("002" Africa, "009"
// Oceania, "019" the Americas, "142" Asia, "150" Europe); empty for Antarctica.
func (c *Country) Region() string { return c.w.Region }

// Subregion is the UN M.49 code of the smallest region the country is in. Sources
// differ about these, so they are not for questions.
func (c *Country) Subregion() string { return c.w.Subregion }

// Landlocked reports whether the country has no coast. The Caspian Sea counts as
// a lake.
func (c *Country) Landlocked() bool { return c.w.Landlocked }

// Zones lists the IANA time zones in use in the country, by name.
func (c *Country) Zones() []string { return c.w.Zones }

// OneClock reports whether the whole country has had one local time in the years
// that [AskClock] is about.
func (c *Country) OneClock() bool { return c.w.OneClock }

// CallingCodes lists the country's international calling codes, without "+". A
// country of the North American plan has its area codes with it ("1876").
func (c *Country) CallingCodes() []string { return c.w.Calling }

// AcceptsCallingCode reports whether answer is one of the country's calling codes,
// with or without "+", "00", spaces and hyphens, in full or as shared with others:
// "+1 876" and "1" are right for Jamaica.
func (c *Country) AcceptsCallingCode(answer string) bool {
	var digits strings.Builder
	for _, r := range answer {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case !strings.ContainsRune("+-() .", r):
			return false
		}
	}
	d := strings.TrimPrefix(digits.String(), "00")
	return d != "" && (slices.Contains(c.w.Calling, d) || slices.Contains(c.w.CallingAlso, d))
}

// Currencies lists the ISO 4217 codes of the country's currencies, as any source
// has them.
func (c *Country) Currencies() []string { return c.w.Currencies }

// CurrencyName is the English name of a currency, "" when it is unknown.
func CurrencyName(code string) string {
	if c := load().currency[strings.ToUpper(code)]; c != nil {
		return c.Name
	}
	return ""
}

// CurrencyNames lists the English names of a currency: the one of [CurrencyName], that of ISO 4217, and
// the bare unit ("Yen", "Dollar"), which several currencies may share. It is empty when the code is unknown.
func CurrencyNames(code string) []string {
	if c := load().currency[strings.ToUpper(code)]; c != nil {
		return append([]string{c.Name}, c.Also...)
	}
	return nil
}

// AcceptsCurrency reports whether answer is the ISO 4217 code or one of the [CurrencyNames] of a currency
// of the country. The question names the country, so the bare unit says which is meant: "dollar" is right
// for Fiji and for Canada.
func (c *Country) AcceptsCurrency(answer string) bool {
	n := Normalise(answer)
	return n != "" && slices.ContainsFunc(c.w.Currencies, func(code string) bool {
		return n == Normalise(code) ||
			slices.ContainsFunc(CurrencyNames(code), func(name string) bool { return n == Normalise(name) })
	})
}

// LookAlikes lists the countries whose flags cannot be told from this one's in a
// terminal (Chad and Romania, Indonesia and Monaco).
func (c *Country) LookAlikes() []*Country {
	var out []*Country
	for _, code := range c.w.LookAlikes {
		out = append(out, ByCode(code))
	}
	return out
}
