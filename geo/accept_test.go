package geo

import (
	"slices"
	"strings"
	"testing"
)

// TestNamesAreDisjoint: no answer is right for two countries.
func TestNamesAreDisjoint(t *testing.T) {
	owner := map[string]*Country{}
	for _, c := range Countries() {
		names := c.AcceptedNames()
		if len(names) < 3 {
			t.Errorf("%s accepts only %q", c, names)
		}
		for _, n := range names {
			if other := owner[n]; other != nil {
				t.Errorf("%q is accepted for %s and for %s", n, other, c)
			}
			owner[n] = c
			if got := ByName(n); got != c {
				t.Errorf("ByName(%q) = %v, want %s", n, got, c)
			}
		}
	}
}

// TestCapitalsAreDisjoint: among the countries whose capital is asked, no capital
// is right for two, so that the country can be asked for its capital as well.
func TestCapitalsAreDisjoint(t *testing.T) {
	owner := map[string]*Country{}
	for _, c := range Askable(AskCapital) {
		for _, n := range c.AcceptedCapitals() {
			if other := owner[n]; other != nil {
				t.Errorf("%q is the capital of %s and of %s", n, other, c)
			}
			owner[n] = c
			if got := ByCapital(n); !slices.Contains(got, c) {
				t.Errorf("ByCapital(%q) = %v, lacks %s", n, got, c)
			}
		}
		for _, other := range ByCapital(c.Capital().Name()) {
			if other != c && other.Sovereign() {
				t.Errorf("%s is the capital of %s too", c.Capital(), other)
			}
		}
	}
}

func TestContinentsAreDisjoint(t *testing.T) {
	for _, k := range Continents() {
		for _, l := range Continents() {
			for _, lang := range Languages() {
				if k != l && l.Accepts(k.Name(lang)) {
					t.Errorf("%s accepts %q, which is %s", l, k.Name(lang), k)
				}
			}
			if k == l && !k.Accepts(k.String()) {
				t.Errorf("%s does not accept its name", k)
			}
		}
	}
}

// TestOwnNames: a country accepts all it is called by; what two are called by is
// the exception, and those are few.
func TestOwnNames(t *testing.T) {
	for _, c := range Countries() {
		if !c.Accepts(c.Alpha2()) || !c.Accepts(strings.ToLower(c.Alpha3())) || !c.Accepts(c.String()) {
			t.Errorf("%s does not accept its code or name", c)
		}
		if c.AcceptsName(c.Alpha3()) || !c.AcceptsName(c.String()) {
			t.Errorf("%s: AcceptsName takes the code, or refuses the name", c)
		}
		for _, n := range append([]string{c.Native()}, c.Aliases()...) {
			if !c.Accepts(n) && !slices.Contains(c.w.Reject, Normalise(n)) {
				t.Errorf("%s does not accept %q", c, n)
			}
		}
		for _, lang := range Languages() {
			if c.Sovereign() && !c.Accepts(c.Name(lang)) {
				t.Errorf("%s does not accept %q (%s)", c, c.Name(lang), lang)
			}
		}
	}
}

