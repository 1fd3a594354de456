package buffer

import (
	"slices"
	"strconv"
)

// mark remembers how far a failed wait has already searched, so that the
// same wait, repeated, does not search those bytes again.
type mark struct {
	key  string
	upto int64 // no match starts before this offset of the stream
	base int64 // where the unread bytes began then
}

// maxMarks is how many different failed waits are remembered; a program that
// tries more in turn pays with searching again.
const maxMarks = 8

// Searched returns the offset from which a wait for key must search, and
// whether the unread bytes still begin where they began at the last search.
func (b *Buffer) Searched(key string) (from int, same bool) {
	for i := range b.marks {
		if m := &b.marks[i]; m.key == key {
			return int(max(m.upto-b.base, 0)), m.base == b.base
		}
	}
	return 0, true
}

// Mark remembers that no match for key starts before offset upto.
func (b *Buffer) Mark(key string, upto int) {
	b.marks = slices.DeleteFunc(b.marks, func(m mark) bool { return m.key == key })
	if len(b.marks) == maxMarks {
		b.marks = slices.Delete(b.marks, 0, 1)
	}
	b.marks = append(b.marks, mark{key, b.base + int64(upto), b.base})
}

// Marked says whether any failed wait is remembered.
func (b *Buffer) Marked() bool { return len(b.marks) > 0 }

// MarkKey names a wait for any of parts; kind keeps text and expressions
// apart.
func MarkKey[T string | []byte](kind byte, parts []T) string {
	key := []byte{kind}
	for _, p := range parts {
		// With its length before it, no part can be taken for two.
		key = strconv.AppendInt(key, int64(len(p)), 10)
		key = append(append(key, ':'), p...)
	}
	return string(key)
}
