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

// Above returns the bytes that show whole lines above the prompt and the line.
func (l *Line) Above(p []byte) []byte {
	if !bytes.HasSuffix(p, []byte("\n")) {
		return l.Output(p)
	}
	return append(append(l.up(), crlf(p)...), l.draw()...)
}

// Bare returns the bytes that take the status away, until the line is shown anew.
func (l *Line) Bare() []byte {
	status := l.Status
	l.Status = ""
	defer func() { l.Status = status }()
	return l.redraw()
}

// Past notes that p has been shown without the line, and that the cursor is wherever that left it.
func (l *Line) Past(p []byte) {
	all := append(l.prompt[:len(l.prompt):len(l.prompt)], p...)
	all = all[bytes.LastIndexByte(all, '\n')+1:]
	if len(all) > maxPrompt {
		all = nil
	}
	l.prompt, l.row, l.hidden, l.shown = all, 0, 0, -1
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

// size is the terminal's: at least two columns, and one row.
func (l *Line) size() (width, height int) {
	width, height = l.Size()
	if height <= 0 {
		height = 1 << 20
	}
	return max(width, 2), height
}

// up returns to the first row that is shown and clears what follows.
func (l *Line) up() []byte {
	var out []byte
	w, h := l.size()
	if w != l.width && l.width > 0 { // terminals wrap anew what they show
		l.row = (l.row*l.width + l.column) / w
	}
	if l.row = min(l.row, h-1); l.row > 0 { // what stands higher has left the screen
		out = append(strconv.AppendInt([]byte("\x1b["), int64(l.row), 10), 'A')
	}
	l.row = 0
	return append(out, "\r\x1b[J"...)
}

func (l *Line) redraw() []byte { return append(l.up(), l.draw()...) }

// refresh shows what has changed: what was added at the end, or else all anew. A long line that is pasted comes in many pieces.
func (l *Line) refresh() []byte {
	width, height := l.size()
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
	l.hidden = max(l.hidden, end/width+1-height) // the terminal scrolls
	l.row, l.column, l.shown, l.end = end/width-l.hidden, end%width, len(l.text), end
	return out
}

// draw shows prompt and text, as many rows of them as the screen has, and puts the cursor into its place.
func (l *Line) draw() []byte {
	width, height := l.size()
	l.width, l.shown = width, -1
	if l.pos == len(l.text) {
		l.shown = l.pos
	}
	status := l.Status != "" && height > 1
	if status {
		height--
	}
	before := columns(l.prompt)
	cursor, end := l.cells(before, l.text[:l.pos]), l.cells(before, l.text)
	// The rows that are shown have the cursor among them, and change only when it leaves them.
	l.hidden = max(0, min(l.hidden, cursor/width, end/width+1-height), cursor/width+1-height)
	last := l.hidden + height - 1
	out, first, column := l.begin(before, l.hidden*width)
	upTo, drawn := l.reach(first, column, (last+1)*width)
	out, _ = l.appendText(out, l.text[first:upTo], column)
	if drawn < (last+1)*width && upTo < len(l.text) && control(l.text[upTo]) {
		out = append(out, '^') // its second half is below the last row
	}
	if end > 0 && end%width == 0 && end/width <= last {
		out = append(out, "\r\n"...) // the terminal waits with the wrap for the next character
	}
	l.end = end
	l.row, l.column = cursor/width-l.hidden, cursor%width
	up := min(drawn/width, last) - l.hidden - l.row
	if status {
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

// begin returns what stands in the first row shown, which is that of a column, before a character of the text, which character that is, and its
// own column.
func (l *Line) begin(before, column int) (out []byte, first, at int) {
	if column <= before {
		return promptFrom(l.prompt, column), 0, before
	}
	first, at = l.reach(0, before, column)
	if first == len(l.text) {
		return nil, first, column
	}
	if next := l.after(at, l.text[first]); at < column && l.after(column, l.text[first]) != next {
		return []byte{byte(l.text[first]) ^ 0x40}, first + 1, next // the second half of ^X
	}
	return nil, first, column
}

// reach returns the first character from a given one, at its column, that does not end before a limit, and its column.
func (l *Line) reach(first, column, limit int) (int, int) {
	for ; first < len(l.text); first++ {
		next := l.after(column, l.text[first])
		if next > limit {
			break
		}
		column = next
	}
	return first, column
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
		case control(r):
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
	case control(r):
		return column + 2
	}
	n := cell(r)
	if n == 2 && column%l.width == l.width-1 {
		column++ // it does not fit into the row
	}
	return column + n
}

// control reports whether a character is shown as ^X.
func control(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }

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

// promptFrom is a prompt from a column on: of what stands before, only the escape sequences.
func promptFrom(p []byte, column int) []byte {
	if column == 0 {
		return append([]byte(nil), p...)
	}
	var out []byte
	n := 0
	for len(p) > 0 {
		size, next := glyph(p, n)
		if p[0] == 0x1b || n >= column {
			out = append(out, p[:size]...)
		}
		p, n = p[size:], next
	}
	return out
}

// columns is the width of received text, without its escape sequences.
func columns(p []byte) int {
	n := 0
	for len(p) > 0 {
		size, next := glyph(p, n)
		p, n = p[size:], next
	}
	return n
}

// glyph is the length of the character or escape sequence that p begins with, and the column behind it.
func glyph(p []byte, n int) (size, next int) {
	if p[0] == 0x1b {
		return escape(p), n
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
	return size, n
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
