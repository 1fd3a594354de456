// Package lineedit edits a line at the bottom of a terminal while output
// arrives above it.
//
// It does no input or output of its own: [Line.Keys] takes what was typed and
// returns what to show, [Line.Output] what arrived. The terminal is in raw
// mode, so every line feed shown is preceded by a carriage return. Where it
// brackets what is pasted (mode 2004), that is text to the byte, but for its line ends.
// Bytes that are no UTF-8 go into the line, and out of it, as they are.
package lineedit

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Line is the line being edited and what stands before it. One goroutine uses it at a time.
type Line struct {
	// Size returns the terminal's columns and rows; 0 rows are any number.
	Size func() (columns, rows int)
	// Color writes what is typed in colour.
	Color bool
	// History holds earlier lines, oldest first.
	History []string
	// Status is shown below the line, as much of it as fits; it is gone after
	// [Line.Leave]. A change is seen with the next Keys or Output, of nothing too.
	Status string

	text   []rune // a byte that is no UTF-8 is raw plus it
	pos    int
	prompt []byte // what arrived after the last line feed
	row    int    // the row of the cursor, counted from the first that is shown
	column int    // and its column
	hidden int    // rows before that: where the screen is too small, they are not shown
	esc    []byte // an unfinished key
	quoted bool   // the next key is text (Ctrl-V)
	pasted bool   // between the brackets of a paste
	back   int    // place in the history, lines back from the new one
	saved  []rune // the new line, while the history is shown
	killed []rune

	shown int // how many characters stand before the cursor as they are; -1: all is to be drawn anew
	end   int // the column where they end, counted from the prompt's first
	width int // of the terminal when they were drawn
}

// raw stands for bytes that are no UTF-8: no UTF-8 has these characters. A terminal is shown U+FFFD in their place.
const raw = 0xdc00

// characters reads text, to the byte.
func characters(p string) []rune {
	out := make([]rune, 0, len(p))
	for len(p) > 0 {
		r, size := utf8.DecodeRuneInString(p)
		if r == utf8.RuneError && size == 1 {
			r = raw + rune(p[0])
		}
		out = append(out, r)
		p = p[size:]
	}
	return out
}

