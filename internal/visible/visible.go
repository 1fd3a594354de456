// Package visible makes what strangers say harmless to a terminal, and readable: the text of players, programs and peers in logs and
// messages.
//
//	log.Print(visible.Text("\x1b]0;owned\a")) // ^[]0;owned^G
//
// Control characters are shown as cat -v does (^[), bytes that are no UTF-8 (<e9>) and characters without a picture of their own
// (<U+202E>) in angle brackets. It promises nothing about what is meant for other readers than a terminal.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s on one line, with everything in it to be seen.
func Text(s string) string { return show(s, "") }

// Lines is Text, but leaves line feeds and tabs as they are.
func Lines(s string) string { return show(s, "\n\t") }

func show(s, keep string) string {
	strange := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) }
	if !strings.ContainsFunc(s, strange) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<%02x>", s[0])
		case !strange(r):
			b.WriteRune(r)
		case r < ' ':
			b.WriteByte('^')
			b.WriteByte(byte(r) + '@')
		case r == 0x7f:
			b.WriteString("^?")
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
		s = s[size:]
	}
	return b.String()
}
