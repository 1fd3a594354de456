package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// TestCheck derives everything anew and compares it with what is committed.
func TestCheck(t *testing.T) {
	out, err := derive(modules(t, ".", "rasterise.mjs"), "overrides.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := out.compare(filepath.Join("..", "..")); err != nil {
		t.Error(err)
	}
}

// TestSourcesAlone plays every source's own answers: a solver built on one of them
// is right wherever it has an answer.
func TestSourcesAlone(t *testing.T) {
	s, err := load(modules(t, ".", "rasterise.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	check := func(c *geo.Country, ok bool, source, what, answer string) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %s's %s %q is not accepted", c, source, what, answer)
		}
		right++
	}
	for _, c := range geo.Countries() {
		code := c.Alpha2()
		list := s.list[code]
		ask := func(topic geo.Topic) bool { _, ok := c.Askable(topic); return ok }
		if ask(geo.AskName) {
			check(c, c.Accepts(list.Name), "countries-list", "name", list.Name)
			check(c, c.Accepts(list.Native), "countries-list", "native name", list.Native)
			for _, a := range list.Alias {
				check(c, c.Accepts(a), "countries-list", "alias", a)
			}
			check(c, c.Accepts(s.icons[code].Name), "flag-icons", "name", s.icons[code].Name)
			for _, lang := range languages {
				check(c, c.Accepts(s.names[lang][code]), "CLDR", lang+" name", s.names[lang][code])
			}
		}
		if ask(geo.AskCapital) {
			check(c, c.AcceptsCapital(list.Capital), "countries-list", "capital", list.Capital)
			if !c.AcceptsCapital(s.icons[code].Capital) {
				for _, k := range strings.Split(s.icons[code].Capital, ",") {
					check(c, c.AcceptsCapital(k), "flag-icons", "capital", k)
				}
			}
		}
		if ask(geo.AskCurrency) {
			for _, k := range list.Currency {
				check(c, c.AcceptsCurrency(k), "countries-list", "currency", k)
				check(c, c.AcceptsCurrency(s.currency[k].Name), "countries-list", "currency name", s.currency[k].Name)
			}
			for _, k := range s.tender[code] {
				check(c, c.AcceptsCurrency(k), "CLDR", "currency", k)
			}
		}
		if ask(geo.AskCalling) {
			for _, p := range list.Phone {
				check(c, c.AcceptsCallingCode(strconv.Itoa(p)), "countries-list", "calling code", strconv.Itoa(p))
			}
		}
		if ask(geo.AskContinent) {
			name := map[string]string{"AF": "Africa", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania", "SA": "South America"}[list.Continent]
			check(c, c.AcceptsContinent(name), "countries-list", "continent", name)
		}
	}
	for _, p := range s.cities {
		if c := geo.ByCode(p.country); c != nil && p.feature == "PPLC" {
			if _, ok := c.Askable(geo.AskCapital); ok {
				check(c, c.AcceptsCapital(p.name), "GeoNames", "capital", p.name)
			}
		}
	}
	if right < 4000 {
		t.Errorf("only %d answers were played", right)
	}
}

// TestVersions compares what is embedded with what is pinned.
func TestVersions(t *testing.T) {
	b, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	lock := string(b)
	for _, s := range geo.Sources() {
		if !strings.Contains(lock, `"node_modules/`+s.Name+"\": {\n      \"version\": \""+s.Version+`"`) {
			t.Errorf("%s is embedded and not what package-lock.json pins", s)
		}
	}
	for _, p := range strings.Split(lock, "\"node_modules/")[1:] {
		if !strings.Contains(p, `"integrity": "sha512-`) {
			t.Errorf("package-lock.json: no sha512: %.60s", p)
		}
	}
	if strings.Contains(lock, `"resolved"`) {
		t.Error("package-lock.json carries download addresses")
	}
}

// TestOverridesAreStrict feeds decisions with mistakes in them.
func TestOverridesAreStrict(t *testing.T) {
	for name, text := range map[string]string{
		"no reason":     "[[never]]\ncountry = \"XX\"\n",
		"unknown key":   "[[never]]\ncuontry = \"XX\"\nreason = \"r\"\n",
		"unknown table": "[[nver]]\ncountry = \"XX\"\nreason = \"r\"\n",
	} {
		file := filepath.Join(t.TempDir(), "overrides.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readOverrides(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := readOverrides("overrides.toml"); err != nil {
		t.Error(err)
	}
}

// TestOfficialNames: each is of a country there is, and was taken: a code that is misspelt would be a name lost.
func TestOfficialNames(t *testing.T) {
	o, err := readOverrides("overrides.toml")
	if err != nil {
		t.Fatal(err)
	}
	for code, names := range o.Official {
		c := geo.ByCode(code)
		for _, name := range names {
			if c == nil || !c.Accepts(name) || geo.ByName(name) != c {
				t.Errorf("%s: %q is not a name of it", code, name)
			}
		}
	}
	if len(o.Official) < 140 {
		t.Errorf("%d countries have official names", len(o.Official))
	}
}