// written is what characters read.
func written(text []rune) string {
	var b strings.Builder
	for _, r := range text {
		if r >= raw && r < raw+0x100 {
			b.WriteByte(byte(r - raw))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
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

// The brackets of a paste.
const (
	pasteBegins = "\x1b[200~"
	pasteEnds   = "\x1b[201~"
)

// Keys takes typed bytes, n of them: up to the first that something happens with. It returns the bytes to show and what
// happened; with Submit, the line.
func (l *Line) Keys(p []byte) (show []byte, n int, ev Event, line string) {
	for n < len(p) && ev == None {
		ev = l.key(p[n], &show)
		n++
	}
	show = append(show, l.refresh()...)
	if ev == Submit {
		show = append(show, "\r\n\x1b[J"...)
		line = l.submit()
	}
	return show, n, ev, line
}

func (l *Line) submit() string {
	line := written(l.text)
	if line != "" && (len(l.History) == 0 || l.History[len(l.History)-1] != line) {
		l.History = append(l.History, line)
	}
	l.text, l.pos, l.prompt, l.row, l.hidden, l.back, l.shown, l.end = nil, 0, nil, 0, 0, 0, 0, 0
	return line
}

// key takes one byte.
func (l *Line) key(b byte, show *[]byte) Event {
	if l.broken(b) {
		// What came before is no key: it is text, or, as the beginning of another key, nothing.
		if l.esc[0] >= utf8.RuneSelf || l.pasted {
			l.insert(characters(string(l.esc)))
		}
		l.esc = l.esc[:0]
	}
	if l.quoted && len(l.esc) == 0 && b < utf8.RuneSelf {
		l.quoted = false
		l.insert([]rune{rune(b)})
		return None
	}
	l.quoted = false
	l.esc = append(l.esc, b)
	if !l.whole() {
		return None
	}
	key := string(l.esc)
	l.esc = l.esc[:0]
	switch {
	case key == "\r" || key == "\n":
		l.move(len(l.text))
		return Submit
	case key == pasteBegins || key == pasteEnds:
		l.pasted = key == pasteBegins
		return None
	case l.pasted:
		l.insert(characters(key))
		return None
	}
	switch key {
	case "\x03":
		return Interrupt
	case "\x1a":
		return Suspend
	case "\x1c":
		return Quit
	case "\x04":
		if len(l.text) == 0 {
			return EOF
		}
		l.remove(l.pos, l.pos+1)
	case "\x0c":
		*show = append(*show, "\x1b[H\x1b[2J"...)
		l.row, l.hidden, l.shown = 0, 0, -1
	case "\x16":
		l.quoted = true
	default:
		l.edit(key)
	}
	return None
}

// broken reports whether the unfinished key is none when b follows.
func (l *Line) broken(b byte) bool {
	switch {
	case len(l.esc) == 0:
		return false
	case l.esc[0] >= utf8.RuneSelf:
		return utf8.RuneStart(b)
	case l.pasted: // only the closing bracket is a key
		return pasteEnds[len(l.esc)] != b
	}
	return b < 0x20 && b != 0x1b
}

// whole reports whether the collected bytes are a key.
func (l *Line) whole() bool {
	e := l.esc
	switch {
	case e[0] >= utf8.RuneSelf:
		return utf8.FullRune(e)
	case e[0] != 0x1b:
		return true
	case l.pasted:
		return len(e) == len(pasteEnds)
	case len(e) == 1:
		return false
	case e[1] == '[' || e[1] == 'O':
		last := e[len(e)-1]
		return len(e) > 2 && last >= 0x40 && last <= 0x7e || len(e) > 16
	}
	return true
}

func (l *Line) edit(key string) {
	switch key {
	case "\x1b[D", "\x1bOD", "\x02":
		l.move(max(l.pos-1, 0))
	case "\x1b[C", "\x1bOC", "\x06":
		l.move(min(l.pos+1, len(l.text)))
	case "\x1b[H", "\x1bOH", "\x1b[1~", "\x01":
		l.move(0)
	case "\x1b[F", "\x1bOF", "\x1b[4~", "\x05":
		l.move(len(l.text))
	case "\x1b[1;5D", "\x1bb":
		l.move(l.wordStart())
	case "\x1b[1;5C", "\x1bf":
		l.move(l.wordEnd())
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
		if key[0] >= 0x20 && key[0] != 0x7f || key == "\t" {
			l.insert(characters(key))
		}
	}
}

// move puts the cursor elsewhere.
func (l *Line) move(to int) {
	if to != l.pos {
		l.pos, l.shown = to, -1
	}
}

func (l *Line) insert(r []rune) {
	if l.pos < len(l.text) {
		l.shown = -1
	}
	l.text = slices.Insert(l.text, l.pos, r...)
	l.pos += len(r)
}

func (l *Line) remove(from, to int) {
	if from < 0 || to > len(l.text) || from >= to {
		return
	}
	l.text = slices.Delete(l.text, from, to)
	l.pos, l.shown = from, -1
}

func (l *Line) kill(from, to int) {
	if from < to {
		l.killed = append([]rune(nil), l.text[from:to]...)
		l.remove(from, to)
	}
}

func (l *Line) wordStart() int {
	i := l.pos
	for i > 0 && blank(l.text[i-1]) {
		i--
	}
	for i > 0 && !blank(l.text[i-1]) {
		i--
	}
	return i
}

func (l *Line) wordEnd() int {
	i := l.pos
	for i < len(l.text) && blank(l.text[i]) {
		i++
	}
	for i < len(l.text) && !blank(l.text[i]) {
		i++
	}
	return i
}

func blank(r rune) bool { return r == ' ' || r == '\t' }

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
		l.text = characters(l.History[len(l.History)-back])
	}
	l.pos, l.shown = len(l.text), -1
}