// What players type, and what they must not get away with.
func TestAnswers(t *testing.T) {
	for code, names := range map[string][]string{
		"MM": {"Burma", "Myanmar", "Birmanie"},
		"CI": {"Ivory Coast", "cote d'ivoire", "CÔTE D’IVOIRE", "Elfenbeinküste", "Elfenbeinkueste"},
		"CZ": {"Czech Republic", "czechia", "Tschechien"},
		"GB": {"UK", "Great Britain", "united kingdom", "GBR"},
		"US": {"USA", "U.S.A.", "America", "the United States of America", "us"},
		"CD": {"DR Congo", "Democratic Republic of the Congo", "Zaire", "Congo (Kinshasa)"},
		"CG": {"Republic of the Congo", "Congo-Brazzaville"},
		"KR": {"South Korea", "Republic of Korea", "Südkorea", "Suedkorea", "한국", "대한민국"},
		"LC": {"St. Lucia", "Saint Lucia", "St Lucia", "Sainte-Lucie", "Ste Lucie"},
		"KN": {"St Kitts and Nevis", "Saint Kitts & Nevis"},
		"SZ": {"Swaziland", "eSwatini"},
		"TR": {"Türkiye", "Turkey", "turkiye"},
		"NL": {"Holland", "the Netherlands"},
		"RU": {"RU", "Russia", "Россия", "Russian Federation"},
		"UA": {"Україна", "Украина", "Ukraine"},
		"QA": {"Qatar", "Katar", "قطر"},
	} {
		for _, n := range names {
			if !ByCode(code).Accepts(n) {
				t.Errorf("%s does not accept %q", code, n)
			}
		}
	}
	for code, names := range map[string][]string{
		"CD": {"Congo"}, "KR": {"Korea", "North Korea"}, "GN": {"Guinea-Bissau", "Equatorial Guinea"},
		"NE": {"Nigeria"}, "DM": {"Dominican Republic"}, "FR": {"", " ", "the", "Paris", "🇫🇷"}, "US": {"United"},
	} {
		for _, n := range names {
			if ByCode(code).Accepts(n) {
				t.Errorf("%s accepts %q", code, n)
			}
		}
	}
	for code, names := range map[string][]string{
		"ZA": {"Pretoria", "Cape Town", "Bloemfontein"}, "SZ": {"Mbabane", "Lobamba"}, "BO": {"La Paz", "Sucre"},
		"LK": {"Colombo", "Kotte", "Sri Jayawardenepura Kotte"}, "MY": {"Kuala Lumpur", "Putrajaya"},
		"NL": {"Amsterdam", "The Hague", "Den Haag"}, "TZ": {"Dodoma", "Dar es Salaam"}, "CI": {"Yamoussoukro", "Abidjan"},
		"BJ": {"Porto-Novo", "Cotonou"}, "BI": {"Gitega", "Bujumbura"}, "UA": {"Kyiv", "Kiev", "Kijów", "Киев"},
		"EC": {"Quito"}, "IT": {"Rome", "Roma", "Rom", "ローマ"}, "US": {"Washington", "Washington D.C.", "washington dc"},
		"KZ": {"Astana", "Nur-Sultan"}, "MN": {"Ulaanbaatar", "Ulan Bator"}, "TD": {"N'Djamena", "ndjamena"},
		"MX": {"Mexico City", "Ciudad de México", "Mexiko-Stadt"}, "CN": {"Beijing", "Peking", "北京"}, "AG": {"St. John's"},
		"EG": {"Cairo", "Kairo", "Le Caire", "القاهرة"}, "KW": {"Kuwait City", "Kuwait"}, "VA": {"Vatican"},
	} {
		for _, n := range names {
			if !ByCode(code).AcceptsCapital(n) {
				t.Errorf("%s does not accept the capital %q", code, n)
			}
		}
	}
	for code, n := range map[string]string{"AU": "Sydney", "TR": "Istanbul", "BR": "Rio de Janeiro", "CH": "Zürich", "FR": "", "US": "New York", "CL": "Valparaíso"} {
		if ByCode(code).AcceptsCapital(n) {
			t.Errorf("%s accepts the capital %q", code, n)
		}
	}
}

