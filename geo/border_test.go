package geo

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBordersAreSymmetric(t *testing.T) {
	n := 0
	for _, c := range Countries() {
		for _, b := range c.Borders() {
			n++
			back := slices.IndexFunc(b.With.Borders(), func(x Border) bool { return x.With == c })
			if b.With == c || back < 0 || b.With.Borders()[back].Disputed != b.Disputed {
				t.Errorf("%s borders %s %q, and not the other way round", c, b.With, b.Disputed)
			}
			if c.Touches(b.With) == Apart {
				t.Errorf("%s borders %s and does not touch it", c, b.With)
			}
		}
		if c.Touches(c) != Apart {
			t.Errorf("%s touches itself", c)
		}
	}
	if n < 600 || n > 720 {
		t.Errorf("%d borders, counted from both sides", n)
	}
}

func TestKnownBorders(t *testing.T) {
	for pair, want := range map[[2]string]Touch{
		{"FR", "DE"}: Touching, {"PT", "ES"}: Touching, {"AZ", "TR"}: Touching, {"IT", "VA"}: Touching, {"ZA", "LS"}: Touching,
		{"US", "CA"}: Touching, {"CN", "AF"}: Touching, {"AO", "CD"}: Touching, {"RU", "NO"}: Touching, {"RU", "PL"}: Touching,
		{"IE", "GB"}: Touching, {"DO", "HT"}: Touching, {"PG", "ID"}: Touching, {"TL", "ID"}: Touching, {"BN", "MY"}: Touching,
		{"NG", "TD"}: Touching, {"ES", "GI"}: Touching, {"GF", "BR"}: Touching, {"UZ", "AF"}: Touching, {"KP", "RU"}: Touching,
		{"FR", "GB"}: Apart, {"ES", "DZ"}: Apart, {"BD", "NP"}: Apart, {"DE", "IT"}: Apart, {"CR", "CO"}: Apart, {"GR", "CY"}: Apart,
		{"ZW", "NA"}: Apart, {"IR", "GE"}: Apart, {"KZ", "MN"}: Apart, {"US", "RU"}: Apart, {"JP", "KR"}: Apart, {"AU", "NZ"}: Apart,
		{"BR", "FR"}: Disputed, {"FR", "SR"}: Disputed, {"BW", "ZM"}: Disputed, {"DJ", "SO"}: Disputed, {"ES", "MA"}: Disputed,
		{"IN", "LK"}: Disputed, {"AL", "RS"}: Disputed, {"EG", "IL"}: Disputed, {"MA", "EH"}: Disputed,
	} {
		if got := ByCode(pair[0]).Touches(ByCode(pair[1])); got != want {
			t.Errorf("%v: %v, want %v", pair, got, want)
		}
	}
}

func TestNeighbours(t *testing.T) {
	codes := func(list []*Country) (out []string) {
		for _, c := range list {
			out = append(out, c.Alpha2())
		}
		return out
	}
	for code, want := range map[string][2][]string{
		"CH": {{"AT", "DE", "FR", "IT", "LI"}, nil},
		"ES": {{"AD", "FR", "PT"}, {"GB", "GI", "MA"}},
		"JO": {{"IQ", "SA", "SY"}, {"IL", "PS"}},
		"RS": {{"BA", "BG", "HR", "HU", "ME", "MK", "RO"}, {"AL", "XK"}},
		"JP": {nil, nil},
		"SN": {{"GM", "GN", "GW", "ML", "MR"}, nil},
	} {
		must, may := ByCode(code).Neighbours()
		if !slices.Equal(codes(must), want[0]) || !slices.Equal(codes(may), want[1]) {
			t.Errorf("%s: neighbours %v, %v; want %v", code, codes(must), codes(may), want)
		}
	}
	for _, c := range Askable(AskBorders) {
		must, _ := c.Neighbours()
		for _, n := range must {
			if reason, ok := n.Askable(AskAny); !ok {
				t.Errorf("the neighbours of %s must name %s: %s", c, n, reason)
			}
		}
	}
}

func TestLandlocked(t *testing.T) {
	n := 0
	for _, c := range Countries() {
		if !c.Landlocked() {
			continue
		}
		if c.Sovereign() {
			n++
		}
		if len(c.Borders()) == 0 {
			t.Errorf("%s is landlocked and borders nobody", c)
		}
	}
	if n != 44 {
		t.Errorf("%d landlocked countries, want 44 with the Vatican", n)
	}
	for code, want := range map[string]bool{
		"BO": true, "UZ": true, "LI": true, "SM": true, "VA": true, "KZ": true, "AZ": true, "SS": true, "MN": true,
		"CD": false, "BA": false, "JO": false, "IQ": false, "SI": false, "TG": false, "GE": false, "JP": false, "AD": true,
	} {
		if got := ByCode(code).Landlocked(); got != want {
			t.Errorf("%s: landlocked %v", code, got)
		}
	}
}

func TestCrossings(t *testing.T) {
	for pair, want := range map[[2]string]Crossings{
		{"PT", "ES"}: {1, 1}, {"PT", "DE"}: {3, 3}, {"PT", "PT"}: {0, 0}, {"JP", "KR"}: {Unreachable, Unreachable},
		{"ZA", "EG"}: {6, 6}, {"PT", "ZA"}: {9, Unreachable}, {"AL", "RS"}: {1, 2}, {"FR", "BR"}: {1, Unreachable},
	} {
		if got := ByCode(pair[0]).Crossings(ByCode(pair[1])); got != want {
			t.Errorf("%v: %v crossings, want %v", pair, got, want)
		}
	}
	if n, ok := (Crossings{3, 3}).Certain(); n != 3 || !ok {
		t.Error("three crossings are not certain")
	}
	for _, x := range []Crossings{{1, 2}, {9, Unreachable}, {Unreachable, Unreachable}} {
		if _, ok := x.Certain(); ok {
			t.Errorf("%v is certain", x)
		}
	}
	if IsPath(nil) || IsPath([]*Country{ByCode("FR"), ByCode("GB")}) || !IsPath([]*Country{ByCode("FR")}) {
		t.Error("IsPath is wrong about none, over the sea, or one")
	}
}

func TestCrossingsAreADistance(t *testing.T) {
	one := rapid.SampledFrom(Countries())
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := one.Draw(t, "a"), one.Draw(t, "b"), one.Draw(t, "c")
		ab, ba, bc, ac := a.Crossings(b), b.Crossings(a), b.Crossings(c), a.Crossings(c)
		if ab != ba {
			t.Fatalf("%v there, %v back", ab, ba)
		}
		if ab.Most != Unreachable && (ab.Fewest > ab.Most || ab.Fewest == Unreachable) {
			t.Fatalf("%v: more borders make the way longer", ab)
		}
		if ab.Most >= 0 && bc.Most >= 0 && (ac.Most == Unreachable || ac.Most > ab.Most+bc.Most) {
			t.Fatalf("%v + %v < %v", ab, bc, ac)
		}
		if path := a.Path(b); path != nil && (!IsPath(path) || path[0] != a || path[len(path)-1] != b || len(path)-1 != ab.Most) {
			t.Fatalf("path %v of %v", path, ab)
		}
	})
}
