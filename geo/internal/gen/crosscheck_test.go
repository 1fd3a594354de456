package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// Other people's data, never embedded: what a player who built a solver on it
// would answer must be accepted, or not be asked for.
type otherCountry struct {
	CCA2, CCA3, CCN3 string
	Name             struct{ Common string }
	Capital          []string
	Borders          []string
	Landlocked       bool
	Region           string
	Subregion        string
	Currencies       map[string]any
	IDD              struct {
		Root     string
		Suffixes []string
	}
	Translations map[string]struct{ Common string }
}

func others(t *testing.T) []otherCountry {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(modules(t, "testdata/crosscheck"), "world-countries", "countries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []otherCountry
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 240 {
		t.Fatalf("only %d countries to compare with", len(list))
	}
	return list
}

func TestCrossCheckFacts(t *testing.T) {
	asked := map[geo.Topic]int{}
	for _, o := range others(t) {
		c := geo.ByCode(o.CCA2)
		if c == nil {
			t.Errorf("%s (%s): geo does not know it", o.CCA2, o.Name.Common)
			continue
		}
		ask := func(topic geo.Topic) bool {
			_, ok := c.Askable(topic)
			if ok {
				asked[topic]++
			}
			return ok
		}
		if ask(geo.AskCode) && (c.Alpha3() != o.CCA3 || c.Numeric() != o.CCN3) {
			t.Errorf("%s: codes %s %s, elsewhere %s %s", c, c.Alpha3(), c.Numeric(), o.CCA3, o.CCN3)
		}
		if ask(geo.AskName) && !c.Accepts(o.Name.Common) {
			t.Errorf("%s: does not accept %q", c, o.Name.Common)
		}
		if ask(geo.AskCapital) && !c.AcceptsCapital(o.Capital[0]) {
			t.Errorf("%s: does not accept the capital %q", c, o.Capital[0])
		}
		if ask(geo.AskCurrency) && (len(o.Currencies) != 1 || !c.AcceptsCurrency(firstKey(o.Currencies))) {
			t.Errorf("%s: currency %v, elsewhere %v", c, c.Currencies(), o.Currencies)
		}
		if ask(geo.AskCalling) && !callingAccepted(c, o) {
			t.Errorf("%s: calling codes %v, elsewhere %v", c, c.CallingCodes(), o.IDD)
		}
		if ask(geo.AskLandlocked) && c.Landlocked() != o.Landlocked {
			t.Errorf("%s: landlocked %v, elsewhere %v", c, c.Landlocked(), o.Landlocked)
		}
		if ask(geo.AskContinent) && !c.AcceptsContinent(otherContinent(o)) {
			t.Errorf("%s: continents %v, elsewhere %s", c, c.Continents(), otherContinent(o))
		}
		if ask(geo.AskBorders) {
			compareBorders(t, c, o)
		}
	}
	for topic, want := range map[geo.Topic]int{
		geo.AskCode: 190, geo.AskName: 190, geo.AskCapital: 185, geo.AskCurrency: 165,
		geo.AskCalling: 185, geo.AskLandlocked: 190, geo.AskContinent: 190, geo.AskBorders: 190,
	} {
		if asked[topic] < want {
			t.Errorf("only %d countries were compared for %s, want %d", asked[topic], topic, want)
		}
	}
}

func compareBorders(t *testing.T, c *geo.Country, o otherCountry) {
	must, may := c.Neighbours()
	for _, code := range o.Borders {
		if code == "UNK" {
			code = "XK"
		}
		if b := geo.ByCode(code); !slices.Contains(must, b) && !slices.Contains(may, b) {
			t.Errorf("%s: borders %s elsewhere", c, b)
		}
	}
	for _, b := range must {
		if !slices.Contains(o.Borders, b.Alpha3()) {
			t.Errorf("%s: does not border %s elsewhere", c, b)
		}
	}
}

func callingAccepted(c *geo.Country, o otherCountry) bool {
	// A list of area codes stands for the code before them.
	if o.IDD.Root == "+1" && len(o.IDD.Suffixes) > 3 {
		return c.AcceptsCallingCode("1")
	}
	for _, s := range o.IDD.Suffixes {
		if !c.AcceptsCallingCode(o.IDD.Root + s) {
			return false
		}
	}
	return len(o.IDD.Suffixes) > 0
}

func otherContinent(o otherCountry) string {
	switch {
	case o.Region != "Americas":
		return o.Region
	case o.Subregion == "South America":
		return "South America"
	}
	return "North America"
}

func firstKey(m map[string]any) string {
	for k := range m {
		return k
	}
	return ""
}

// otherMistakes are translations in which the other source names another country.
var otherMistakes = map[string]string{
	"pol WybrzeŻe Kości Słoniowej": "CM", // Ivory Coast
	"kor 도미니카 공화국":                 "DM", // Dominican Republic
	"pol Sudan":                    "SS",
}

// TestCrossCheckNames plays the translations of the other source.
func TestCrossCheckNames(t *testing.T) {
	langs := map[string]string{"deu": "de", "spa": "es", "fra": "fr", "ita": "it", "jpn": "ja", "nld": "nl", "pol": "pl", "por": "pt", "rus": "ru", "zho": "zh", "ara": "ar", "kor": "ko"}
	all, wrong := 0, 0
	for _, o := range others(t) {
		c := geo.ByCode(o.CCA2)
		if _, ok := c.Askable(geo.AskName); !ok {
			continue
		}
		for lang, name := range o.Translations {
			if langs[lang] == "" {
				continue
			}
			all++
			if otherMistakes[lang+" "+name.Common] == o.CCA2 {
				continue
			}
			if found := geo.ByName(name.Common); found != nil && found != c {
				t.Errorf("%s %q is accepted for %s", lang, name.Common, found)
			}
			if !c.Accepts(name.Common) {
				wrong++
				t.Logf("%s: %s %q is not accepted", c, lang, name.Common)
			}
		}
	}
	if all < 2000 || wrong*20 > all {
		t.Errorf("%d of %d translations are not accepted", wrong, all)
	}
}

// TestCrossCheckPoints asks the atlas that shows what is rather than what is
// recognised, in which country random points are.
func TestCrossCheckPoints(t *testing.T) {
	points := 1500 // FLAGSTAFF_POINTS=60000 agreed too
	dir := modules(t, "testdata/crosscheck")
	atlas := map[string]*otherAtlas{}
	for _, name := range []string{"countries-50m", "countries-110m"} {
		atlas[name] = readOtherAtlas(t, filepath.Join(dir, "world-atlas", name+".json"))
	}
	if n, err := strconv.Atoi(os.Getenv("FLAGSTAFF_POINTS")); err == nil {
		points = n
	}
	rng := rand.New(rand.NewPCG(1, 2))
	asked := 0
	for asked < points {
		p := geo.Point{Lat: math.Asin(2*rng.Float64()-1) * 180 / math.Pi, Lon: rng.Float64()*360 - 180}
		c := geo.SafelyInside(p, 15)
		if c == nil {
			continue
		}
		if _, ok := c.Askable(geo.AskPoint); !ok {
			continue
		}
		asked++
		for name, a := range atlas {
			if got := a.locate(p); got != c.Numeric() {
				t.Errorf("%v: %s here, %q in world-atlas %s", p, c, got, name)
			}
		}
	}
}

type otherAtlas struct {
	ids   []string
	rings [][]otherRing
}

type otherRing struct {
	points          [][2]float64
	west, east, top float64
}

func readOtherAtlas(t *testing.T, name string) *otherAtlas {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var topo struct {
		Transform struct{ Scale, Translate [2]float64 }
		Arcs      [][][2]int
		Objects   struct {
			Countries struct {
				Geometries []struct {
					ID, Type string
					Arcs     json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(b, &topo); err != nil {
		t.Fatal(err)
	}
	a := &otherAtlas{}
	for _, g := range topo.Objects.Countries.Geometries {
		var polygons [][][]int
		if g.Type == "Polygon" {
			polygons = make([][][]int, 1)
			err = json.Unmarshal(g.Arcs, &polygons[0])
		} else {
			err = json.Unmarshal(g.Arcs, &polygons)
		}
		if err != nil {
			t.Fatal(err)
		}
		var rings []otherRing
		for _, polygon := range polygons {
			for _, ring := range polygon {
				var out [][2]float64
				for _, n := range ring {
					var arc [][2]float64
					x, y := 0, 0
					for _, d := range topo.Arcs[max(n, ^n)] {
						x, y = x+d[0], y+d[1]
						arc = append(arc, [2]float64{
							float64(x)*topo.Transform.Scale[0] + topo.Transform.Translate[0],
							float64(y)*topo.Transform.Scale[1] + topo.Transform.Translate[1],
						})
					}
					if n < 0 {
						slices.Reverse(arc)
					}
					out = append(out, arc...)
				}
				rings = append(rings, newOtherRing(out))
			}
		}
		a.ids = append(a.ids, g.ID)
		a.rings = append(a.rings, rings)
	}
	return a
}

// newOtherRing notes how far a ring reaches; one over the 180th meridian reaches
// all round.
func newOtherRing(points [][2]float64) otherRing {
	r := otherRing{points: points, west: 180, east: -180, top: -90}
	for i, q := range points {
		r.west, r.east, r.top = min(r.west, q[0]), max(r.east, q[0]), max(r.top, q[1])
		if i > 0 && math.Abs(q[0]-points[i-1][0]) > 180 {
			r.west, r.east = -180, 180
		}
	}
	return r
}

// locate is written apart from geo's own on purpose: it goes from the point to the
// North Pole along the meridian, and counts the edges it crosses. So it takes the
// edges over the 180th meridian as they are.
func (a *otherAtlas) locate(p geo.Point) string {
	east := func(lon float64) float64 { return math.Mod(lon-p.Lon+900, 360) - 180 }
	for i, rings := range a.rings {
		odd := false
		for _, r := range rings {
			if p.Lat > r.top || p.Lon < r.west || p.Lon > r.east {
				continue
			}
			ring := r.points
			for k := 1; k < len(ring); k++ {
				u, v := east(ring[k-1][0]), east(ring[k][0])
				if (u > 0) == (v > 0) || math.Abs(u-v) > 180 {
					continue
				}
				if ring[k-1][1]+(ring[k][1]-ring[k-1][1])*u/(u-v) > p.Lat {
					odd = !odd
				}
			}
		}
		if odd {
			return a.ids[i]
		}
	}
	return ""
}
