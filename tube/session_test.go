package tube_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// pieces is a connection on which a stream comes cut into the given pieces.
type pieces struct {
	net.Conn
	rest [][]byte
}

func (c *pieces) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[0])
	if c.rest[0] = c.rest[0][n:]; len(c.rest[0]) == 0 {
		c.rest = c.rest[1:]
	}
	return n, nil
}
func (c *pieces) Write(p []byte) (int, error)      { return len(p), nil }
func (c *pieces) Close() error                     { return nil }
func (c *pieces) LocalAddr() net.Addr              { return nil }
func (c *pieces) SetReadDeadline(time.Time) error  { return nil }
func (c *pieces) SetWriteDeadline(time.Time) error { return nil }

// split cuts stream at the given offsets, as far as they lie in it.
func split(stream []byte, at []int) [][]byte {
	var cut [][]byte
	from := 0
	for _, to := range at {
		if from < to && to < len(stream) {
			cut = append(cut, stream[from:to])
			from = to
		}
	}
	if from < len(stream) {
		cut = append(cut, stream[from:])
	}
	return cut
}

// op is one call; its result is written as text, to be compared.
type op struct {
	kind   int
	n      int
	delims []string
}

const kinds = 11

func (o op) String() string {
	name := []string{"RecvN", "RecvLine", "RecvUntil", "RecvAny", "Skip", "Peek", "Unrecv", "ReadByte", "UnreadByte", "RecvFrame", "RecvAll"}
	return fmt.Sprintf("%s(%d, %q)", name[o.kind], o.n, o.delims)
}

func result(v any, err error) string {
	var e *tube.Error
	switch {
	case err == nil:
		return fmt.Sprintf("%q", fmt.Sprint(v))
	case errors.Is(err, tube.ErrTooLong):
		return "too long"
	case errors.As(err, &e):
		return fmt.Sprintf("%q, %v after %d bytes, the last %q", fmt.Sprint(v), e.Err, e.N, e.Got)
	}
	return err.Error()
}

// on makes the call.
func (o op) on(t *tube.Tube) string {
	switch o.kind {
	case 0:
		return result(t.RecvN(o.n))
	case 1:
		return result(t.RecvLine())
	case 2:
		p, err := t.RecvUntilBytes([]byte(o.delims[0]))
		return result(string(p), err)
	case 3:
		text, which, err := t.RecvAny(o.delims...)
		if err == nil {
			text += " " + o.delims[which]
		}
		return result(text, err)
	case 4:
		return result(t.Skip(o.delims[0]))
	case 5:
		return result(t.Peek(o.n))
	case 6:
		t.Unrecv(o.delims[0])
	case 7:
		return result(t.ReadByte())
	case 8:
		if t.UnreadByte() != nil {
			return "refused"
		}
	case 9:
		p, err := tube.RecvFrame[uint8](t, binary.BigEndian, o.n)
		return result(string(p), err)
	case 10:
		return result(t.RecvAll(o.n))
	}
	return ""
}

// session is the model of a Tube whose stream has ended.
type session struct {
	rest  []byte
	max   int
	taken int // 1 + the byte that UnreadByte takes back, or 0
}

func (s *session) take(n int) string {
	text := string(s.rest[:n])
	s.rest = s.rest[n:]
	s.taken = 0
	return text
}

// short is the error of a wait for more than there is.
func (s *session) short(v string) string {
	err := io.EOF
	if len(s.rest) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return result(v, &tube.Error{Err: err, N: len(s.rest), Got: s.rest[max(0, len(s.rest)-256):]})
}

// find looks for the delimiter that starts first, the shorter of two.
func (s *session) find(delims ...string) (start int, delim string) {
	in := s.rest
	if s.max > 0 {
		in = in[:min(s.max, len(in))]
	}
	start = -1
	for _, d := range delims {
		i := bytes.Index(in, []byte(d))
		if i >= 0 && (start < 0 || i < start || i == start && len(d) < len(delim)) {
			start, delim = i, d
		}
	}
	return start, delim
}

func (s *session) tooLong(n int) bool { return s.max > 0 && n > s.max }

func (s *session) missing() string {
	if s.tooLong(len(s.rest) + 1) {
		return "too long"
	}
	return s.short("")
}

