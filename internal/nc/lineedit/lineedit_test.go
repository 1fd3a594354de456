package lineedit

import (
	"slices"
	"strings"
	"testing"
)

// screen is a terminal small enough to understand. What has left it stays in rows.
type screen struct {
	rows          [][]rune
	row, col      int
	width, height int // no height: nothing leaves it
	wrap          bool
}

func sized(width, height int) func() (int, int) { return func() (int, int) { return width, height } }

// top is the first row that is on the screen.
func (s *screen) top() int {
	if s.height == 0 {
		return 0
	}
	return max(0, len(s.rows)-s.height)
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
				s.row = max(s.row-max(n, 1), s.top())
			case 'C':
				s.col += max(n, 1)
			case 'J':
				for c := s.col; c < s.width; c++ {
					s.rows[s.row][c] = ' '
				}
				for r := s.row + 1; r < len(s.rows); r++ {
					s.rows[r] = []rune(strings.Repeat(" ", s.width))
				}
			}
		default:
			if s.wrap || s.col+cell(r) > s.width {
				s.row, s.col, s.wrap = s.row+1, 0, false
				i--
				continue
			}
			s.rows[s.row][s.col] = r
			if cell(r) == 2 {
				s.rows[s.row][s.col+1] = 0
			}
			if s.col += cell(r); s.col == s.width {
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

// enter types keys, so many at once, up to the first line that is submitted. It returns that, and what was shown.
func enter(l *Line, keys string, size int) (line, shown string) {
	for p := []byte(keys); len(p) > 0; {
		show, n, ev, text := l.Keys(p[:min(size, len(p))])
		shown += string(show)
		if p = p[n:]; ev == Submit {
			return text, shown
		}
	}
	return "no line", shown
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
		{"tab", "a\tb\x1b[D\x1b[D\x7fx\r", "x\tb"},
		{"no UTF-8, then Enter", "caf\xe9\r", "caf\xe9"},
		{"no UTF-8, then text", "\xe9t\xe9 \xf0\x9f\x92x\xff\x80\r", "\xe9t\xe9 \xf0\x9f\x92x\xff\x80"},
		{"no UTF-8 is edited", "a\xe9\xe9b\x7f\x7f\x01\x1b[3~\r", "\xe9"},
		{"no UTF-8, then a key", "ab\xc3\x1b[D\x7f\r", "a\xc3"},
		{"a surrogate", "\xed\xb0\x80\r", "\xed\xb0\x80"},
		{"half a key, then Enter", "ab\x1b[\r", "ab"},
		{"quoted", "\x16\x03\x16\x1b[A\x16\r\x16\x16\x16\t\x16\xc3\xa4\r", "\x03\x1b[A\r\x16\t\xc3\xa4"},
		{"pasted", "x\x1b[200~\ta\x01\x7f\x03\x16\x1b[A\x1b\x1b[20\xe9\xc3\xa4\x1b[201~\x1b[Dy\r", "x\ta\x01\x7f\x03\x16\x1b[A\x1b\x1b[20\xe9y\xc3\xa4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// At once, and byte by byte.
			for _, size := range []int{len(c.keys), 1} {
				l := &Line{Size: sized(80, 0)}
				if line, _ := enter(l, c.keys, size); line != c.want {
					t.Errorf("%d at once: got %q, want %q", size, line, c.want)
				}
				// Again from the history.
				if line, _ := enter(l, "\x10\r", size); line != c.want {
					t.Errorf("from the history: got %q, want %q", line, c.want)
				}
			}
		})
	}
}

func TestHistory(t *testing.T) {
	l := &Line{Size: sized(80, 0)}
	enter(l, "one\r", 1)
	enter(l, "two\r", 1)
	last, _ := enter(l, "thr\x1b[A\x1b[A\x1b[B\x1b[B\x1b[A\r", 1)
	if last != "two" || len(l.History) != 2 {
		t.Errorf("got %q, history %q", last, l.History)
	}
}

