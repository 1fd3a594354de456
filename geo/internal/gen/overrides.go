package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/pelletier/go-toml/v2"
)

// overrides are the decisions no source can make. Every one has a reason, and an
// unknown key is an error: a decision that is misspelt would be a decision lost.
type overrides struct {
	Never      []decision // never asked about, whatever the question
	Refuse     []decision // not asked about one topic
	Capital    []decision // another city that counts as the capital
	Spelling   []decision // another spelling of a capital
	Alias      []decision // another name of a country
	Zone       []decision // the capital's time zone
	Continent  []decision // another continent that counts
	Border     []decision // a land border: certain, disputed or none
	Landlocked []decision
	Calling    []decision // other calling codes that count
	Money      []decision // other names of a currency
	Alike      []decision // flags that are mistaken for each other
	Quarantine []decision // boxes in which no point is asked about
	Area       []decision // whose an area of the atlas is
	Carve      []decision // polygons with a code of their own

	Official map[string][]string // what states call themselves in English, by their alpha-2 codes
}

// decision is any line of overrides.toml; each table uses a few of the keys.
type decision struct {
	Country, Topic, City, Name, Zone, Area, Is, Currency string // codes are alpha-2; Area is the atlas's alpha-3
	Countries, Names, Codes                              []string
	Box                                                  []float64 // west, south, east, north
	Landlocked                                           bool
	Reason                                               string
}

func readOverrides(name string) (*overrides, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	var o overrides
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("read overrides: unknown key\n%s", strict)
		}
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	for _, list := range [][]decision{
		o.Never, o.Refuse, o.Capital, o.Spelling, o.Alias, o.Zone,
		o.Continent, o.Border, o.Landlocked, o.Calling, o.Money, o.Alike, o.Quarantine, o.Area, o.Carve,
	} {
		for _, d := range list {
			if d.Reason == "" {
				return nil, fmt.Errorf("read overrides: no reason given: %+v", d)
			}
		}
	}
	return &o, nil
}

// forCountry gives the decisions about one country.
func forCountry(list []decision, code string) []decision {
	var out []decision
	for _, d := range list {
		if d.Country == code {
			out = append(out, d)
		}
	}
	return out
}
