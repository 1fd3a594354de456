package world

import (
	"bytes"
	"os"
	"reflect"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	cities := []City{{"Quito", "EC", -230, -78525, 1_399_814}, {"Ærø", "DK", 54_900, 10_400, 100_000}}
	atlas := Atlas{
		Scale: 1000,
		Arcs:  [][][2]int{{{-180_000, 0}, {5, -7}, {180_000, 90_000}}, {{1, 2}, {3, 4}}},
		Areas: []Area{{"EC", [][][]int{{{0, ^1}, {1}}}}, {"", [][][]int{{{^0}}}}},
	}
	flags := []Flag{{"EC", 2, 1, [][3]byte{{1, 2, 3}, {255, 0, 9}}, []byte{1, 0}}}
	facts := Facts{Languages: []string{"en"}, Countries: []Country{{Alpha2: "EC", Names: []string{"Ecuador"}}}}
	encoded, err := EncodeFacts(facts)
	if err != nil {
		t.Fatal(err)
	}
	sections := [][]byte{encoded, EncodeCities(cities), EncodeAtlas(atlas), EncodeAtlas(Atlas{Scale: 1}), EncodeFlags(flags)}
	file, err := Pack(sections)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Sections(file)
	if err != nil || !reflect.DeepEqual(again, sections) {
		t.Fatalf("sections changed: %v", err)
	}
	if got, err := DecodeFacts(again[SectionFacts]); err != nil || !reflect.DeepEqual(got, facts) {
		t.Errorf("facts: %+v, %v", got, err)
	}
	if got, err := DecodeCities(again[SectionCities]); err != nil || !reflect.DeepEqual(got, cities) {
		t.Errorf("cities: %+v, %v", got, err)
	}
	if got, err := DecodeAtlas(again[SectionAtlas50]); err != nil || !reflect.DeepEqual(got, atlas) {
		t.Errorf("atlas: %+v, %v", got, err)
	}
	if got, err := DecodeFlags(again[SectionFlags]); err != nil || !reflect.DeepEqual(got, flags) {
		t.Errorf("flags: %+v, %v", got, err)
	}
}

func TestDamage(t *testing.T) {
	file, err := Pack([][]byte{[]byte("{}"), EncodeCities(nil), EncodeAtlas(Atlas{}), EncodeAtlas(Atlas{}), EncodeFlags(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(file) {
		if _, err := Sections(file[:n]); err == nil {
			t.Errorf("%d of %d bytes are read without an error", n, len(file))
		}
	}
	if _, err := DecodeCities(append(EncodeCities(nil), 0)); err == nil {
		t.Error("bytes left over are not noticed")
	}
	if _, err := DecodeAtlas(EncodeAtlas(Atlas{Areas: []Area{{"EC", [][][]int{{{0}}}}}})); err == nil {
		t.Error("an arc that is not there is not noticed")
	}
	if _, err := DecodeFlags(EncodeFlags([]Flag{{"EC", 1, 1, [][3]byte{{}}, []byte{1}}})); err == nil {
		t.Error("a colour that is not there is not noticed")
	}
}

// FuzzDecode feeds the decoders damage: they refuse it, in memory in proportion to
// it, and what they accept they write again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeCities([]City{{"Quito", "EC", -230, -78525, 1_399_814}}))
	f.Add(EncodeAtlas(Atlas{Scale: 9, Arcs: [][][2]int{{{1, 2}}}, Areas: []Area{{"EC", [][][]int{{{^0}}}}}}))
	f.Add(EncodeFlags([]Flag{{"EC", 1, 1, [][3]byte{{}}, []byte{0}}}))
	if file, err := os.ReadFile("../../world.bin"); err == nil {
		if len(file) > 200 {
			f.Add(file[:200])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := DecodeCities(b); err == nil {
			if w, err := DecodeCities(EncodeCities(v)); err != nil || !reflect.DeepEqual(v, w) {
				t.Errorf("cities %v, again %v: %v", v, w, err)
			}
		}
		if v, err := DecodeAtlas(b); err == nil {
			if !bytes.Equal(EncodeAtlas(v), EncodeAtlas(must(DecodeAtlas(EncodeAtlas(v))))) {
				t.Error("an atlas changes when written again")
			}
		}
		if v, err := DecodeFlags(b); err == nil && len(v) > 0 {
			if w, err := DecodeFlags(EncodeFlags(v)); err != nil || !reflect.DeepEqual(v, w) {
				t.Errorf("flags %v, again %v: %v", v, w, err)
			}
		}
		_, _ = Sections(b)
	})
}

func must(a Atlas, err error) Atlas {
	if err != nil {
		panic(err)
	}
	return a
}
