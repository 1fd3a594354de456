package geography

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var testKey = []byte("a key for tests")

// many is how often a proof is repeated: all of it in a normal run, a sample under -short and -race.
func many(all int) int {
	if testing.Short() || raceEnabled {
		return max(1, all/200)
	}
	return all
}

func seeded(n int) (seed [32]byte) {
	binary.LittleEndian.PutUint64(seed[:], uint64(n))
	return seed
}

// dear are the kinds whose questions cost 0.2 to 4 milliseconds to draw and solve: a part of the
// seeds is taken in every run, and all of them with FLAGSTAFF_PROOF=all (ten minutes).
var dear = map[*kind]int{&wayKind: 5, &locateKind: 10, &flagKind: 40, &mapKind: 100}

// seeds is how many seeds of a kind are proved.
func seeds(k *kind) int {
	n := many(100_000)
	if part := dear[k]; part > 1 && os.Getenv("FLAGSTAFF_PROOF") != "all" {
		n = max(1, n/part)
	}
	return n
}

// everySeed draws n questions of a kind, each from a seed of its own, on all processors.
func everySeed(t *testing.T, k *kind, n int, check func(seed int, q question)) {
	const workers = 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && !t.Failed(); i += workers {
				q := k.draw(rand.New(rand.NewChaCha8(seeded(i))))
				q.kind = k
				check(i, q)
			}
		})
	}
	wg.Wait()
}

// TestEveryQuestionHasAnAnswer draws 100,000 questions of each kind: each can be asked, in every
// language, has a right answer, which is the one shown, and (every fifth) the reference solver knows one from the text.
func TestEveryQuestionHasAnAnswer(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			everySeed(t, k, seeds(k), func(seed int, q question) {
				if !q.accepts(q.answer) {
					t.Errorf("seed %d: %s: the shown answer %q is not accepted", seed, q.prompt.in(view{}), q.answer)
				}
				for _, a := range []string{"", " ", "?", "quit", "the"} {
					if seed%100 == 0 && q.accepts(a) {
						t.Errorf("seed %d: %s: %q is accepted", seed, q.prompt.in(view{}), a)
					}
				}
				lang := geo.Languages()[seed%len(geo.Languages())]
				if seed%5 != 0 { // to ask and to solve costs more than to draw
					return
				}
				for _, v := range []view{{lang: "en"}, {lang: lang, ascii: seed%2 == 0}}[:1+seed/5%2] {
					prompt, block := checkText(t, q, v)
					if got := k.solve(prompt, block); !q.accepts(got) {
						t.Errorf("seed %d: %s %q: the solver says %q, which is wrong; right is %q", seed, prompt, block, got, q.answer)
					}
				}
			})
		})
	}
}

// checkText returns what a player sees of q, which must not be mistaken for anything else.
func checkText(t *testing.T, q question, v view) (prompt string, block []string) {
	prompt = q.prompt.in(v)
	if q.block != nil {
		block = q.block(v)
	}
	if len(block) > 20 {
		t.Errorf("%s: %d lines do not fit into a terminal", prompt, len(block))
	}
	for i, line := range append([]string{prompt}, block...) {
		if line == "" && i == 0 || strings.ContainsAny(line, "\n\r\x00\x1b") || strings.Contains(line, "> ") || strings.Contains(line, "%!") {
			t.Errorf("line %q of %s cannot be sent", line, q.kind.name)
		}
		if i > 0 && len([]rune(line)) > 78 {
			t.Errorf("%s: block line %q is wider than 80 columns", prompt, line)
		}
	}
	return prompt, block
}

// TestAlsoRight: everything practice lists as right is right.
func TestAlsoRight(t *testing.T) {
	for _, k := range kinds {
		everySeed(t, k, 50, func(_ int, q question) {
			for _, a := range q.others() {
				if !q.accepts(a) {
					t.Errorf("%s: %q is listed as right and is not accepted", q.prompt.in(view{}), a)
				}
			}
			if len(versions(q.sources)) == 0 {
				t.Errorf("%s: no source", q.prompt.in(view{}))
			}
		})
	}
}

// TestCommandsAreNoAnswers: nobody is kept from a right answer by a command of the same name.
func TestCommandsAreNoAnswers(t *testing.T) {
	for _, word := range strings.Fields("start practice replay menu json lang ascii color hint quit") {
		if geo.ByName(word) != nil || len(geo.ByCapital(word)) > 0 {
			t.Errorf("%q is a command and a place", word)
		}
		for _, c := range geo.Countries() {
			if c.AcceptsCurrency(word) {
				t.Errorf("%q is a command and a currency", word)
			}
		}
	}
}

