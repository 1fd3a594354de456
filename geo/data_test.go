package geo

import (
	"slices"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// TestSize keeps what every program that imports the package carries small.
func TestSize(t *testing.T) {
	if len(file) > 400_000 {
		t.Errorf("world.bin has %d bytes, more than 400,000", len(file))
	}
}

// TestNeverAsked names the countries that no question may be about.
func TestNeverAsked(t *testing.T) {
	topics := []Topic{AskAny, AskName, AskCapital, AskCode, AskCurrency, AskCalling, AskContinent, AskLandlocked, AskBorders, AskPoint, AskClock, AskMap, AskFlag}
	for _, topic := range topics {
		for _, c := range Askable(topic) {
			if slices.Contains([]string{"IL", "PS", "EH", "XK", "TW"}, c.Alpha2()) || !c.Sovereign() {
				t.Errorf("%s is asked about %s", c, topic)
			}
		}
	}
	for _, code := range []string{"GQ", "ID"} {
		for _, topic := range []Topic{AskCapital, AskClock} {
			if reason, ok := ByCode(code).Askable(topic); ok || reason == "" {
				t.Errorf("%s is asked about its %s", code, topic)
			}
		}
		if _, ok := ByCode(code).Askable(AskBorders); !ok {
			t.Errorf("%s is not asked about its borders", code)
		}
	}
	if _, ok := ByCode("GL").Askable(AskCode); ok {
		t.Error("a territory is asked about")
	}
}

// TestTopicsHaveEnough: a rule that refuses too much makes a small pool of
// questions, which players learn by losing.
func TestTopicsHaveEnough(t *testing.T) {
	for topic, want := range map[Topic]int{
		AskName: 192, AskCapital: 190, AskCode: 192, AskCurrency: 165, AskCalling: 190, AskContinent: 192,
		AskLandlocked: 192, AskBorders: 192, AskPoint: 160, AskClock: 185, AskMap: 145, AskFlag: 190,
	} {
		if got := len(Askable(topic)); got < want || got > 194 {
			t.Errorf("%d countries can be asked about %s, want at least %d", got, topic, want)
		}
	}
}

func TestCountries(t *testing.T) {
	if n := len(Countries()); n != 250 {
		t.Errorf("%d countries, want 249 of ISO 3166-1 and Kosovo", n)
	}
	un := 0
	for _, c := range Countries() {
		if c.UNMember() {
			un++
		}
		if ByCode(c.Alpha2()) != c || ByCode(c.Alpha3()) != c || c.Numeric() != "" && ByCode(c.Numeric()) != c {
			t.Errorf("%s is not found by its codes", c)
		}
		if len(c.Alpha2()) != 2 || len(c.Alpha3()) != 3 || (len(c.Numeric()) != 3 && c.Alpha2() != "XK") {
			t.Errorf("%s has codes %q %q %q", c, c.Alpha2(), c.Alpha3(), c.Numeric())
		}
		if c.Sovereign() && c.Region() == "" || c.Native() == "" {
			t.Errorf("%s has region %q, native name %q", c, c.Region(), c.Native())
		}
	}
	if un != 193 {
		t.Errorf("%d members of the United Nations, want 193", un)
	}
	for code, want := range map[string][3]string{
		"CH": {"CH", "CHE", "756"}, "zaf": {"ZA", "ZAF", "710"}, "840": {"US", "USA", "840"}, "TLS": {"TL", "TLS", "626"},
	} {
		c := ByCode(code)
		if got := [3]string{c.Alpha2(), c.Alpha3(), c.Numeric()}; got != want {
			t.Errorf("ByCode(%q) = %v, want %v", code, got, want)
		}
	}
	for _, code := range []string{"", "ZZ", "AAA", "999", "France"} {
		if c := ByCode(code); c != nil {
			t.Errorf("ByCode(%q) = %s", code, c)
		}
	}
	if got := ByCode("CI").EmojiFlag(); got != "🇨🇮" || len(got) != 8 {
		t.Errorf("flag of Ivory Coast %q", got)
	}
	if c := ByCode("JP"); c.Name("de") != "Japan" || c.Name("ja") != "日本" || c.Name("xx") != "Japan" {
		t.Errorf("names of Japan: %s %s %s", c.Name("de"), c.Name("ja"), c.Name("xx"))
	}
	if len(Languages()) != 13 || Languages()[0] != "en" {
		t.Errorf("languages %v", Languages())
	}
}

// TestClocks asks for a local time in every capital that may be asked about, and
// checks some that changed in the past.
func TestClocks(t *testing.T) {
	for _, c := range Askable(AskClock) {
		if _, err := time.LoadLocation(c.Capital().Zone()); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if len(c.Capitals()) > 1 && !c.OneClock() {
			t.Errorf("%s has several capitals and clocks", c)
		}
	}
	at := time.Date(2010, time.July, 1, 12, 0, 0, 0, time.UTC)
	for code, want := range map[string]string{
		"NP": "17:45", "IN": "17:30", "RU": "16:00", "US": "08:00", "AU": "22:00", "BR": "09:00", "VE": "07:30", "KP": "21:00", "WS": "01:00",
	} {
		loc, err := time.LoadLocation(ByCode(code).Capital().Zone())
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(loc).Format("15:04"); got != want {
			t.Errorf("%s: %s at noon UTC on %s, want %s", code, got, at.Format(time.DateOnly), want)
		}
	}
}

func TestCities(t *testing.T) {
	if n := len(Cities()); n < 4000 {
		t.Errorf("%d cities", n)
	}
	seen := map[string]bool{}
	for i, c := range Cities() {
		if c.Country == nil || !c.Point.Valid() || c.Population < 100_000 || i > 0 && c.Population > Cities()[i-1].Population {
			t.Errorf("city %d: %+v", i, c)
		}
		k := c.Country.Alpha2() + Normalise(c.Name)
		if seen[k] {
			t.Errorf("two cities %s", c)
		}
		seen[k] = true
		// It lies in its country, or near it: coasts are drawn coarsely.
		if a := Atlas50().Area(c.Country); a != nil && !a.Contains(c.Point) && a.BorderDistance(c.Point) > 20 {
			t.Errorf("%s at %v is %.0f km from its country", c, c.Point, a.BorderDistance(c.Point))
		}
	}
	i := slices.IndexFunc(Cities(), func(c *City) bool { return c.String() == "Quito, Ecuador" })
	if i < 0 || Distance(Cities()[i].Point, Point{-0.22, -78.51}) > 10 {
		t.Error("Quito is not where it is")
	}
}

func TestFlags(t *testing.T) {
	for _, c := range Countries() {
		f := c.Flag()
		if f == nil {
			t.Errorf("%s has no flag", c)
			continue
		}
		if f.Rect.Dx() != 48 || f.Rect.Dy() != 36 || len(f.Pix) != 48*36 || len(f.Palette) < 2 || len(f.Palette) > 12 {
			t.Errorf("%s: flag of %v with %d pixels, %d colours", c, f.Rect, len(f.Pix), len(f.Palette))
		}
		for _, other := range c.LookAlikes() {
			if !slices.Contains(other.LookAlikes(), c) || other == c {
				t.Errorf("%s looks like %s, and not the other way round", c, other)
			}
		}
	}
	// Poland is white over red, Ukraine blue over yellow.
	for code, want := range map[string][2][3]uint32{"PL": {{240, 240, 240}, {220, 20, 60}}, "UA": {{0, 87, 183}, {255, 215, 0}}} {
		for i, y := range []int{5, 30} {
			r, g, b, _ := ByCode(code).Flag().At(24, y).RGBA()
			for k, v := range []uint32{r >> 8, g >> 8, b >> 8} {
				if d := int(v) - int(want[i][k]); d > 45 || d < -45 {
					t.Errorf("%s at line %d: %d %d %d, want about %v", code, y, r>>8, g>>8, b>>8, want[i])
					break
				}
			}
		}
	}
	for _, pair := range [][2]string{{"TD", "RO"}, {"ID", "MC"}, {"NL", "LU"}, {"AU", "NZ"}, {"NO", "SJ"}} {
		if !slices.Contains(ByCode(pair[0]).LookAlikes(), ByCode(pair[1])) {
			t.Errorf("%s and %s do not look alike", pair[0], pair[1])
		}
	}
	if slices.Contains(ByCode("CN").LookAlikes(), ByCode("MA")) {
		t.Error("China and Morocco look alike")
	}
}

func TestSources(t *testing.T) {
	if len(Sources()) < 7 {
		t.Errorf("sources: %v", Sources())
	}
	for _, s := range Sources() {
		if s.Name == "" || s.Version == "" || s.Licence == "" || s.Gives == "" {
			t.Errorf("incomplete source %+v", s)
		}
		if s.Name == "world-countries" {
			t.Error("world-countries is embedded: its licence forbids that")
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := world.DecodeFacts(must(world.Section(file, world.SectionFacts))); err != nil {
			b.Fatal(err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func BenchmarkAtlas50(b *testing.B) {
	for b.Loop() {
		newAtlas(section(world.SectionAtlas50, world.DecodeAtlas))
	}
}

func BenchmarkSafelyInside(b *testing.B) {
	for b.Loop() {
		SafelyInside(Point{48.5, 9}, 15)
	}
}

func BenchmarkNormalise(b *testing.B) {
	for b.Loop() {
		Normalise("Bosnië en Herzegovina")
	}
}
