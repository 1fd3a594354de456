package buffer

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// FindRegexp searches the unread bytes for the earliest match, when all up to
// offset done has been searched without one. It returns the match's indices
// and the offset they count from. A match longer than window may be missed; it is not cut.
//
// Windows of twice that size overlap by half, so that every match of at
// most one such size lies within one; a match that starts in a window's
// second half is left to the next window, which sees more of what follows. One that a window's end has cut, or made, is searched
// again in larger windows, which together are at most four times what is unread: the whole stays linear.
func (b *Buffer) FindRegexp(res []*regexp.Regexp, done, window int) (at, which int, loc []int) {
	if b.size == done && done > 0 {
		return 0, 0, nil
	}
	at = b.runeStart(max(0, done-window))
	for enlarged := 0; ; {
		size := min(2*window, b.size-at)
		last := at+size == b.size
		context := 0
		if at > 0 {
			context = at - b.runeStart(at-1)
		}
		which, loc = b.findIn(res, at-context, at+size, context)
		for at+size < b.size && loc != nil && loc[0]-context < window && loc[1]-context == size {
			if enlarged += 2 * size; enlarged > 4*b.size {
				loc = nil
				break
			}
			size = min(2*size, b.size-at)
			which, loc = b.findIn(res, at-context, at+size, context)
		}
		if loc != nil && (last || loc[0]-context < window) {
			return at - context, which, loc
		}
		if last {
			return 0, 0, nil
		}
		at = b.runeStart(at + window)
	}
}

// findIn searches the bytes between two offsets for the earliest match that does not start in the first, context of them. Its
// indices count from there.
func (b *Buffer) findIn(res []*regexp.Regexp, from, to, context int) (which int, loc []int) {
	w := b.window(from, to)
	b.Work += len(w)
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
	if !LooksBack(re) {
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

// LooksBack says whether what re matches depends on what precedes it.
func LooksBack(re *regexp.Regexp) bool {
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
func (b *Buffer) runeStart(i int) int {
	for back := 0; back < utf8.UTFMax-1 && i-back > 0 && i-back < b.size; back++ {
		if utf8.RuneStart(b.ByteAt(i - back)) {
			return i - back
		}
	}
	return i
}