// TestGamesDoNotRepeat: no question twice in a game, all kinds, as many of each tier as promised.
func TestGamesDoNotRepeat(t *testing.T) {
	for i := range many(100) {
		g := newGame(seeded(i))
		if len(g.plan) != rounds {
			t.Fatalf("a game has %d rounds, want %d", len(g.plan), rounds)
		}
		seen, played := map[string]bool{}, map[string]int{}
		for range g.plan {
			q := g.next()
			prompt := q.kind.name + q.key
			if seen[prompt] {
				t.Errorf("game %d asks twice: %s", i, q.prompt.in(view{}))
			}
			seen[prompt] = true
			played[q.kind.name]++
		}
		for _, k := range kinds {
			if played[k.name] == 0 {
				t.Errorf("game %d has no %s", i, k.name)
			}
		}
	}
}

// TestPool: a game cannot be learnt by losing.
func TestPool(t *testing.T) {
	for _, k := range kinds {
		keys := map[string]bool{}
		everySeedSequential(k, 600, func(q question) { keys[q.key] = true })
		if len(keys) < 100 {
			t.Errorf("%s: only %d different questions", k.name, len(keys))
		}
	}
}

func everySeedSequential(k *kind, n int, see func(question)) {
	for i := range n {
		see(k.draw(rand.New(rand.NewChaCha8(seeded(i)))))
	}
}

// TestDisputedAreasAreNotAsked: no point that is asked about, and no city that is named, lies in an area that several states claim.
func TestDisputedAreasAreNotAsked(t *testing.T) {
	type box struct{ west, south, east, north float64 }
	disputed := map[string]box{
		"Kashmir": {73.6, 32.5, 77.5, 36.5}, "Ladakh and Aksai Chin": {75.5, 33, 80, 35.8}, "Arunachal Pradesh": {92, 27, 97, 29}, "Hala'ib": {34, 22, 37, 23.1},
		"Abkhazia": {40.2, 42.5, 42, 43.5}, "South Ossetia": {43.5, 42.1, 44.5, 42.7}, "Ilemi": {35, 4.6, 36, 5.4}, "Essequibo": {-61.3, 1.3, -58.6, 8.3},
		"Western Sahara": {-14.5, 22, -13.1, 27.5}, "Crimea": {32.6, 44.4, 36.5, 46}, "Donbas": {37, 47.2, 38.2, 49.5}, "Transnistria": {29.4, 46.5, 29.9, 47},
		"Kosovo": {20.3, 42, 21.5, 42.9}, "Northern Cyprus": {32.8, 35.2, 34.5, 35.7}, "West Bank": {34.9, 31.4, 35.5, 32.5}, "Golan": {35.7, 32.8, 35.9, 33.3},
		"Taiwan": {120, 22, 122, 25.2}, "Kuril Islands": {145.5, 43.5, 148.8, 45.5}, "Falkland Islands": {-61, -52.4, -58, -51.2}, "Abyei": {28, 9.3, 29, 10.1},
	}
	check := func(p geo.Point, what string) {
		for name, b := range disputed {
			if p.Lon > b.west && p.Lon < b.east && p.Lat > b.south && p.Lat < b.north {
				t.Errorf("%s at %v, in %s", what, p, name)
			}
		}
	}
	everySeedSequential(&locateKind, max(100, many(6000)), func(q question) {
		for _, p := range parsePlaces(q.block(view{})) {
			check(p, "a point")
		}
	})
	for _, c := range geo.Cities() {
		check(c.Point, c.String())
	}
}

// TestDisputedBorders: who counts a disputed border and who does not are both right.
func TestDisputedBorders(t *testing.T) {
	for code, list := range map[string][2]string{ // without, and with it
		"IN": {"BD; BT; CN; MM; NP; PK", "BD; BT; CN; MM; NP; PK; AF; LK"},
		"MA": {"DZ", "DZ; EH; ES; MR"},
		"AL": {"GR; ME; MK", "GR; ME; MK; XK; RS"},
	} {
		must, may := geo.ByCode(code).Neighbours()
		for _, answer := range list {
			if !isSet(answer, must, may) {
				t.Errorf("neighbours of %s: %s is wrong", code, answer)
			}
		}
	}
}

func TestPhraseInASCII(t *testing.T) {
	v := view{lang: "en", ascii: true}
	for in, want := range map[string]string{
		"Côte d’Ivoire": "Cote d'Ivoire", "São Tomé": "Sao Tome", "Þórshöfn": "Thorshofn", "日本": "日本", "12°": "12 deg",
	} {
		if got := v.text(in); got != want {
			t.Errorf("%q in ASCII = %q, want %q", in, got, want)
		}
	}
	if got := say("%s!", geo.ByCode("DE")).in(view{lang: "fr"}); got != "Allemagne!" {
		t.Errorf("in French = %q", got)
	}
}

func TestParseHex(t *testing.T) {
	const flag = "\xf0\x9f\x87\xab"
	for _, s := range []string{"f09f87ab", "F0 9F 87 AB", "0xf0 0x9f 0x87 0xab", `\xf0\x9f\x87\xab`, "f0:9f:87:ab", "%F0%9F%87%AB"} {
		if got := parseHex(s); got != flag {
			t.Errorf("parseHex(%q) = %q", s, got)
		}
	}
	if got := parseHex("f09f8"); got != "" {
		t.Errorf("half a byte = %q", got)
	}
}
