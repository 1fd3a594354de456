package geo

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestCapitalsInEveryLanguage: a player may answer in any of the languages, and in the country's own. Where
// a language has a script of its own, a name in that script is there; the languages in Latin letters have
// the English name where they have no other.
func TestCapitalsInEveryLanguage(t *testing.T) {
	scripts := map[string]*unicode.RangeTable{
		"ar": unicode.Arabic, "ja": unicode.Katakana, "ko": unicode.Hangul, "ru": unicode.Cyrillic, "zh": unicode.Han,
	}
	// Scripts of countries' own languages.
	native := []*unicode.RangeTable{
		unicode.Arabic, unicode.Armenian, unicode.Bengali, unicode.Cyrillic, unicode.Devanagari, unicode.Ethiopic, unicode.Georgian, unicode.Greek,
		unicode.Han, unicode.Hangul, unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Sinhala, unicode.Thaana, unicode.Thai, unicode.Tibetan,
	}
	within := func(k *Capital, script *unicode.RangeTable) bool {
		return slices.ContainsFunc(k.Names(), func(n string) bool {
			return strings.IndexFunc(n, func(r rune) bool { return unicode.Is(script, r) }) >= 0
		})
	}
	for _, c := range Askable(AskCapital) {
		for _, k := range c.Capitals() {
			for lang, script := range scripts {
				if !within(k, script) && !(lang == "ja" && k.Accepts("東京")) { // whose own name is in no other script
					t.Errorf("%s of %s has no name in %s: %q", k, c, lang, k.Names())
				}
			}
			for _, script := range native {
				if strings.IndexFunc(c.Native(), func(r rune) bool { return unicode.Is(script, r) }) >= 0 && !within(k, script) {
					t.Errorf("%s of %s has no name in the letters of %s: %q", k, c, c.Native(), k.Names())
				}
			}
		}
	}
}

// TestCapitalNames plays answers as people type them: native names, their romanisations, names in languages
// that no time zone is named in.
func TestCapitalNames(t *testing.T) {
	for code, names := range map[string]string{
		"AD": "Andorre-la-Vieille/Andorra la Vieja/Андорра-ла-Велья", "AE": "أبو ظبي/أبوظبي/Абу-Даби/Abou Dabi/阿布扎比", "AL": "Tiranë",
		"AT": "Wien/Vienne", "AZ": "Bakı", "BE": "Brussel/Bruxelles/Brüssel", "BG": "София/Sofiya", "BR": "برازيليا", "CH": "Berne/Berna/Berno",
		"CV": "Прая/プライア", "CY": "Λευκωσία/Lefkoşa", "CZ": "Praha/Praga", "DK": "København/Kopenhagen", "DZ": "الجزائر", "EC": "Кито/基多",
		"EE": "Tallinn", "EG": "القاهرة/Al Qahirah", "ET": "አዲስ አበባ", "FI": "Helsingfors/Helsinki", "FJ": "Сува/スバ", "GE": "თბილისი",
		"GR": "Αθήνα/Athina", "GY": "Джорджтаун/乔治敦", "HR": "Zagreb", "HU": "Budapest", "IE": "Baile Átha Cliath", "IN": "नई दिल्ली/New Delhi",
		"IR": "تهران", "IS": "Reykjavík", "IT": "Roma", "JM": "Кингстон/金斯敦", "JP": "東京", "KH": "ភ្នំពេញ", "KR": "서울", "KZ": "Астана/アスタナ",
		"LA": "ວຽງຈັນ", "LT": "Vilnius", "LV": "Rīga", "MD": "Chișinău", "ME": "Подгорица/Podgorica", "MK": "Скопје", "MM": "နေပြည်တော်/Нейпьидо",
		"MN": "Улаанбаатар", "MT": "La Valette/La Valletta/La Valeta/Il-Belt", "MV": "Мале/马累", "NL": "Amsterdam/Den Haag/ハーグ", "NO": "Oslo",
		"NP": "काठमाडौं", "NZ": "ويلينغتون/Веллингтон", "PH": "Maynila", "PL": "Warszawa", "PT": "Lisboa", "RO": "București", "RS": "Београд/Beograd",
		"RU": "Москва/Moskva", "SB": "호니아라", "SE": "Stockholm", "TH": "Krung Thep/กรุงเทพ/กรุงเทพมหานคร", "TJ": "Душанбе", "TM": "Aşgabat",
		"UA": "Київ/Kyjiv", "US": "Waszyngton/華盛頓", "UZ": "Toshkent", "VN": "Hà Nội", "ZA": "Кейптаун/比勒陀利亚",
	} {
		for _, n := range strings.Split(names, "/") {
			if !ByCode(code).AcceptsCapital(n) {
				t.Errorf("%s does not accept the capital %q", code, n)
			}
		}
	}
}
