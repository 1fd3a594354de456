// Package lineedit edits a line at the bottom of a terminal while output
// arrives above it.
//
// It does no input or output of its own: [Line.Key] takes what was typed and
// returns what to show, [Line.Output] what arrived. The terminal is in raw
// mode, so every line feed shown is preceded by a carriage return.
package lineedit

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Line is the line being edited and what stands before it. One goroutine uses it at a time.
type Line struct {
	// Width returns the terminal's columns.
	Width func() int
	// Color writes what is typed in colour.
	Color bool
	// History holds earlier lines, oldest first.
	History []string
	// Status is shown below the line, as much of it as fits; it is gone after
	// [Line.Leave]. A change is seen with the next Key or Output, of nothing too.
	Status string

	text   []rune
	pos    int
	prompt []byte // what arrived after the last line feed
	row    int    // the row of the cursor, counted from the prompt's first
	esc    []byte // an unfinished key
	back   int    // place in the history, lines back from the new one
	saved  []rune // the new line, while the history is shown
	killed []rune
}

// Event is what a key led to.
type Event int

// The events.
const (
	None Event = iota
	Submit
	EOF       // Ctrl-D on an empty line
	Interrupt // Ctrl-C
	Suspend   // Ctrl-Z
	Quit      // Ctrl-\
)

const maxPrompt = 4 << 10

// Key takes one typed byte. It returns the bytes to show and what happened; with Submit, the line.
func (l *Line) Key(b byte) (show []byte, ev Event, line string) {
	l.esc = append(l.esc, b)
	key, ok := l.decode()
	if !ok {
		return nil, None, ""
	}
	l.esc = l.esc[:0]
	switch key {
	case "\r", "\n":
		line := string(l.text)
		l.pos = len(l.text)
		show = append(l.redraw(), "\r\n\x1b[J"...)
		if line != "" && (len(l.History) == 0 || l.History[len(l.History)-1] != line) {
			l.History = append(l.History, line)
		}
		l.text, l.pos, l.prompt, l.row, l.back = nil, 0, nil, 0, 0
		return show, Submit, line
	case "\x03":
		return nil, Interrupt, ""
	case "\x1a":
		return nil, Suspend, ""
	case "\x1c":
		return nil, Quit, ""
	case "\x04":
		if len(l.text) == 0 {
			return nil, EOF, ""
		}
		l.remove(l.pos, l.pos+1)
	case "\x0c":
		l.row = 0
		return append([]byte("\x1b[H\x1b[2J"), l.redraw()...), None, ""
	default:
		l.edit(key)
	}
	return l.redraw(), None, ""
}

// decode returns the key that the collected bytes are, false while it is unfinished.
func (l *Line) decode() (string, bool) {
	e := l.esc
	if e[0] != 0x1b {
		return string(e), utf8.FullRune(e) || len(e) >= utf8.UTFMax
	}
	switch {
	case len(e) == 1:
		return "", false
	case e[1] == '[' || e[1] == 'O':
		last := e[len(e)-1]
		return string(e), len(e) > 2 && last >= 0x40 && last <= 0x7e || len(e) > 16
	}
	return string(e), true
}

func (l *Line) edit(key string) {
	switch key {
	case "\x1b[D", "\x1bOD", "\x02":
		l.pos = max(l.pos-1, 0)
	case "\x1b[C", "\x1bOC", "\x06":
		l.pos = min(l.pos+1, len(l.text))
	case "\x1b[H", "\x1bOH", "\x1b[1~", "\x01":
		l.pos = 0
	case "\x1b[F", "\x1bOF", "\x1b[4~", "\x05":
		l.pos = len(l.text)
	case "\x1b[1;5D", "\x1bb":
		l.pos = l.wordStart()
	case "\x1b[1;5C", "\x1bf":
		l.pos = l.wordEnd()
	case "\x1b[A", "\x1bOA", "\x10":
		l.recall(l.back + 1)
	case "\x1b[B", "\x1bOB", "\x0e":
		l.recall(l.back - 1)
	case "\x7f", "\x08":
		l.remove(l.pos-1, l.pos)
	case "\x1b[3~":
		l.remove(l.pos, l.pos+1)
	case "\x15":
		l.kill(0, l.pos)
	case "\x0b":
		l.kill(l.pos, len(l.text))
	case "\x17", "\x1b\x7f":
		l.kill(l.wordStart(), l.pos)
	case "\x1bd":
		l.kill(l.pos, l.wordEnd())
	case "\x19":
		l.insert(l.killed)
	default:
		if key[0] >= 0x20 && key[0] != 0x7f {
			l.insert([]rune(key))
		}
	}
}

