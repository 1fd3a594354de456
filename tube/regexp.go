package tube

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube/internal/buffer"
)

// RegexpWindow is how long, in bytes, a match of RecvRegexp or Expect is
// promised to be found: when more is unread, it is searched in overlapping
// windows, and a longer match may be missed; it is not cut.
const RegexpWindow = 64 << 10

// Match is what RecvRegexp and Expect found.
type Match struct {
	Which  int      // index of the expression that matched
	Before string   // everything before the match
	Groups []string // Groups[0] is the match, the rest its parenthesised groups, "" where one took no part
	names  []string
}

// Text returns what the expression matched.
func (m Match) Text() string { return m.Groups[0] }

// Group returns the group with that name, or "" when there is none.
func (m Match) Group(name string) string {
	for i, n := range m.names {
		if n == name && n != "" {
			return m.Groups[i]
		}
	}
	return ""
}

// RecvRegexp returns the first match of re and what came before it, and leaves
// what comes after it unread.
//
// The unread bytes are searched after each read, at most once. A match that
// ends where the data ends counts at once, since nobody knows whether more
// will come: let an expression end with what follows the text it is after.
// Anchors mean the first unread byte and the last one that came.
func (t *Tube) RecvRegexp(re *regexp.Regexp) (Match, error) {
	return t.expect("recv regexp", []*regexp.Regexp{re})
}

// Expect is RecvRegexp for several expressions: the match that starts
// earliest wins, and among those that start together the expression named
// first.
func (t *Tube) Expect(res ...*regexp.Regexp) (Match, error) { return t.expect("expect", res) }

func (t *Tube) expect(op string, res []*regexp.Regexp) (Match, error) {
	exprs := make([]string, len(res))
	for i, re := range res {
		exprs[i] = re.String()
	}
	want := "/" + strings.Join(exprs, "/, /") + "/"
	if len(res) == 0 {
		return Match{}, t.unheld(op, "", errors.New("no expression was given"))
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return Match{}, t.unheld(op, want, err)
	}
	defer t.in.leave()
	from := 0
	if t.buf.Marked() {
		var same bool
		from, same = t.buf.Searched(buffer.MarkKey('/', exprs))
		if !same && slices.ContainsFunc(res, buffer.LooksBack) {
			from = 0 // what comes first has changed: an anchor may match now
		}
	}
	for {
		if at, which, loc := t.buf.FindRegexp(res, from, RegexpWindow); loc != nil {
			end := at + loc[1]
			if t.cfg.max > 0 && end > t.cfg.max {
				return Match{}, t.failed(op, want, ErrTooLong)
			}
			m := t.match(at, loc)
			m.Which, m.names = which, res[which].SubexpNames()
			t.drop(end)
			return m, nil
		}
		from = t.buf.Size()
		err := ErrTooLong
		if t.cfg.max <= 0 || t.buf.Size() < t.cfg.max {
			err = t.fill(&c)
		}
		if err != nil {
			t.buf.Mark(buffer.MarkKey('/', exprs), from)
			return Match{}, t.failed(op, want, err)
		}
		// What has come meanwhile is searched in the same go.
		for t.buf.Size()-from < RegexpWindow && t.more() {
		}
	}
}

func (t *Tube) match(at int, loc []int) Match {
	m := Match{Before: t.buf.Text(0, at+loc[0]), Groups: make([]string, len(loc)/2)}
	for i := range m.Groups {
		if lo, hi := loc[2*i], loc[2*i+1]; lo >= 0 {
			m.Groups[i] = t.buf.Text(at+lo, hi-lo)
		}
	}
	return m
}
