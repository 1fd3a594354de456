package host

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printable makes what a value says harmless to a terminal, and readable: programs, and so players, write to the log. Control
// characters are shown as cat -v does (^[), bytes that are no UTF-8, and what has no picture of its own, in angle brackets. Line
// feeds and tabs the log itself makes visible.
func printable(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(visible(v.String()))
	case slog.KindAny:
		switch v := v.Any().(type) {
		case slog.Level, time.Time, *slog.Source:
		default:
			a.Value = slog.StringValue(visible(fmt.Sprintf("%+v", v)))
		}
	}
	return a
}

func visible(s string) string {
	// The handler makes an escape character of what it takes for one that was quoted.
	s = strings.ReplaceAll(s, `\x1b`, `\x1B`)
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

// strange says whether a character is not shown as it is.
func strange(r rune) bool {
	return r == utf8.RuneError || r != '\n' && r != '\t' && !unicode.IsPrint(r)
}