func (l *Line) insert(r []rune) {
	l.text = append(l.text[:l.pos:l.pos], append(append([]rune(nil), r...), l.text[l.pos:]...)...)
	l.pos += len(r)
}

func (l *Line) remove(from, to int) {
	if from < 0 || to > len(l.text) || from >= to {
		return
	}
	l.text = append(l.text[:from:from], l.text[to:]...)
	l.pos = from
}

func (l *Line) kill(from, to int) {
	if from < to {
		l.killed = append([]rune(nil), l.text[from:to]...)
		l.remove(from, to)
	}
}

func (l *Line) wordStart() int {
	i := l.pos
	for i > 0 && l.text[i-1] == ' ' {
		i--
	}
	for i > 0 && l.text[i-1] != ' ' {
		i--
	}
	return i
}

func (l *Line) wordEnd() int {
	i := l.pos
	for i < len(l.text) && l.text[i] == ' ' {
		i++
	}
	for i < len(l.text) && l.text[i] != ' ' {
		i++
	}
	return i
}

func (l *Line) recall(back int) {
	if back < 0 || back > len(l.History) {
		return
	}
	if l.back == 0 {
		l.saved = l.text
	}
	l.back = back
	if back == 0 {
		l.text = l.saved
	} else {
		l.text = []rune(l.History[len(l.History)-back])
	}
	l.pos = len(l.text)
}

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
	l.prompt, l.row = all, 0
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
	if l.row > 0 {
		out = append(strconv.AppendInt([]byte("\x1b["), int64(l.row), 10), 'A')
	}
	l.row = 0
	return append(out, "\r\x1b[J"...)
}

func (l *Line) redraw() []byte { return append(l.up(), l.draw()...) }

// draw shows prompt and text and puts the cursor into its place.
func (l *Line) draw() []byte {
	width := max(l.Width(), 2)
	out := append([]byte(nil), l.prompt...)
	if l.Color && len(l.text) > 0 {
		out = append(append(append(out, "\x1b[36m"...), string(l.text)...), "\x1b[39m"...)
	} else {
		out = append(out, string(l.text)...)
	}
	before := columns(l.prompt)
	end, cursor := before+cells(l.text), before+cells(l.text[:l.pos])
	if end > 0 && end%width == 0 {
		out = append(out, "\r\n"...) // the terminal waits with the wrap for the next character
	}
	l.row = cursor / width
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
		if p[0] == 0x1b && len(p) > 1 && p[1] == '[' {
			i := 2
			for i < len(p) && (p[i] < 0x40 || p[i] > 0x7e) {
				i++
			}
			p = p[min(i+1, len(p)):]
			continue
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case r == '\r':
			n = 0
		case r == '\t':
			n += 8 - n%8
		case r >= 0x20:
			n += cell(r)
		}
		p = p[size:]
	}
	return n
}

func cells(text []rune) int {
	n := 0
	for _, r := range text {
		n += cell(r)
	}
	return n
}

// cell is how many columns a character takes: the wide ones of East Asia and emoji take two.
func cell(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r <= 0x36f, r == 0x200d, r >= 0xfe00 && r <= 0xfe0f: // combining
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1f9ff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
