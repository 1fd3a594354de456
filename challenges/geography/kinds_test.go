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
