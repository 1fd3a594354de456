package geography

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
	"github.com/flagstaff-ctf/flagstaff/geo"
)

// fixed is the challenge with its nth game, and that game's questions.
func fixed(n uint64) (chal.Challenge, []question) {
	r := newReplay(testKey, "", n)
	g := newGame(r.seed)
	var qs []question
	for range g.plan {
		qs = append(qs, g.next())
	}
	return New(Options{Key: testKey, Replay: r}), qs
}

// TestReferenceSolver wins 1,000 of 1,000 ranked games, over the protocol.
func TestReferenceSolver(t *testing.T) {
	games := many(1000)
	for w := range 4 {
		t.Run(fmt.Sprint("part", w), func(t *testing.T) {
			t.Parallel()
			for n := w; n < games && !t.Failed(); n += 4 {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					c := New(Options{Key: testKey, Replay: newReplay(testKey, "", uint64(n))})
					chaltest.Solve(t, c, chaltest.WithFlag("flag{won}"))
				})
			}
		})
	}
}

// TestCountriesList answers from countries-list alone, a package many players will use: wherever it
// has an answer, that answer is right.
func TestCountriesList(t *testing.T) {
	list := readCountriesList(t)
	for _, k := range []*kind{&capitalKind, &capitalOfKind, &codeKind, &currencyKind, &callingKind, &emojiKind} {
		t.Run(k.name, func(t *testing.T) {
			answered := 0
			everySeedSequential(k, many(4000), func(q question) {
				prompt := q.prompt.in(view{lang: "en"})
				if t.Failed() {
					return
				}
				for _, a := range list.answers(k, prompt) {
					if answered++; !q.accepts(a) {
						t.Errorf("%s: %q of countries-list is not accepted; %q is", prompt, a, q.answer)
					}
				}
			})
			if answered == 0 {
				t.Error("the package answered nothing")
			}
		})
	}
}

// country is a record of countries-list.
type country struct {
	Name, Native, Capital string
	Phone                 []int
	Currency              []string
	Alpha2, Alpha3        string
	normal                string // the name, normalised
}

type countryList []country

func readCountriesList(t *testing.T) countryList {
	dir := filepath.Join(npmModules(t), "countries-list")
	var byCode map[string]country
	readJSON(t, filepath.Join(dir, "countries.min.json"), &byCode)
	three := map[string]string{}
	readJSON(t, filepath.Join(dir, "minimal", "countries.2to3.min.json"), &three)
	var out countryList
	for two, c := range byCode {
		c.Alpha2, c.Alpha3, c.normal = two, three[two], geo.Normalise(c.Name)
		out = append(out, c)
	}
	return out
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

// answers lists what the package says to a question; it knows nothing of package geo.
func (l countryList) answers(k *kind, prompt string) []string {
	var out []string
	asked := between(prompt, " of ", "?")
	if k == &emojiKind {
		asked = between(prompt, " of ", " in UTF-8")
	}
	asked = geo.Normalise(asked)
	for _, c := range l {
		if asked != "" && c.normal == asked {
			switch {
			case k == &capitalKind:
				out = append(out, c.Capital)
			case k == &currencyKind:
				out = append(out, c.Currency...)
			case k == &callingKind:
				for _, p := range c.Phone {
					out = append(out, fmt.Sprint(p), fmt.Sprint("+", p), fmt.Sprint("00", p))
				}
			case strings.Contains(prompt, "alpha-2 code of"):
				out = append(out, c.Alpha2)
			case strings.Contains(prompt, "alpha-3 code of"):
				out = append(out, c.Alpha3)
			case k == &emojiKind:
				out = append(out, fmt.Sprintf("%x", emojiOf(c.Alpha2)))
			}
			continue
		}
		if c.fits(k, prompt) {
			out = append(out, c.Name, c.Alpha2)
			if k == &codeKind {
				out = []string{c.Name}
			}
		}
	}
	return out
}

// fits says whether a question that wants a country wants this one.
func (c country) fits(k *kind, prompt string) bool {
	switch k {
	case &capitalOfKind:
		return c.Capital != "" && between(prompt, "has the capital ", "?") == c.Capital
	case &currencyKind:
		money := between(prompt, "currency is ", " ")
		return len(c.Currency) == 1 && c.Currency[0] == money
	case &callingKind:
		digits := between(prompt, "calling code +", ".")
		return len(c.Phone) == 1 && fmt.Sprint(c.Phone[0]) == digits
	case &codeKind:
		return between(prompt, "alpha-2 code ", "?") == c.Alpha2 || between(prompt, "alpha-3 code ", "?") == c.Alpha3
	case &emojiKind:
		return between(prompt, "emoji flag is ", " in UTF-8") == fmt.Sprintf("% x", emojiOf(c.Alpha2))
	}
	return false
}

func emojiOf(two string) string {
	var b strings.Builder
	for _, r := range two {
		b.WriteRune(r - 'A' + '🇦')
	}
	return b.String()
}