// TestOutputWhileTyping shows output above the line, whatever wraps.
func TestOutputWhileTyping(t *testing.T) {
	s := &screen{width: 10}
	l := &Line{Size: sized(10, 0)}
	s.write(l.Output([]byte("hello\nname? ")))
	for _, b := range []byte("abcdefghij") { // wraps, and ends past the edge
		show, _, _, _ := l.Keys([]byte{b})
		s.write(show)
	}
	if got, want := s.String(), "hello\nname? abcd\nefghij"; got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	s.write(l.Output([]byte("!\nnews\nagain? ")))
	if got, want := s.String(), "hello\nname? !\nnews\nagain? abc\ndefghij"; got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	line, show := enter(l, "\r", 1)
	s.write([]byte(show))
	s.write(l.Output([]byte("ok\n")))
	if got, want := s.String(), "hello\nname? !\nnews\nagain? abc\ndefghij\nok"; got != want || line != "abcdefghij" {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("abc\x1b[D\x7f\r"), []byte("x\ny"), 7, 2)
	f.Add([]byte("\xff\x1b[999999999999999999A\x04"), []byte("\x1b[31mred"), 1, 0)
	f.Fuzz(func(t *testing.T, keys, out []byte, width, height int) {
		l := &Line{Size: sized(width, height)}
		for i, k := range keys {
			l.Keys([]byte{k})
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

// TestShownAsWhole: what is added piece by piece stands on the screen as what is drawn at once.
func TestShownAsWhole(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"abcdefghijklmnopqrstuvwxyz", "? abcdefgh\nijklmnopqr\nstuvwxyz"},
		{"ab\tc\td\x16\x03efg", "? ab    c\n      d^Ce\nfg"},
		{"1234567\x16\x018", "? 1234567^\nA8"},
		{"\xe9t\xe9 \xc3\xa4\xc2\x9b!", "? \ufffdt\ufffd \u00e4\ufffd!"},
	} {
		draw := func(size int) string {
			s := &screen{width: 10}
			l := &Line{Size: sized(10, 0)}
			s.write(l.Output([]byte("? ")))
			for p := []byte(c.keys); len(p) > 0; {
				show, n, _, _ := l.Keys(p[:min(size, len(p))])
				s.write(show)
				p = p[n:]
			}
			s.write([]byte("<")) // where the cursor is
			return s.String()
		}
		for _, size := range []int{len(c.keys), 3, 1} {
			if got := draw(size); got != c.want+"<" {
				t.Errorf("%q, %d at once, shows\n%s\nwant\n%s", c.keys, size, got, c.want)
			}
		}
	}
}

// TestPastedLines: the line ends of a paste are typed ones.
func TestPastedLines(t *testing.T) {
	l := &Line{Size: sized(80, 0)}
	p := []byte("\x1b[200~one\rtwo\nth\x1b[201~ree\r")
	var lines []string
	for len(p) > 0 {
		_, n, ev, line := l.Keys(p)
		if p = p[n:]; ev == Submit {
			lines = append(lines, line)
		}
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}

// TestLongPaste shows a long line once, however it comes.
func TestLongPaste(t *testing.T) {
	text := strings.Repeat("0123456789", 2000)
	for _, size := range []int{1, 100, 4096} {
		for _, height := range []int{0, 24} {
			l := &Line{Size: sized(80, height)}
			line, shown := enter(l, text+"\r", size)
			if line != text || len(shown) > 3*len(text) {
				t.Errorf("%d at once, %d rows: %d bytes are shown for %d", size, height, len(shown), len(line))
			}
		}
	}
}

// TestHistoryFromBefore recalls lines of an earlier run.
func TestHistoryFromBefore(t *testing.T) {
	l := &Line{Size: sized(80, 0), History: []string{"one", "two"}}
	if last, _ := enter(l, "\x1b[A\x1b[A\x1b[A!\r", 1); last != "one!" {
		t.Errorf("got %q", last)
	}
}

// TestStatus stands below the line, cut to the width, and is gone in the end.
func TestStatus(t *testing.T) {
	l := &Line{Size: sized(10, 0), Status: "too long for it"}
	l.Output([]byte("a\n? "))
	show, _, _, _ := l.Keys([]byte{'x'})
	if want := "\r\x1b[J? x\r\n\x1b[2mtoo long \x1b[22m\x1b[1A\r\x1b[3C"; string(show) != want {
		t.Errorf("got %q, want %q", show, want)
	}
	if show := string(l.Leave()); show != "\r\x1b[J? x\r\x1b[3C\r\n" {
		t.Errorf("left with %q", show)
	}
}

// TestColumns: how far prompts reach, whatever is in them that is not seen.
func TestColumns(t *testing.T) {
	for prompt, want := range map[string]int{
		"name? ":                             6,
		"\x1b[1;32mok\x1b[0m> ":              4,
		"\x1b]0;root@host: /\aroot@host:/# ": 13,
		"\x1b]0;title\x1b\\$ ":               2,
		"\x1bPq#0\x1b\\$ ":                   2,
		"\x1b(Bplain> ":                      7,
		"\x1b":                               0,
		"wait|\b/\b-\b> ":                    6,
		"日本> ":                               6,
		"✅☕⭐🫠":                               8,
		"สวัสดี":                             4,
		"e\u0301":                            1,
	} {
		if got := columns([]byte(prompt)); got != want {
			t.Errorf("%q: got %d columns, want %d", prompt, got, want)
		}
	}
}

// TestResized: a line that a terminal has wrapped anew is drawn in its place.
func TestResized(t *testing.T) {
	width := 10
	l := &Line{Size: func() (int, int) { return width, 0 }}
	l.Output([]byte("> "))
	enter(l, "abcdefghijklmnop", 1) // in two rows, the cursor in the second
	if l.row != 1 {
		t.Fatalf("the cursor is in row %d", l.row)
	}
	width = 40 // in one
	if got := string(l.up()); got != "\r\x1b[J" {
		t.Errorf("wider: got %q, want no row up", got)
	}
	l.draw()
	width = 6 // in four
	if got := string(l.up()); got != "\x1b[3A\r\x1b[J" {
		t.Errorf("narrower: got %q, want three rows up", got)
	}
}

// TestSmallScreen edits a line that has more rows than the screen: those around the cursor are shown, and what is above the screen is not
// written again with every key.
func TestSmallScreen(t *testing.T) {
	for _, c := range []struct{ prompt, text string }{
		{"? ", strings.Repeat("0123456789", 7)},
		{"? ", strings.Repeat("ab\tc\x16\x03", 20)},
		{"? ", strings.Repeat("日本x", 20)},
		{strings.Repeat("long prompt ", 6), "short"},
	} {
		s, whole := &screen{width: 10, height: 4}, &screen{width: 10}
		l, all := &Line{Size: sized(10, 4)}, &Line{Size: sized(10, 0)}
		s.write(l.Output([]byte(c.prompt)))
		whole.write(all.Output([]byte(c.prompt)))
		keys := []string{c.text}
		for range 40 {
			keys = append(keys, "\x1b[D")
		}
		keys = append(keys, "X", "\x7f", "\x01", "Y", "\x1b[3~", "\x1b[C", "\x05", "Z")
		left := 0 // rows above the screen
		for i, k := range keys {
			for p := []byte(k); len(p) > 0; {
				show, n, _, _ := l.Keys(p)
				s.write(show)
				show, _, _, _ = all.Keys(p[:n])
				whole.write(show)
				p = p[n:]
			}
			// The same is around the cursor as on a screen that is large enough.
			if s.col != whole.col || string(s.rows[s.row]) != string(whole.rows[whole.row]) {
				t.Fatalf("%q: after key %d (%q), the cursor is in column %d of %q, want %d of %q", c.prompt+c.text, i, k, s.col, string(s.rows[s.row]), whole.col, string(whole.rows[whole.row]))
			}
			for r := s.top(); r < len(s.rows); r++ {
				at := whole.row + r - s.row
				want := strings.Repeat(" ", 10)
				if at < len(whole.rows) {
					want = string(whole.rows[at])
				}
				if string(s.rows[r]) != want {
					t.Fatalf("%q: after key %d (%q), a row is %q, want %q", c.prompt+c.text, i, k, string(s.rows[r]), want)
				}
			}
			if i == 0 {
				left = s.top()
			} else if k != "Z" && s.top() != left {
				t.Fatalf("%q: key %d (%q) left %d rows above the screen, and there were %d", c.prompt+c.text, i, k, s.top(), left)
			}
		}
	}
}