func TestCallingCodes(t *testing.T) {
	for _, x := range []struct {
		code, answer string
		want         bool
	}{
		{"CH", "+41", true},
		{"CH", "41", true},
		{"CH", "0041", true},
		{"CH", " 41 ", true},
		{"CH", "4", false},
		{"JM", "1876", true},
		{"JM", "+1 876", true},
		{"JM", "1-876", true},
		{"JM", "1", true},
		{"JM", "876", false},
		{"US", "1", true},
		{"US", "+1", true},
		{"US", "one", false},
		{"US", "", false},
		{"US", "00", false},
		{"KZ", "7", true},
		{"KZ", "77", true},
		{"RU", "77", false},
		{"VA", "379", true},
		{"FR", "+33x", false},
	} {
		if got := ByCode(x.code).AcceptsCallingCode(x.answer); got != x.want {
			t.Errorf("%s: AcceptsCallingCode(%q) = %v, want %v", x.code, x.answer, got, x.want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	for code, want := range map[string]string{"JP": "JPY", "GB": "GBP", "DE": "EUR", "IN": "INR", "MK": "MKD", "MR": "MRU", "VE": "VES"} {
		c := ByCode(code)
		if _, ok := c.Askable(AskCurrency); !ok || !slices.Equal(c.Currencies(), []string{want}) {
			t.Errorf("%s: currencies %v, askable %v; want %s", c, c.Currencies(), ok, want)
		}
	}
	jp := ByCode("JP")
	for _, a := range []string{"jpy", " JPY ", "Japanese Yen"} {
		if !jp.AcceptsCurrency(a) {
			t.Errorf("Japan does not accept %q", a)
		}
	}
	for code, names := range map[string]string{
		"JP": "Yen", "ZA": "Rand", "CN": "Renminbi/Yuan Renminbi/Yuan/RMB", "UA": "Hryvnia", "VN": "Dong", "GB": "Pound Sterling/pound/sterling",
		"KR": "Won", "PL": "Zloty/złoty", "TH": "Baht", "NG": "Naira", "MM": "Kyat", "PE": "Sol", "SN": "CFA Franc BCEAO/CFA Franc/franc",
		"CM": "CFA Franc BEAC", "AE": "UAE Dirham", "FJ": "Fiji Dollar/dollar", "VE": "VED/VES/Bolívar Soberano/bolivar", "MX": "peso",
		"OM": "Rial Omani", "TO": "Pa’anga/paanga", "GE": "Lari", "IN": "rupee", "DE": "euro", "TT": "Trinidad and Tobago Dollar",
	} {
		for _, n := range strings.Split(names, "/") {
			if !ByCode(code).AcceptsCurrency(n) {
				t.Errorf("%s does not accept the currency %q", code, n)
			}
		}
	}
	for code, name := range map[string]string{"FJ": "US Dollar", "CA": "peso", "IN": "Pakistan Rupee", "CM": "CFA Franc BCEAO", "JP": "Japanese"} {
		if ByCode(code).AcceptsCurrency(name) {
			t.Errorf("%s accepts the currency %q", code, name)
		}
	}
	for _, a := range []string{"", "USD", "yuan"} {
		if jp.AcceptsCurrency(a) {
			t.Errorf("Japan accepts %q", a)
		}
	}
	for _, c := range Askable(AskCurrency) {
		if n := c.Currencies(); len(n) != 1 || CurrencyName(n[0]) == "" {
			t.Errorf("%s: asked about its currency with %v", c, n)
		}
	}
	// Those that any two sources differ about are not asked.
	for _, code := range []string{"BG", "BO", "CH", "CL", "CU", "HT", "KH", "KI", "PA", "SL", "SV", "SZ", "TV", "US", "UY", "ZW", "BS", "BN", "FM"} {
		if _, ok := ByCode(code).Askable(AskCurrency); ok {
			t.Errorf("%s is asked about its currency", code)
		}
	}
}

func TestContinents(t *testing.T) {
	for code, answers := range map[string][]string{
		"RU": {"Europe", "Asia", "Европа"}, "TR": {"Asia", "Europe"}, "MX": {"North America", "Nordamerika"},
		"CU": {"north america"}, "BR": {"South America"}, "FJ": {"Oceania", "Ozeanien"}, "KE": {"Africa"}, "AQ": {"Antarctica"},
	} {
		for _, a := range answers {
			if !ByCode(code).AcceptsContinent(a) {
				t.Errorf("%s does not accept %q", code, a)
			}
		}
	}
	if ByCode("BR").AcceptsContinent("North America") || ByCode("DE").AcceptsContinent("Asia") || ByCode("DE").AcceptsContinent("") {
		t.Error("a wrong continent is accepted")
	}
	for _, c := range Countries() {
		if len(c.Continents()) == 0 || slices.Contains(c.Continents(), nil) {
			t.Errorf("%s has continents %v", c, c.Continents())
		}
	}
}

// TestISONames: the short names of ISO 3166-1 are right, as the standard writes them and turned round.
func TestISONames(t *testing.T) {
	for code, names := range map[string]string{
		"AE": "United Arab Emirates (the)/U.A.E.", "AX": "Åland Islands", "BN": "Brunei Darussalam", "BO": "Bolivia (Plurinational State of)/Bolivia, Plurinational State of",
		"BQ": "Bonaire, Sint Eustatius and Saba", "BS": "Bahamas (the)/Bahamas, The/The Bahamas", "CC": "Cocos (Keeling) Islands (the)", "CD": "Congo (the Democratic Republic of the)/Congo, Democratic Republic of the",
		"CF": "Central African Republic (the)", "CG": "Congo (the)/Congo/Congo, Republic of the", "CI": "Côte d'Ivoire", "CV": "Cabo Verde", "CZ": "Czechia", "FK": "Falkland Islands (the) [Malvinas]",
		"FM": "Micronesia (Federated States of)/Micronesia, Federated States of", "GB": "United Kingdom of Great Britain and Northern Ireland (the)/U.K.", "GM": "Gambia (the)/Gambia, The",
		"GS": "South Georgia and the South Sandwich Islands", "HM": "Heard Island and McDonald Islands", "IO": "British Indian Ocean Territory (the)", "IR": "Iran (Islamic Republic of)/Iran, Islamic Republic of",
		"KP": "Korea (the Democratic People's Republic of)/Korea, Democratic People's Republic of", "KR": "Korea (the Republic of)/Korea, Republic of", "KN": "Saint Kitts and Nevis/St. Kitts & Nevis",
		"LA": "Lao People's Democratic Republic (the)", "MD": "Moldova (the Republic of)/Moldova, Republic of", "MF": "Saint Martin (French part)", "MK": "North Macedonia", "NL": "Netherlands (Kingdom of the)/Netherlands, Kingdom of the",
		"PH": "Philippines (the)", "PS": "Palestine, State of", "RU": "Russian Federation (the)", "SH": "Saint Helena, Ascension and Tristan da Cunha", "ST": "Sao Tome and Principe", "SX": "Sint Maarten (Dutch part)",
		"SY": "Syrian Arab Republic (the)", "TF": "French Southern Territories (the)", "TR": "Türkiye", "TZ": "Tanzania, the United Republic of/Tanzania, United Republic of", "UM": "United States Minor Outlying Islands (the)",
		"US": "United States of America (the)", "VA": "Holy See (the)/Holy See (Vatican City State)", "VC": "Saint Vincent and the Grenadines/St. Vincent & the Grenadines",
		"VE": "Venezuela (Bolivarian Republic of)/Venezuela, Bolivarian Republic of", "VG": "Virgin Islands (British)/Virgin Islands, British", "VI": "Virgin Islands (U.S.)/Virgin Islands, U.S.", "VN": "Viet Nam",
	} {
		for _, n := range strings.Split(names, "/") {
			if !ByCode(code).AcceptsName(n) {
				t.Errorf("%s does not accept %q", code, n)
			}
		}
	}
	for _, c := range Countries() {
		for _, n := range []string{c.Name("en"), c.Name("en") + " (the)", c.Name("en") + ", The", "the " + c.Name("en")} {
			if !c.AcceptsName(n) {
				t.Errorf("%s does not accept %q", c, n)
			}
		}
	}
}

// TestCodesAreNotWords: a code is no abbreviation of a word, and what it would stand for is no code.
func TestCodesAreNotWords(t *testing.T) {
	if c := ByName("saint"); c != nil {
		t.Errorf(`ByName("saint") = %s`, c)
	}
	st := ByCode("ST")
	if !st.Accepts("ST") || !st.Accepts("st") || slices.Contains(st.AcceptedNames(), "saint") {
		t.Errorf("São Tomé & Príncipe accepts %q", st.AcceptedNames())
	}
}
