// Package world is the format of the file that package geo embeds: the
// generator writes it, geo reads it, and nobody else needs to know it.
//
// The file is a magic line followed by sections, each compressed on its own, so
// that a program which only asks for a capital never unpacks a polygon:
//
//	facts     countries, names, capitals, borders and the like, as JSON
//	cities    cities of 100,000 people and more
//	atlas 50  outlines at 1:50 million, as arcs shared between neighbours
//	atlas 110 outlines at 1:110 million
//	flags     small rasters with a palette each
//
// Every encoding is deterministic: the same values give the same bytes before
// compression. The compressed bytes may change with the version of Go's deflate;
// so a comparison of two files compares [Sections], not the files.
package world

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The sections, in the order of the file.
const (
	SectionFacts = iota
	SectionCities
	SectionAtlas50
	SectionAtlas110
	SectionFlags
	sectionCount
)

const magic = "flagstaff geo 1\n"

// maxSection bounds what a damaged length can make a reader allocate.
const maxSection = 16 << 20

// Facts is everything about countries that is text or a small number.
type Facts struct {
	Sources    []Source
	Languages  []string // the order of Country.Names and Continent.Names; the first is "en"
	Continents []Continent
	Currencies []Currency
	Countries  []Country // by alpha-2 code
	Borders    []Border  // A < B, by code
	Quarantine []Box     // where maps differ about whose the land is
}

// Box is bounded by meridians and parallels, in degrees.
type Box struct{ West, South, East, North float64 }

// Source is one input of the generator.
type Source struct {
	Name, Version, Licence, Gives, Credit string
}

// Continent is one of the seven.
type Continent struct {
	Code  string
	Names []string
	Also  []string `json:",omitempty"`
}

// Currency is a currency that some country uses.
type Currency struct {
	Code, Name string
	Also       []string `json:",omitempty"` // other names in use, and what people call it at home
}

// Country is one entry of ISO 3166-1, or Kosovo.
type Country struct {
	Alpha2, Alpha3, Numeric string
	UN                      bool `json:",omitempty"` // a member of the United Nations
	Sovereign               bool `json:",omitempty"` // UN, or the Vatican
	Names                   []string
	Native                  string
	Aliases                 []string          `json:",omitempty"`
	Reject                  []string          `json:",omitempty"` // normalised names that another country has too
	Continents              []string          `json:",omitempty"`
	Region, Subregion       string            `json:",omitempty"`
	Capitals                []Capital         `json:",omitempty"`
	Currencies              []string          `json:",omitempty"`
	Calling                 []string          `json:",omitempty"` // the usual ones first
	CallingAlso             []string          `json:",omitempty"`
	Zones                   []string          `json:",omitempty"`
	OneClock                bool              `json:",omitempty"` // all zones agreed in the years asked about
	Landlocked              bool              `json:",omitempty"`
	LookAlikes              []string          `json:",omitempty"`
	Refuse                  map[string]string `json:",omitempty"` // topic to reason
}

// Capital is one city that some source calls the capital.
type Capital struct {
	Name     string
	Names    []string `json:",omitempty"`
	Lat, Lon float64  `json:",omitempty"`
	Zone     string   `json:",omitempty"`
}

// Border is a land border, or a disagreement about one.
type Border struct {
	A, B     string
	Disputed string `json:",omitempty"` // why it may be left out; empty when every source has it
}

// City is a city of 100,000 people and more. Coordinates are in 1/1000 degree.
type City struct {
	Name       string
	Country    string
	Lat, Lon   int
	Population int
}

// Atlas holds outlines as arcs. Coordinates are in 1/Scale degree.
type Atlas struct {
	Scale int
	Arcs  [][][2]int // longitude, latitude
	Areas []Area
}

// Area is what one owner has. A ring lists arcs: n forwards, ^n backwards, as
// in TopoJSON. The first ring of a polygon is its outline, the others holes.
type Area struct {
	Code     string // alpha-2, or "" when it is disputed
	Polygons [][][]int
}

// Flag is a raster of Width x Height palette indices.
type Flag struct {
	Country       string
	Width, Height int
	Palette       [][3]byte
	Pixels        []byte
}

// Pack compresses sections into one file.
func Pack(sections [][]byte) ([]byte, error) {
	out := []byte(magic)
	var bodies [][]byte
	for _, s := range sections {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(s); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		bodies = append(bodies, b.Bytes())
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = binary.AppendUvarint(out, uint64(b.Len()))
	}
	for _, b := range bodies {
		out = append(out, b...)
	}
	return out, nil
}

// Section unpacks section i of a file.
func Section(file []byte, i int) ([]byte, error) {
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, errors.New("read geo data: not a data file of this version")
	}
	r := &reader{b: rest}
	var raw, packed [sectionCount]int
	for k := range sectionCount {
		raw[k], packed[k] = r.int(), r.int()
	}
	for k := range i {
		r.bytes(packed[k])
	}
	body := r.bytes(packed[i])
	if r.err != nil || raw[i] > maxSection {
		return nil, errors.New("read geo data: damaged header")
	}
	out := make([]byte, raw[i])
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(body)), out); err != nil {
		return nil, fmt.Errorf("read geo data: section %d: %w", i, err)
	}
	return out, nil
}

// Sections unpacks all of a file.
func Sections(file []byte) ([][]byte, error) {
	var all [][]byte
	for i := range sectionCount {
		s, err := Section(file, i)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// EncodeFacts writes the facts section.
func EncodeFacts(f Facts) ([]byte, error) { return json.Marshal(f) }

// DecodeFacts reads the facts section.
func DecodeFacts(b []byte) (Facts, error) {
	var f Facts
	if err := json.Unmarshal(b, &f); err != nil {
		return Facts{}, fmt.Errorf("read geo facts: %w", err)
	}
	return f, nil
}
