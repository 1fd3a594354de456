package buffer

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// bufferModel is what a buffer must behave like: a slice.
type bufferModel struct {
	b    Buffer
	want []byte
}

func (m *bufferModel) feed(p []byte) {
	for len(p) > 0 {
		n := copy(m.b.Room(), p)
		m.b.Commit(n)
		m.want = append(m.want, p[:n]...)
		p = p[n:]
	}
}

// piece appends p as a chunk of its own, so that a few bytes make many chunks.
func (m *bufferModel) piece(p []byte) {
	if len(p) > 0 { // an empty chunk is a datagram's, which a stream has not
		m.b.Packet(p)
		m.want = append(m.want, p...)
	}
}

func (m *bufferModel) pushFront(p []byte) {
	m.b.PushFront(p)
	m.want = append(bytes.Clone(p), m.want...)
}

func (m *bufferModel) discard(n int) {
	m.b.Discard(n)
	m.want = m.want[n:]
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check compares everything that can be asked about [from, to) and delims.
func (m *bufferModel) check(t failer, from, to int, delims [][]byte) {
	t.Helper()
	if m.b.size != len(m.want) {
		t.Fatalf("size = %d, want %d", m.b.size, len(m.want))
	}
	want := m.want[from:to]
	if got := m.b.Text(from, to-from); got != string(want) {
		t.Fatalf("text(%d, %d) = %q, want %q", from, to-from, got, want)
	}
	if got := m.b.Bytes(from, to-from); !bytes.Equal(got, want) {
		t.Fatalf("bytes(%d, %d) = %q, want %q", from, to-from, got, want)
	}
	if got := m.b.window(from, to); !bytes.Equal(got, want) {
		t.Fatalf("window(%d, %d) = %q, want %q", from, to, got, want)
	}
	if got := m.b.Tail(to - from); !bytes.Equal(got, m.want[len(m.want)-(to-from):]) {
		t.Fatalf("tail(%d) = %q", to-from, got)
	}
	if from < to && m.b.ByteAt(from) != want[0] {
		t.Fatalf("byteAt(%d) = %q, want %q", from, m.b.ByteAt(from), want[0])
	}
	best, found := Match{}, false
	for which, d := range delims {
		at := -1
		for i := from; i < to; i++ {
			if bytes.HasPrefix(m.want[i:], d) {
				at = i
				break
			}
		}
		if got := m.b.Index(d, from, to); got != at {
			t.Fatalf("index(%q, %d, %d) = %d, want %d, in %q", d, from, to, got, at, m.want)
		}
		if partial := len(m.want)-from < len(d) && bytes.HasPrefix(d, m.want[from:]); partial != m.b.partialAt(d, from) {
			t.Fatalf("partialAt(%q, %d) = %v in %q", d, from, !partial, m.want)
		}
		at = bytes.Index(m.want[from:to], d)
		if at >= 0 && (!found || from+at < best.Start || from+at == best.Start && len(d) < best.Len) {
			best, found = Match{from + at, len(d), which}, true
		}
	}
	if got, ok := m.b.Earliest(delims, from, to); ok != found || ok && (got.Start != best.Start || got.Len != best.Len) {
		t.Fatalf("earliest(%q, %d, %d) = %v, %v, want %v, %v, in %q", delims, from, to, got, ok, best, found, m.want)
	}
}

var fewBytes = rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n")), 0, 12)

func TestBufferIsASlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m bufferModel
		delims := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n")), 1, 5), 1, 3).Draw(t, "delims")
		t.Repeat(map[string]func(*rapid.T){
			"feed":      func(t *rapid.T) { m.feed(fewBytes.Draw(t, "bytes")) },
			"feed much": func(t *rapid.T) { m.feed(bytes.Repeat(fewBytes.Draw(t, "bytes"), 900)) },
			"piece":     func(t *rapid.T) { m.piece(fewBytes.Draw(t, "bytes")) },
			"pushFront": func(t *rapid.T) { m.pushFront(fewBytes.Draw(t, "bytes")) },
			"discard":   func(t *rapid.T) { m.discard(rapid.IntRange(0, len(m.want)).Draw(t, "n")) },
			"idle":      func(t *rapid.T) { m.b.Idle() },
			"": func(t *rapid.T) {
				from := rapid.IntRange(0, len(m.want)).Draw(t, "from")
				m.check(t, from, rapid.IntRange(from, len(m.want)).Draw(t, "to"), delims)
			},
		})
	})
}

// FuzzBuffer reads a program of operations out of the input.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte("\x00ab\x01cd\x02e\x03\x02\x04\x05ab"))
	f.Add([]byte("\x01aaaaaaaab\x01aab\x03\x01\x05aab"))
	f.Fuzz(func(t *testing.T, program []byte) {
		var m bufferModel
		for len(program) > 1 {
			op, n := program[0], int(program[1])
			program = program[2:]
			arg := program[:min(n%16, len(program))]
			program = program[len(arg):]
			switch op % 6 {
			case 0:
				m.feed(arg)
			case 1:
				m.piece(arg)
			case 2:
				m.pushFront(arg)
			case 3:
				m.discard(min(n, len(m.want)))
			case 4:
				m.feed(bytes.Repeat(arg, 500))
			case 5:
				if len(arg) > 0 && len(m.want) < 1<<16 {
					half := len(arg) / 2
					delims := [][]byte{arg}
					if half > 0 {
						delims = append(delims, arg[:half], arg[half:])
					}
					m.check(t, min(n, len(m.want)), len(m.want), delims)
				}
			}
		}
	})
}

// Waits that look alike have marks of their own.
func TestMarksAreApart(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	for name, key := range map[string]string{
		"a, b":         MarkKey('=', []string{"a", "b"}),
		"a NUL b":      MarkKey('=', []string{"a\x00b"}),
		"/a/ as text":  MarkKey('=', []string{"/a/"}),
		"/a/":          MarkKey('/', []string{"a"}),
		"a":            MarkKey('=', []string{"a"}),
		"a/, /b":       MarkKey('/', []string{"a/, /b"}),
		"/a/, /b/":     MarkKey('/', []string{"a", "b"}),
		"1:a2:bc":      MarkKey('=', []string{"1:a2:bc"}),
		"a, bc":        MarkKey('=', []string{"a", "bc"}),
		"ab, c":        MarkKey('=', []string{"ab", "c"}),
		"b, a (order)": MarkKey('=', []string{"b", "a"}),
	} {
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[key] = name
	}
}