// on says what the call must return.
func (o op) onModel(s *session) string {
	switch o.kind {
	case 0, 5:
		switch {
		case s.tooLong(o.n):
			return "too long"
		case o.n > len(s.rest) && o.kind == 0:
			return s.short("")
		case o.n > len(s.rest):
			return s.short(string(s.rest))
		case o.kind == 5:
			return result(string(s.rest[:o.n]), nil)
		}
		return result(s.take(o.n), nil)
	case 1:
		if i, _ := s.find("\n"); i >= 0 {
			line := s.take(i + 1)[:i]
			return result(strings.TrimSuffix(line, "\r"), nil)
		}
		if len(s.rest) == 0 || s.tooLong(len(s.rest)+1) {
			return s.missing()
		}
		return result(s.take(len(s.rest)), nil)
	case 2, 3:
		i, d := s.find(o.delims[:1]...)
		if o.kind == 3 {
			i, d = s.find(o.delims...)
		}
		if i < 0 {
			return s.missing()
		}
		text := s.take(i + len(d))
		if o.kind == 3 {
			text += " " + d
		}
		return result(text, nil)
	case 4:
		i := bytes.Index(s.rest, []byte(o.delims[0]))
		if i < 0 {
			n := len(s.rest)
			s.take(n)
			return result(n, &tube.Error{Err: io.EOF})
		}
		return result(len(s.take(i+len(o.delims[0]))), nil)
	case 6:
		s.rest = append([]byte(o.delims[0]), s.rest...)
		s.taken = 0
	case 7:
		if len(s.rest) == 0 {
			return "EOF"
		}
		b := s.take(1)[0]
		s.taken = 1 + int(b)
		return result(b, nil)
	case 8:
		if s.taken == 0 {
			return "refused"
		}
		s.rest = append([]byte{byte(s.taken - 1)}, s.rest...)
		s.taken = 0
	case 9:
		switch {
		case s.tooLong(1):
			return "too long"
		case len(s.rest) == 0:
			return s.short("")
		case int(s.rest[0]) > o.n || s.tooLong(1+int(s.rest[0])):
			return "too long"
		case len(s.rest) < 1+int(s.rest[0]):
			return s.short("")
		}
		return result(s.take(1 + int(s.rest[0]))[1:], nil)
	case 10:
		limit := o.n
		if limit <= 0 || s.max > 0 && s.max < limit {
			limit = s.max
		}
		if limit > 0 && len(s.rest) > limit {
			return "too long"
		}
		return result(s.take(len(s.rest)), nil)
	}
	return ""
}

// compare makes the calls on a Tube over the stream cut into pieces, and on
// the model.
func compare(t interface {
	Helper()
	Fatalf(string, ...any)
}, stream []byte, at []int, maxBuffer int, ops []op,
) {
	t.Helper()
	tu := tube.New(&pieces{rest: split(stream, at)}, tube.WithMaxBuffer(maxBuffer))
	model := &session{rest: stream, max: maxBuffer}
	for i, o := range ops {
		if got, want := o.on(tu), o.onModel(model); got != want {
			t.Fatalf("%d: %v = %s, want %s\nstream %q cut at %v, at most %d bytes, calls %v", i, o, got, want, stream, at, maxBuffer, ops)
		}
	}
}

// Whatever the stream and wherever it is cut, the same calls return the same.
func TestAnySplitGivesTheSame(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]byte("ab\r\n>\x02"))
	delim := rapid.Map(rapid.SliceOfN(letters, 1, 4), func(b []byte) string { return string(b) })
	calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
		return op{
			kind:   rapid.IntRange(0, kinds-2).Draw(t, "kind"), // RecvAll comes last
			n:      rapid.IntRange(0, 12).Draw(t, "n"),
			delims: rapid.SliceOfN(delim, 1, 3).Draw(t, "delims"),
		}
	}), 1, 12)
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.SliceOfN(letters, 0, 60).Draw(t, "stream")
		if rapid.Bool().Draw(t, "long") { // so that what was searched is remembered
			stream = append(stream, bytes.Repeat([]byte("x"), 300)...)
		}
		maxBuffer := rapid.SampledFrom([]int{0, 0, 5, 20, 280}).Draw(t, "max")
		ops := append(calls.Draw(t, "calls"), op{kind: 10})
		every := make([]int, len(stream))
		for i := range every {
			every[i] = i
		}
		compare(t, stream, nil, maxBuffer, ops)
		compare(t, stream, every, maxBuffer, ops)
		compare(t, stream, rapid.SliceOfN(rapid.IntRange(1, 60), 0, 10).Draw(t, "cuts"), maxBuffer, ops)
	})
}

// The same for several delimiters that begin, end and contain each other.
func TestAnySplitFindsTheSameDelimiter(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]byte("ab"))
	delim := rapid.Map(rapid.SliceOfN(letters, 1, 4), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.SliceOfN(letters, 0, 20).Draw(t, "stream")
		maxBuffer := rapid.SampledFrom([]int{0, 0, 4}).Draw(t, "max")
		var ops []op
		for range 4 {
			ops = append(ops, op{kind: 3, delims: rapid.SliceOfN(delim, 2, 3).Draw(t, "delims")})
		}
		every := make([]int, len(stream))
		for i := range every {
			every[i] = i
		}
		compare(t, stream, nil, maxBuffer, ops)
		compare(t, stream, every, maxBuffer, ops)
		compare(t, stream, rapid.SliceOfN(rapid.IntRange(1, 20), 0, 5).Draw(t, "cuts"), maxBuffer, ops)
	})
}

