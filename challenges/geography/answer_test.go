package geography

import (
	"math/rand/v2"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

func TestParsePoint(t *testing.T) {
	for s, want := range map[string]geo.Point{
		"-12.34 56.78": {Lat: -12.34, Lon: 56.78}, "12.34S 56.78E": {Lat: -12.34, Lon: 56.78}, "12.34 S, 56.78 e": {Lat: -12.34, Lon: 56.78},
		"12.5° N; 6° W": {Lat: 12.5, Lon: -6}, "-12,6": {Lat: -12, Lon: 6},
		"(55.5,89.4)": {Lat: 55.5, Lon: 89.4}, "[55.5, 89.4]": {Lat: 55.5, Lon: 89.4},
	} {
		if p, ok := parsePoint(s); !ok || p != want {
			t.Errorf("parsePoint(%q) = %v, %v; want %v", s, p, ok, want)
		}
	}
	for _, s := range []string{"", "1", "1 2 3", "-34. 384 -132. 945", "1 2 3 4", "12 N 34 5", "12 E 34 N", "91 0", "1 N 2 N"} {
		if p, ok := parsePoint(s); ok {
			t.Errorf("parsePoint(%q) = %v", s, p)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]float64{
		"6377": 6377, "6,377": 6377, "17 242.5 km": 17242.5, "17'242": 17242, "4.183000e+03": 4183, "~6083": 6083, ".5": 0.5, "-3.": -3, "1e3KM": 1000,
	} {
		if x, ok := parseNumber(s, "km"); !ok || x != want {
			t.Errorf("parseNumber(%q) = %v, %v; want %v", s, x, ok, want)
		}
	}
	for _, s := range []string{"", "-", "abc", "6,37", "1 2", "inf", "nan", "0x10", "1e999", "1e", "12 km 5", "1,234,5"} {
		if x, ok := parseNumber(s, "km"); ok {
			t.Errorf("parseNumber(%q) = %v", s, x)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, s := range []string{"2011-10-30 05:57", "2011/10/30 05:57", "2011.10.30 05:57", "2011-10-30T05:57:00", " 2011-10-30t05:57 "} {
		if at, ok := parseTime(s); !ok || at.Format(clockLayout) != "2011-10-30 05:57" {
			t.Errorf("parseTime(%q) = %v, %v", s, at, ok)
		}
	}
	for _, s := range []string{"", "13:43", "2011-10-30", "30/10/2011 05:57", "2011-10-30 25:00"} {
		if at, ok := parseTime(s); ok {
			t.Errorf("parseTime(%q) = %v", s, at)
		}
	}
}

// TestUnreadable: what cannot be an answer at all does not end a ranked game; practice explains it.
func TestUnreadable(t *testing.T) {
	for name, garbage := range map[string]string{"distance": "about six", "bearing": "north", "clock": "13:43", "equidistant": "here", "way": "", "capital": ""} {
		k := kindNamed(name)
		q := k.draw(rand.New(rand.NewPCG(1, 2)))
		if q.reads == nil != (garbage == "") && name != "way" {
			t.Errorf("%s: whether an answer can be read is not known", name)
		}
		if q.reads != nil && (q.reads(garbage+"?") || !q.reads(q.answer)) {
			t.Errorf("%s: %q can be read, or %q cannot", name, garbage, q.answer)
		}
	}
}

func TestIsCode(t *testing.T) {
	for _, x := range []struct {
		answer, code string
		want         bool
	}{
		{"008", "008", true},
		{"8", "008", true},
		{" 08", "008", true},
		{"9", "008", false},
		{"80", "008", false},
		{"", "008", false},
		{"-8", "008", false},
		{"al", "AL", true},
		{"A1", "AL", false},
	} {
		if got := isCode(x.answer, x.code); got != x.want {
			t.Errorf("isCode(%q, %q) = %v, want %v", x.answer, x.code, got, x.want)
		}
	}
}

// TestParseCountries reads lists, also of names that have a comma themselves.
func TestParseCountries(t *testing.T) {
	for answer, want := range map[string]string{
		"France, Peru":                    "FR; PE",
		"France; Peru;":                   "FR; PE",
		"Bolivia, Plurinational State of": "BO",
		"Peru, Bolivia, Plurinational State of, Korea, Republic of, Chile":    "PE; BO; KR; CL",
		"Tanzania, United Republic of; Congo, The Democratic Republic of the": "TZ; CD",
		"Iran, Islamic Republic of, Iraq":                                     "IR; IQ",
		"France, Bissau":                                                      "",
		"Guinea, Bissau, France, Nowhere":                                     "",
		"Korea; Republic of":                                                  "",
		", ;":                                                                 "",
		"France - Germany - Poland":                                           "FR; DE; PL",
		"FR -> DE->PL":                                                        "FR; DE; PL",
		"FR | DE":                                                             "FR; DE",
		"FR/DE\tPL":                                                           "",
		"FR\tGuinea-Bissau":                                                   "FR; GW",
		"Congo - Kinshasa":                                                    "CD",
		"Congo - Kinshasa, Congo - Brazzaville":                               "CD; CG",
		"France, Bosnia and Herzegovina and Peru":                             "FR; BA; PE",
		"France, Peru, and Trinidad and Tobago":                               "FR; PE; TT",
		"France and Peru, Chile":                                              "",
	} {
		list, ok := parseCountries(answer)
		if got := codesOf(list); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q", answer, got, ok, want)
		}
	}
	in := parseJSON(`{"answer":["Bolivia, Plurinational State of"]}`)
	if list, ok := parseCountries(in.text); !ok || codesOf(list) != "BO" {
		t.Errorf("a JSON list of one: got %q, %v", codesOf(list), ok)
	}
}

// TestJSONText: what the text protocol calls BAD does not become an answer by being escaped.
func TestJSONText(t *testing.T) {
	for _, bad := range []string{
		`{"answer":"Par\u0000is"}`, `{"answer":"\u0000"}`, `{"answer":"Paris\nRome"}`, `{"answer":"Paris\rRome"}`, `{"answer":["Paris","a\nb"]}`,
		`{"answer":"\ud83c"}`, `{"answer":"\uDDEB\uD83C"}`, `{"answer":"\ud83cx"}`, `{"answer":"\ud83c\u0041"}`, `{"answer":"\\\ud83c"}`,
	} {
		if in := parseJSON(bad); in.bad == "" {
			t.Errorf("%s is the answer %q", bad, in.text)
		}
	}
	for line, want := range map[string]string{
		`{"answer":"\ud83c\uddeb\ud83c\uddf7"}`: "🇫🇷", `{"answer":"\\ud83c"}`: `\ud83c`, `{"answer":"Par\u00eds"}`: "París", `{"answer":"Paris\n"}`: "Paris",
		`{"answer":8}`: "8", `{"answer":"\ufffd"}`: "\ufffd",
	} {
		if in := parseJSON(line); in.bad != "" || in.text != want {
			t.Errorf("%s: got %q, BAD %q; want %q", line, in.text, in.bad, want)
		}
	}
}
