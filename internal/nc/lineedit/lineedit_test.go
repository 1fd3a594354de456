package lineedit

import (
	"strings"
	"testing"
)

// screen is a terminal small enough to understand.
type screen struct {
	rows     [][]rune
	row, col int
	width    int
	wrap     bool
}

func (s *screen) write(p []byte) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		for s.row >= len(s.rows) {
			s.rows = append(s.rows, []rune(strings.Repeat(" ", s.width)))
		}
		switch r := text[i]; r {
		case '\r':
			s.col, s.wrap = 0, false
		case '\n':
			s.row++
			s.wrap = false
		case 0x1b:
			i += 2
			n := 0
			for ; text[i] >= '0' && text[i] <= '9'; i++ {
				n = 10*n + int(text[i]-'0')
			}
			switch text[i] {
			case 'A':
				s.row -= max(n, 1)
			case 'C':
				s.col += max(n, 1)
			case 'J':
				for c := s.col; c < s.width; c++ {
					s.rows[s.row][c] = ' '
				}
				s.rows = s.rows[:s.row+1]
			}
		default:
			if s.wrap {
				s.row, s.col, s.wrap = s.row+1, 0, false
				i--
				continue
			}
			s.rows[s.row][s.col] = r
			if s.col++; s.col == s.width {
				s.col, s.wrap = s.width-1, true
			}
		}
	}
}

func (s *screen) String() string {
	var lines []string
	for _, r := range s.rows {
		lines = append(lines, strings.TrimRight(string(r), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestEditing(t *testing.T) {
	for _, c := range []struct{ name, keys, want string }{
		{"plain", "abc\r", "abc"},
		{"left and insert", "ac\x1b[Db\r", "abc"},
		{"backspace", "abx\x7fc\r", "abc"},
		{"home, delete", "xabc\x01\x1b[3~\r", "abc"},
		{"kill word", "abc def\x17\r", "abc "},
		{"kill to start", "abc\x15def\r", "def"},
		{"kill and yank", "abc\x15\x19\x19\r", "abcabc"},
		{"utf-8", "\xc3\xa4o\x1b[D\x7fa\r", "ao"},
		{"control bytes are no text", "a\x07\x1b[15~b\r", "ab"},
		{"word left", "one two\x1bbX\r", "one Xtwo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &Line{Width: func() int { return 80 }}
			for i := range len(c.keys) {
				if _, ev, line := l.Key(c.keys[i]); ev == Submit && line != c.want {
					t.Errorf("got %q, want %q", line, c.want)
				}
			}
		})
	}
}

func TestHistory(t *testing.T) {
	l := &Line{Width: func() int { return 80 }}
	last := ""
	for _, b := range []byte("one\rtwo\rthr\x1b[A\x1b[A\x1b[B\x1b[B\x1b[A\r") {
		if _, ev, line := l.Key(b); ev == Submit {
			last = line
		}
	}
	if last != "two" || len(l.History) != 2 {
		t.Errorf("got %q, history %q", last, l.History)
	}
}

// TestOutputWhileTyping shows output above the line, whatever wraps.
func TestOutputWhileTyping(t *testing.T) {
	s := &screen{width: 10}
	l := &Line{Width: func() int { return 10 }}
	s.write(l.Output([]byte("hello\nname? ")))
	for _, b := range []byte("abcdefghij") { // wraps, and ends past the edge
		show, _, _ := l.Key(b)
		s.write(show)
	}
	if got, want := s.String(), "hello\nname? abcd\nefghij"; got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	s.write(l.Output([]byte("!\nnews\nagain? ")))
	if got, want := s.String(), "hello\nname? !\nnews\nagain? abc\ndefghij"; got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	show, _, line := l.Key('\r')
	s.write(show)
	s.write(l.Output([]byte("ok\n")))
	if got, want := s.String(), "hello\nname? !\nnews\nagain? abc\ndefghij\nok"; got != want || line != "abcdefghij" {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("abc\x1b[D\x7f\r"), []byte("x\ny"), 7)
	f.Add([]byte("\xff\x1b[999999999999999999A\x04"), []byte("\x1b[31mred"), 1)
	f.Fuzz(func(t *testing.T, keys, out []byte, width int) {
		l := &Line{Width: func() int { return width }}
		for i, k := range keys {
			l.Key(k)
			if i < len(out) {
				l.Output(out[i : i+1])
			}
			if l.pos < 0 || l.pos > len(l.text) {
				t.Fatalf("the cursor is at %d of %d", l.pos, len(l.text))
			}
		}
		l.Leave()
	})
}

// TestHistoryFromBefore recalls lines of an earlier run.
func TestHistoryFromBefore(t *testing.T) {
	l := &Line{Width: func() int { return 80 }, History: []string{"one", "two"}}
	last := ""
	for _, b := range []byte("\x1b[A\x1b[A\x1b[A!\r") {
		if _, ev, line := l.Key(b); ev == Submit {
			last = line
		}
	}
	if last != "one!" {
		t.Errorf("got %q", last)
	}
}

// TestStatus stands below the line, cut to the width, and is gone in the end.
func TestStatus(t *testing.T) {
	l := &Line{Width: func() int { return 10 }, Status: "too long for it"}
	l.Output([]byte("a\n? "))
	show, _, _ := l.Key('x')
	if want := "\r\x1b[J? x\r\n\x1b[2mtoo long \x1b[22m\x1b[1A\r\x1b[3C"; string(show) != want {
		t.Errorf("got %q, want %q", show, want)
	}
	if show := string(l.Leave()); show != "\r\x1b[J? x\r\x1b[3C\r\n" {
		t.Errorf("left with %q", show)
	}
}
