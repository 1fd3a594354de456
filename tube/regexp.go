package tube

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
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
	if len(t.buf.marks) > 0 {
		var same bool
		from, same = t.buf.searched(markKey('/', exprs))
		if !same && slices.ContainsFunc(res, looksBack) {
			from = 0 // what comes first has changed: an anchor may match now
		}
	}
	for {
		if at, which, loc := t.buf.findRegexp(res, from); loc != nil {
			end := at + loc[1]
			if t.cfg.max > 0 && end > t.cfg.max {
				return Match{}, t.failed(op, want, ErrTooLong)
			}
			m := t.match(at, loc)
			m.Which, m.names = which, res[which].SubexpNames()
			t.drop(end)
			return m, nil
		}
		from = t.buf.size
		err := ErrTooLong
		if t.cfg.max <= 0 || t.buf.size < t.cfg.max {
			err = t.fill(&c)
		}
		if err != nil {
			t.buf.mark(markKey('/', exprs), from)
			return Match{}, t.failed(op, want, err)
		}
		// What has come meanwhile is searched in the same go.
		for t.buf.size-from < RegexpWindow && t.more() {
		}
	}
}

func (t *Tube) match(at int, loc []int) Match {
	m := Match{Before: t.buf.text(0, at+loc[0]), Groups: make([]string, len(loc)/2)}
	for i := range m.Groups {
		if lo, hi := loc[2*i], loc[2*i+1]; lo >= 0 {
			m.Groups[i] = t.buf.text(at+lo, hi-lo)
		}
	}
	return m
}

// findRegexp searches the unread bytes for the earliest match, when all up to
// offset done has been searched without one. It returns the match's indices
// and the offset they count from.
//
// Windows of twice RegexpWindow overlap by half, so that every match of at
// most RegexpWindow bytes lies within one; a match that starts in a window's
// second half is left to the next window, which sees more of what follows. One that a window's end has cut, or made, is searched
// again in larger windows, which together are at most four times what is unread: the whole stays linear.
func (b *buffer) findRegexp(res []*regexp.Regexp, done int) (at, which int, loc []int) {
	if b.size == done && done > 0 {
		return 0, 0, nil
	}
	at = b.runeStart(max(0, done-RegexpWindow))
	for enlarged := 0; ; {
		size := min(2*RegexpWindow, b.size-at)
		last := at+size == b.size
		context := 0
		if at > 0 {
			context = at - b.runeStart(at-1)
		}
		which, loc = b.findIn(res, at-context, at+size, context)
		for at+size < b.size && loc != nil && loc[0]-context < RegexpWindow && loc[1]-context == size {
			if enlarged += 2 * size; enlarged > 4*b.size {
				loc = nil
				break
			}
			size = min(2*size, b.size-at)
			which, loc = b.findIn(res, at-context, at+size, context)
		}
		if loc != nil && (last || loc[0]-context < RegexpWindow) {
			return at - context, which, loc
		}
		if last {
			return 0, 0, nil
		}
		at = b.runeStart(at + RegexpWindow)
	}
}

// findIn searches the bytes between two offsets for the earliest match that does not start in the first, context of them. Its
// indices count from there.
func (b *buffer) findIn(res []*regexp.Regexp, from, to, context int) (which int, loc []int) {
	w := b.window(from, to)
	b.work += len(w)
	for i, re := range res {
		l := findFrom(re, w, context)
		if l != nil && (loc == nil || l[0] < loc[0]) {
			which, loc = i, l
		}
	}
	return which, loc
}

// findFrom finds re in w at or after offset context; the bytes before are
// there for anchors and word borders to see.
func findFrom(re *regexp.Regexp, w []byte, context int) []int {
	if context == 0 {
		return re.FindSubmatchIndex(w)
	}
	if !looksBack(re) {
		loc := re.FindSubmatchIndex(w[context:])
		for i := range loc {
			if loc[i] >= 0 {
				loc[i] += context
			}
		}
		return loc
	}
	// Package regexp has no search from an offset with context, so one rune
	// of context is matched before the expression.
	inner, err := regexp.Compile(`\A(?s:.)(?s:.*?)(` + re.String() + `)`)
	if err != nil {
		return nil
	}
	loc := inner.FindSubmatchIndex(w)
	if loc == nil {
		return nil
	}
	return loc[2:]
}

// looksBack says whether what re matches depends on what precedes it.
func looksBack(re *regexp.Regexp) bool {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return true
	}
	var walk func(*syntax.Regexp) bool
	walk = func(n *syntax.Regexp) bool {
		switch n.Op {
		case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
			return true
		}
		for _, sub := range n.Sub {
			if walk(sub) {
				return true
			}
		}
		return false
	}
	return walk(tree)
}

// runeStart moves an offset back to where the UTF-8 sequence it lies in
// begins.
func (b *buffer) runeStart(i int) int {
	for back := 0; back < utf8.UTFMax-1 && i-back > 0 && i-back < b.size; back++ {
		if utf8.RuneStart(b.byteAt(i - back)) {
			return i - back
		}
	}
	return i
}