// Lines of any length and of any endings come as they are split.
func TestLinesOfAnyLength(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []string
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 5000), 0, 40).Draw(t, "lengths") {
			line := strings.Repeat("x", n)
			want = append(want, line)
			stream = append(stream, line...)
			stream = append(stream, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")...)
		}
		at := rapid.SliceOfN(rapid.IntRange(1, len(stream)+1), 0, 20).Draw(t, "cuts")
		tu := tube.New(&pieces{rest: split(stream, at)})
		i := 0
		for line, err := range tu.Lines() {
			if err != nil || i >= len(want) || line != want[i] {
				t.Fatalf("line %d: %d bytes, %v", i, len(line), err)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d lines, want %d", i, len(want))
		}
	})
}

// FuzzSession reads a stream, its cuts and calls out of the input.
func FuzzSession(f *testing.F) {
	f.Add([]byte("hello\r\nworld> x"), []byte{3, 5, 9}, byte(0), []byte("\x01\x00\x02\x01>\x03\x02>\n\x0a\x00"))
	f.Add([]byte("\x05frame\x02"), []byte{1, 1, 1}, byte(8), []byte("\x09\x08\x07\x00\x08\x00\x04\x01x"))
	f.Add([]byte("aaaaaaaab"), []byte{1, 2}, byte(4), []byte("\x02\x13aab\x06\x02zz\x05\x04\x0a\x00"))
	f.Fuzz(func(t *testing.T, stream, cuts []byte, maxBuffer byte, program []byte) {
		var ops []op
		for len(program) > 1 && len(ops) < 100 {
			kind, n := int(program[0])%kinds, int(program[1])
			program = program[2:]
			arg := string(program[:min(n%8, len(program))])
			program = program[len(arg):]
			if arg == "" {
				arg = "\n"
			}
			delims := []string{arg}
			if half := len(arg) / 2; half > 0 {
				delims = append(delims, arg[half:], arg[:half])
			}
			ops = append(ops, op{kind, n, delims})
		}
		at, to := []int{}, 0
		for _, c := range cuts {
			to += int(c)
			at = append(at, to)
		}
		compare(t, stream, at, int(maxBuffer), ops)
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"nc host 1337", "[::1]:80", "tls://host:1", "openssl s_client -connect a:1", "unix:///x", "nc -4 -u h 1", "http://h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		network, addr, err := tube.ParseTarget(target)
		if err != nil {
			if network != "" || addr != "" || !strings.HasPrefix(err.Error(), "tube: connect to ") {
				t.Errorf("ParseTarget(%q) = %q, %q, %v", target, network, addr, err)
			}
			return
		}
		if network == "unix" {
			if addr == "" {
				t.Errorf("ParseTarget(%q) has no path", target)
			}
			return
		}
		switch network {
		case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "tls":
		default:
			t.Errorf("ParseTarget(%q) says the network is %q", target, network)
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" {
			t.Errorf("ParseTarget(%q) says the address is %q: %v", target, addr, err)
		}
		// What it understood it understands again.
		if n, a, err := tube.ParseTarget(addr); err != nil || a != addr || n != "tcp" {
			t.Errorf("ParseTarget(%q) says %q, which it takes for %q, %q, %v", target, addr, n, a, err)
		}
	})
}

func FuzzEncodings(f *testing.F) {
	f.Add([]byte("flag"), "ZmxhZw==")
	f.Add([]byte{0xff}, "0x 41\n42")
	f.Fuzz(func(t *testing.T, b []byte, s string) {
		if p, err := tube.Unhex(tube.Hex(b)); err != nil || !bytes.Equal(p, b) {
			t.Errorf("Unhex(Hex(%x)) = %x, %v", b, p, err)
		}
		if p, err := tube.Unbase64(tube.Base64(b)); err != nil || !bytes.Equal(p, b) {
			t.Errorf("Unbase64(Base64(%x)) = %x, %v", b, p, err)
		}
		if p, err := tube.Unhex(s); err == nil {
			if again, err := tube.Unhex(tube.Hex(p)); err != nil || !bytes.Equal(again, p) {
				t.Errorf("Unhex(%q) = %x, and back %x, %v", s, p, again, err)
			}
		}
		if p, err := tube.Unbase64(s); err == nil {
			if again, err := tube.Unbase64(tube.Base64(p)); err != nil || !bytes.Equal(again, p) {
				t.Errorf("Unbase64(%q) = %x, and back %x, %v", s, p, again, err)
			}
		}
	})
}
