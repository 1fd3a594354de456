package geography

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// kind is a kind of question. One kind is one small file, kind_*.go: how it is drawn, how answers are
// judged, what practice explains, and how the reference solver answers it from the text alone.
type kind struct {
	name string // in the protocol, one word
	tier int    // 1 facts, 2 computed, 3 unseen
	asks string // what is asked, for the menu
	form string // how an answer looks, for `hint`

	// draw makes a question of nothing but what r gives, so that a seed is a game.
	draw func(r *rand.Rand) question

	// solve answers from what a player sees. It may use package geo, but nothing of draw's.
	solve func(prompt string, block []string) string
}

// kinds is the registry, in the order of the menu. A new kind is one line here and one file.
var kinds = []*kind{
	&capitalKind, &capitalOfKind, &codeKind, &currencyKind, &callingKind, &emojiKind, &nameKind,
	&whichKind, &neighbourKind, &neighboursKind, &wayKind, &locateKind, &distanceKind, &bearingKind,
	&clockKind, &mapKind, &orderKind, &flagKind, &equidistantKind,
}

func kindNamed(name string) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

// question is one question as data: the text and the JSON protocol, practice and the ranked game all
// work from it.
type question struct {
	kind   *kind
	key    string // what is asked about: no two questions of a game have the same kind and key
	prompt phrase
	block  func(v view) []string // lines under the prompt; nil for none

	reads   func(answer string) bool // whether an answer has the form of one at all; nil: any has, as a name
	accepts func(answer string) bool
	answer  string          // a right one, the one that is shown
	also    func() []string // other right ones, where they can be listed; nil: none. Practice alone asks
	why     string          // how the answer is found; one line, may be empty
	sources []string        // names of packages, see geo.Sources
}

// others lists the other right answers.
func (q question) others() []string {
	if q.also == nil {
		return nil
	}
	return q.also()
}

// phrase is a line of text in which countries and continents stand for their names in the player's
// language.
type phrase struct {
	format string
	args   []any
}

func say(format string, args ...any) phrase { return phrase{format, args} }

// view is how a player wants to see things.
type view struct {
	lang               string // of geo.Languages
	ascii, color, json bool
}

func (p phrase) in(v view) string {
	args := make([]any, len(p.args))
	for i, a := range p.args {
		switch a := a.(type) {
		case interface{ Name(lang string) string }: // *geo.Country, *geo.Continent
			args[i] = a.Name(v.lang)
		default:
			args[i] = a
		}
	}
	return v.text(fmt.Sprintf(p.format, args...))
}

// text writes s in ASCII where the player wants that and it can be: letters lose their accents, what
// has no Latin letters stays as it is.
func (v view) text(s string) string {
	if !v.ascii || isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case 0x300 <= r && r < 0x370: // combining marks
		case asciiFor[r] != "":
			b.WriteString(asciiFor[r])
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

var asciiFor = map[rune]string{
	'’': "'", '‘': "'", 'ʻ': "'", '–': "-", '—': "-", '…': "...", '°': " deg", '±': "+-", '→': "->", '·': "-",
	'ß': "ss", 'æ': "ae", 'Æ': "Ae", 'œ': "oe", 'ø': "o", 'Ø': "O", 'ł': "l", 'Ł': "L", 'đ': "d", 'ð': "d", 'þ': "th", 'Þ': "Th", 'Đ': "D", 'ə': "e", 'ı': "i",
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// pick draws one of list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// askable lists the countries of a topic, made once: a game draws from it 60 times.
func askable(topics ...geo.Topic) func() []*geo.Country {
	return sync.OnceValue(func() []*geo.Country {
		return slices.DeleteFunc(slices.Clone(geo.Countries()), func(c *geo.Country) bool {
			return slices.ContainsFunc(topics, func(t geo.Topic) bool {
				_, ok := c.Askable(t)
				return !ok
			})
		})
	})
}

// between cuts the text between two others out of a prompt; "" when they are not there.
func between(s, before, after string) string {
	_, rest, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	text, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return text
}

// code is how solvers answer with a country: no spelling to get wrong.
func code(c *geo.Country) string {
	if c == nil {
		return ""
	}
	return c.Alpha2()
}

// others lists what is not the shown answer, for "also right".
func others(all func() []string, shown string) func() []string {
	return func() []string {
		n := geo.Normalise(shown)
		return slices.DeleteFunc(slices.Clone(all()), func(s string) bool { return s == n || s == shown })
	}
}

// namesOf lists the English names of countries.
func namesOf(list []*geo.Country) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.String()
	}
	return out
}

// anyAccepts says whether answer is one of the countries. All of them are looked up by one name.
func anyAccepts(list []*geo.Country, answer string) bool {
	c := geo.ByName(answer)
	return c != nil && slices.Contains(list, c)
}
