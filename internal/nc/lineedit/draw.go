package lineedit

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// maxPrompt is how much without a line feed is shown anew with the line.
const maxPrompt = 4 << 10

// Output returns the bytes that show p above the line.
func (l *Line) Output(p []byte) []byte {
	show := l.up()
	all := append(append([]byte(nil), l.prompt...), p...)
	if i := bytes.LastIndexByte(all, '\n'); i >= 0 {
		show = append(show, crlf(all[:i+1])...)
		all = all[i+1:]
	}
	if len(all) > maxPrompt { // too long to be a prompt: let it stand
		show = append(append(show, all...), "\r\n"...)
		all = nil
	}
	l.prompt = all
	return append(show, l.draw()...)
}

// Past notes that p has been shown without the line, and that the cursor is wherever that left it.
func (l *Line) Past(p []byte) {
	all := append(l.prompt[:len(l.prompt):len(l.prompt)], p...)
	all = all[bytes.LastIndexByte(all, '\n')+1:]
	if len(all) > maxPrompt {
		all = nil
	}
	l.prompt, l.row, l.shown = all, 0, -1
}

// Leave returns the bytes that take the cursor off the line for good.
func (l *Line) Leave() []byte {
	l.Status = ""
	l.pos = len(l.text)
	show := l.redraw()
	if len(l.text)+len(l.prompt) > 0 {
		show = append(show, "\r\n"...)
	}
	return show
}

func crlf(p []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// up returns to the first row of the prompt and clears what follows.
func (l *Line) up() []byte {
	var out []byte
	if w := max(l.Width(), 2); w != l.width && l.width > 0 { // terminals wrap anew what they show
		l.row = (l.row*l.width + l.column) / w
	}
	if l.row > 0 {
		out = append(strconv.AppendInt([]byte("\x1b["), int64(l.row), 10), 'A')
	}
	l.row = 0
	return append(out, "\r\x1b[J"...)
}

func (l *Line) redraw() []byte { return append(l.up(), l.draw()...) }

// refresh shows what has changed: what was added at the end, or else all anew. A long line that is pasted comes in many pieces.
func (l *Line) refresh() []byte {
	width := max(l.Width(), 2)
	if l.shown < 0 || l.pos < len(l.text) || width != l.width || l.Status != "" {
		return l.redraw()
	}
	added := l.text[l.shown:]
	if len(added) == 0 {
		return nil
	}
	out, end := l.appendText(nil, added, l.end)
	if end%width == 0 {
		out = append(out, "\r\n"...) // as in draw
	}
	l.row, l.column, l.shown, l.end = end/width, end%width, len(l.text), end
	return out
}

// draw shows prompt and text and puts the cursor into its place.
func (l *Line) draw() []byte {
	width := max(l.Width(), 2)
	l.width, l.shown = width, -1
	if l.pos == len(l.text) {
		l.shown = l.pos
	}
	before := columns(l.prompt)
	out, end := l.appendText(append([]byte(nil), l.prompt...), l.text, before)
	cursor := l.cells(before, l.text[:l.pos])
	l.end = end
	if end > 0 && end%width == 0 {
		out = append(out, "\r\n"...) // the terminal waits with the wrap for the next character
	}
	l.row, l.column = cursor/width, cursor%width
	up := end/width - l.row
	if l.Status != "" {
		out = append(append(append(out, "\r\n\x1b[2m"...), clip(l.Status, width-1)...), "\x1b[22m"...)
		up++
	}
	if up > 0 {
		out = append(strconv.AppendInt(append(out, "\x1b["...), int64(up), 10), 'A')
	}
	out = append(out, '\r')
	if c := cursor % width; c > 0 {
		out = append(strconv.AppendInt(append(out, "\x1b["...), int64(c), 10), 'C')
	}
	return out
}

// appendText appends what shows text that begins in a column, and returns where it ends. The terminal is given nothing but
// printable characters: the width of any other would be its own affair.
func (l *Line) appendText(out []byte, text []rune, column int) ([]byte, int) {
	colored := l.Color && len(text) > 0
	if colored {
		out = append(out, "\x1b[36m"...)
	}
	for _, r := range text {
		next := l.after(column, r)
		switch {
		case r == '\t':
			out = append(out, strings.Repeat(" ", next-column)...)
		case r < 0x20 || r == 0x7f:
			out = append(out, '^', byte(r)^0x40)
		case r >= 0x80 && r < 0xa0:
			out = utf8.AppendRune(out, utf8.RuneError)
		default:
			out = utf8.AppendRune(out, r)
		}
		column = next
	}
	if colored {
		out = append(out, "\x1b[39m"...)
	}
	return out, column
}

// cells is the column after text that begins in a column.
func (l *Line) cells(column int, text []rune) int {
	for _, r := range text {
		column = l.after(column, r)
	}
	return column
}

// after is the column after a character of the text, of which columns go on from row to row.
func (l *Line) after(column int, r rune) int {
	switch {
	case r == '\t':
		return column + 8 - column%8
	case r < 0x20 || r == 0x7f:
		return column + 2
	}
	n := cell(r)
	if n == 2 && column%l.width == l.width-1 {
		column++ // it does not fit into the row
	}
	return column + n
}

// clip returns as much of a text as fits.
func clip(s string, width int) string {
	n := 0
	for i, r := range s {
		if n += cell(r); n > width {
			return s[:i]
		}
	}
	return s
}

// columns is the width of received text, without its escape sequences.
func columns(p []byte) int {
	n := 0
	for len(p) > 0 {
		if p[0] == 0x1b {
			p = p[escape(p):]
			continue
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case r == '\r':
			n = 0
		case r == '\b':
			n = max(n-1, 0)
		case r == '\t':
			n += 8 - n%8
		case r >= 0x20:
			n += cell(r)
		}
		p = p[size:]
	}
	return n
}

// escape is the length of the escape sequence that p begins with (ECMA-48, and xterm's OSC that ends with BEL).
func escape(p []byte) int {
	i := 1
	if i == len(p) {
		return i
	}
	switch p[1] {
	case '[': // CSI: up to its final byte
		for i++; i < len(p) && (p[i] < 0x40 || p[i] > 0x7e); i++ {
		}
	case ']', 'P', '^', '_', 'X': // strings, such as a window's title: up to ST or BEL
		for i++; i < len(p) && p[i] != 0x07; i++ {
			if p[i] == 0x1b && i+1 < len(p) && p[i+1] == '\\' {
				i++
				break
			}
		}
	default: // intermediate bytes and a final one, as in ESC ( B
		for i < len(p) && p[i] >= 0x20 && p[i] <= 0x2f {
			i++
		}
	}
	return min(i+1, len(p))
}

// cell is how many columns a character takes: the wide ones of East Asia and emoji take two, marks none.
func cell(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
