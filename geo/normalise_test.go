package geo

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"  France\r\n":                 "france",
		"CÔTE D’IVOIRE":                "cote divoire",
		"Cote d'Ivoire":                "cote divoire",
		"Cote d`Ivoire":                "cote divoire",
		"Nukuʻalofa":                   "nukualofa",
		"Nuku´alofa":                   "nukualofa",
		"Weißrussland":                 "weissrussland",
		"WEISSRUSSLAND":                "weissrussland",
		"ẞ":                            "ss",
		"Føroyar":                      "foroyar",
		"Łódź":                         "lodz",
		"Ærø":                          "aero",
		"Đà Nẵng":                      "da nang",
		"Þórshöfn":                     "thorshofn",
		"Azərbaycan":                   "azerbaycan",
		"Iğdır":                        "igdir",
		"İstanbul":                     "istanbul",
		"St. Lucia":                    "saint lucia",
		"Ste-Lucie":                    "saint lucie",
		"Sainte-Lucie":                 "saint lucie",
		"Saint Lucia":                  "saint lucia",
		"Stockholm":                    "stockholm",
		"The Gambia":                   "gambia",
		"the Hague":                    "hague",
		"Theben":                       "theben",
		"City of San Marino":           "san marino",
		"the City of the the Gate":     "gate",
		"The":                          "the",
		"Bahamas, the":                 "bahamas",
		"Gambia (The)":                 "gambia",
		"Moldova (the Republic of)":    "moldova republic of",
		"St. Vincent & the Grenadines": "saint vincent and grenadines",
		"T&T":                          "t and t",
		"ST":                           "st",
		"the Ste":                      "ste",
		"City of":                      "city of",
		"Antigua & Barbuda":            "antigua and barbuda",
		"Guinea-Bissau":                "guinea bissau",
		"Ελλάδα":                       "ελλαδα",
		"Йемен":                        "иемен",
		"Ёлка":                         "елка",
		"भारत":                         "भारत",
		"हिन्दी":                       "हिन्दी", // vowel signs are marks, and stay
		"ไทย":                          "ไทย",
		"대한민국":                         "대한민국",
		"中国":                           "中国",
		"Ｔｏｋｙｏ":                        "tokyo",
		"ニューデリー":                       Normalise("ﾆｭｰﾃﾞﾘｰ"), // half width
		"co\u00adop\u200bera":          "coopera",
		"a\x00b\xffc":                  "a b c",
		"🇫🇷":                           "",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("Normalise(%q) = %q, want %q", in, got, want)
		}
	}
}

func checkNormal(t interface{ Fatalf(string, ...any) }, s string) {
	n := Normalise(s)
	if again := Normalise(n); again != n {
		t.Fatalf("Normalise(%q) = %q, and of that %q", s, n, again)
	}
	if !utf8.ValidString(n) || strings.TrimSpace(n) != n || strings.Contains(n, "  ") {
		t.Fatalf("Normalise(%q) = %q is not words with one space between", s, n)
	}
}

func TestNormaliseIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkNormal(t, rapid.String().Draw(t, "s")) })
	// The normal forms break up long runs of marks by marks of their own.
	for _, base := range []string{"a", "ह", "1", ""} {
		for _, mark := range []string{"\u0323", "\u0345", "\u0301\u0323\u0327", "\u093c\u094d", "\u034f"} {
			for n := range 100 {
				checkNormal(t, base+strings.Repeat(mark, n)+"b"+strings.Repeat(mark, n))
			}
		}
	}
	// Every character alone, and between and after letters of some scripts.
	for r := rune(0); r <= 0x2ffff; r++ {
		if r >= 0x3400 && r < 0xf900 || r >= 0x20000 {
			r += 60 // ideographs and Hangul are all alike
		}
		checkNormal(t, string(r))
		if r%7 == 0 || r < 0x3000 {
			checkNormal(t, "a"+string(r)+"ह"+string(r)+"Σ")
		}
	}
}

func TestNormaliseIgnoresCaseAndEdges(t *testing.T) {
	names := rapid.SampledFrom(everyName())
	rapid.Check(t, func(t *rapid.T) {
		name := names.Draw(t, "name")
		want := Normalise(name)
		for _, s := range []string{
			strings.ToUpper(name), "  " + name + "\t\r\n", strings.ReplaceAll(name, " ", " - "), name + ".",
		} {
			if got := Normalise(s); got != want {
				t.Fatalf("Normalise(%q) = %q, want %q as for %q", s, got, want, name)
			}
		}
	})
}

// everyName lists the names of countries and capitals in scripts whose capitals
// Unicode turns back into the same letters.
func everyName() []string {
	var all []string
	for _, c := range Countries() {
		all = append(all, c.Aliases()...)
		for _, l := range Languages() {
			all = append(all, c.Name(l))
		}
		for _, k := range c.Capitals() {
			all = append(all, k.Names()...)
		}
	}
	return all
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"", "the the", "city of city of", "ŉ", "ﬅ", "\xff\xfe", "İ", "ǅ", "ͅ", "´", "㌀", "st\u200d.", "ﷺ", "\u0345a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkNormal(t, s)
		ByName(s)
		ByCapital(s)
		if c := ByCode(s); c != nil && !c.Accepts(s) && c.Numeric() != s {
			t.Fatalf("%q is a code of %s, which does not accept it", s, c)
		}
	})
}
