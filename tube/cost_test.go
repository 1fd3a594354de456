package tube

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube/internal/buffer"
)

// tcpPair returns the two ends of a connection.
func tcpPair(t testing.TB, opts ...Option) (a, b *Tube) {
	t.Helper()
	l, err := Listen(context.Background(), "tcp", "127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = Dial(context.Background(), "tcp", l.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Abort(); b.Abort() })
	return a, b
}

// 64 MiB without the delimiter cost at most 1.5 times their size, and all that
// was ever allocated for them is no more.
func TestMemoryOfALongWait(t *testing.T) {
	const size = 64 << 20
	a, b := tcpPair(t)
	go func() {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for range size >> 20 {
			b.SendBytes(piece)
		}
		b.CloseWrite()
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := a.RecvUntil("END"); err == nil {
		t.Fatal("found")
	}
	a.RecvAny("\r\n", "END")
	a.Skip("")
	runtime.ReadMemStats(&after)
	if n := a.Buffered(); n != size {
		t.Fatalf("%d bytes are unread, want %d", n, size)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > size*3/2 {
		t.Errorf("%d MiB were allocated for %d MiB", grown>>20, size>>20)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > size*3/2 {
		t.Errorf("%d MiB were taken from the system for %d MiB", grown>>20, size>>20)
	}
}

// feed puts bytes into the buffer as if they had come.
func feed(t *Tube, p []byte) {
	for len(p) > 0 {
		n := copy(t.buf.Room(), p)
		t.buf.Commit(n)
		p = p[n:]
	}
}

// Waits that time out again and again search each byte a few times, however
// many there are.
func TestRepeatedWaitsAreLinear(t *testing.T) {
	t.Parallel()
	c, _ := net.Pipe()
	piece := bytes.Repeat([]byte("x"), 1000)
	re := regexp.MustCompile(`END$`)
	for name, test := range map[string]struct {
		most int // times each byte is searched
		wait func(*Tube) error
	}{
		"RecvUntil": {2, func(t *Tube) error { _, err := t.RecvUntil("END"); return err }},
		"RecvLine":  {7, func(t *Tube) error { _, err := t.RecvLine(); return err }},
		"RecvAny":   {4, func(t *Tube) error { _, _, err := t.RecvAny("END", "\r\n", "xyz"); return err }},
		"in turn": {5, func(t *Tube) error {
			t.RecvUntil("END")
			t.RecvAny("FIN", "FINI")
			_, err := t.RecvUntil("-")
			return err
		}},
		// Each read searches a window of 64 KiB, a bound that is no multiple
		// of what came.
		"Expect": {2 * RegexpWindow / len(piece), func(t *Tube) error { _, err := t.RecvRegexp(re); return err }},
	} {
		tube := New(c)
		const pieces = 1 << 10
		for range pieces {
			feed(tube, piece)
			if test.wait(tube.Within(0)) == nil {
				t.Fatalf("%s: found", name)
			}
		}
		size := pieces * len(piece)
		if tube.buf.Work > test.most*size {
			t.Errorf("%s: %d bytes were searched %.1f times each", name, size, float64(tube.buf.Work)/float64(size))
		}
		tube.Drain()
	}
}

// What was searched is searched again when bytes were put back before it.
func TestUnrecvAfterAFailedWait(t *testing.T) {
	c, _ := net.Pipe()
	tube := New(c)
	feed(tube, append([]byte("D"), bytes.Repeat([]byte("x"), 10*minMarked)...))
	if _, err := tube.Within(0).RecvUntil("END"); err == nil {
		t.Fatal("found")
	}
	tube.Unrecv("EN")
	if s, err := tube.Within(0).RecvUntil("END"); s != "END" || err != nil {
		t.Errorf("RecvUntil = %q, %v", s, err)
	}
}

// Many small datagrams cost no more than their number, either.
func TestManyDatagramsAreLinear(t *testing.T) {
	t.Parallel()
	c, _ := net.Pipe()
	tube := New(c)
	tube.packet = true
	const n = 1 << 12
	for range n {
		tube.buf.Packet([]byte("xy"))
		tube.Within(0).RecvUntil("yy")
		tube.Within(0).RecvAny("z", "yy")
	}
	for range n {
		tube.Recv()
	}
	if tube.buf.Work > 400*n { // each error shows the last 256 bytes, which are 128 datagrams
		t.Errorf("%d datagrams took %d steps", n, tube.buf.Work)
	}
}

// Putting back byte after byte is linear too.
func TestUnrecvIsLinear(t *testing.T) {
	c, _ := net.Pipe()
	tube := New(c)
	const n = 1 << 18
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		tube.Unrecv("x")
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4*n {
		t.Errorf("putting back %d bytes one by one allocated %d", n, grown)
	}
}

// A tube that waits holds no buffer, and one that was drained gives it back.
func TestBuffersAreGivenBack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows needs a buffer to wait")
	}
	a, b := tcpPair(t)
	for range 3 {
		if err := b.SendLine("line"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.RecvLine(); err != nil {
			t.Fatal(err)
		}
		a.Within(time.Millisecond).Recv()
		if n := a.buf.Chunks(); n != 0 {
			t.Fatalf("it holds %d chunks while it waits", n)
		}
	}
	const size = 32 << 20
	feed(a, make([]byte, size))
	for a.Buffered() > 0 {
		if _, err := a.RecvN(min(a.Buffered(), 1<<16)); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.buf.Chunks(); n > 1 {
		t.Errorf("%d chunks are held for nothing unread", n)
	}
	// And after Close nothing at all.
	a.Unrecv("x")
	a.Close()
	if a.buf.Chunks() != 0 {
		t.Error("a closed tube holds a buffer")
	}
}

// Skip and Discard pass over any amount in constant memory.
func TestSkipHoldsNothing(t *testing.T) {
	a, b := tcpPair(t, WithMaxBuffer(100))
	go func() {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for range 16 {
			b.SendBytes(piece)
		}
		b.Send("END")
		for range 16 {
			b.SendBytes(piece)
		}
		b.CloseWrite()
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if n, err := a.Skip("END"); n != 16<<20+3 || err != nil {
		t.Errorf("Skip = %d, %v", n, err)
	}
	if n, err := a.Discard(); n != 16<<20 || err != nil {
		t.Errorf("Discard = %d, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("passing over 32 MiB allocated %d KiB", grown>>10)
	}
}

// Drain heeds the limit too: a server's handler that calls it must not hold
// what a fast client sends. The rest stays unread.
func TestDrainHeedsMaxBuffer(t *testing.T) {
	const most, sent = 1000, 100_000
	stream := strings.Repeat("0123456789", sent/10)
	a, b := tcpPair(t, WithMaxBuffer(most))
	if err := b.Send(stream); err != nil {
		t.Fatal(err)
	}
	b.CloseWrite()
	if _, err := a.Peek(1); err != nil { // some has come
		t.Fatal(err)
	}
	var all strings.Builder
	for all.Len() < sent {
		piece := a.Drain()
		if piece == "" { // the rest is under way
			var err error
			if piece, err = a.RecvN(1); err != nil {
				t.Fatal(err)
			}
		}
		if len(piece) > most {
			t.Fatalf("Drain returned %d bytes, want at most %d", len(piece), most)
		}
		if held := a.buf.Size(); held > most+buffer.Large {
			t.Fatalf("Drain left %d bytes unread", held)
		}
		all.WriteString(piece)
	}
	if all.String() != stream {
		t.Error("the pieces do not make the stream")
	}
}

// A line costs one allocation, its string; sending none.
func TestAllocations(t *testing.T) {
	c, _ := net.Pipe()
	tube := New(c)
	lines := []byte(strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", 1000))
	feed(tube, lines)
	p := make([]byte, 60)
	for _, c := range []struct {
		what string
		f    func()
		most float64
	}{
		{"RecvLine", func() { tube.RecvLine() }, 1},
		{"ReadByte", func() { tube.ReadByte() }, 0},
		{"Read", func() { tube.Read(p) }, 0},
		{"RecvUntil", func() { tube.RecvUntil("\n") }, 3},
	} {
		if n := testing.AllocsPerRun(100, c.f); n > c.most {
			t.Errorf("%s makes %v allocations, want %v at most", c.what, n, c.most)
		}
	}
	a, b := tcpPair(t)
	go b.Discard()
	for what, f := range map[string]func(){
		"Send":     func() { a.Send("0123456789") },
		"SendLine": func() { a.SendLine("0123456789") },
	} {
		if n := testing.AllocsPerRun(100, f); n >= 1 {
			t.Errorf("%s makes %v allocations, want none", what, n)
		}
	}
}

// An expression finds every match of up to RegexpWindow bytes, wherever the
// windows lie and however the bytes came.
func TestRegexpWindows(t *testing.T) {
	t.Parallel()
	c, _ := net.Pipe()
	for _, before := range []int{0, 1, 100, RegexpWindow - 10, RegexpWindow, 2*RegexpWindow + 7} {
		for _, length := range []int{1, RegexpWindow - 2} {
			tube := New(c)
			prefix := strings.Repeat("é", before/2) + strings.Repeat("-", before%2)
			feed(tube, []byte(prefix))
			re := regexp.MustCompile(`<x*>`)
			if _, err := tube.Within(0).RecvRegexp(re); err == nil {
				t.Fatal("found before it came")
			}
			feed(tube, []byte("<"+strings.Repeat("x", length)))
			tube.Within(0).RecvRegexp(re)
			feed(tube, []byte("> after"))
			m, err := tube.Within(0).RecvRegexp(re)
			if err != nil || m.Before != prefix || len(m.Text()) != length+2 {
				t.Errorf("a match of %d bytes after %d: %d bytes after %d, %v", length+2, before, len(m.Groups), len(m.Before), err)
			}
			if s := tube.Drain(); s != " after" {
				t.Errorf("left unread: %q", s)
			}
		}
	}
}

// Where a window ends, nothing does: an expression may not see an end there, nor a match be cut.
func TestRegexpWindowEnds(t *testing.T) {
	t.Parallel()
	c, _ := net.Pipe()
	const window = 2 * RegexpWindow
	for _, test := range []struct{ re, before, match, rest string }{
		{`(?s)A.*\z`, "", "A" + strings.Repeat("x", 5*window) + "Z", ""},
		{`A[^B]*`, "-", "A" + strings.Repeat("x", 5*window), "B"},
		{`A[^B]*\z`, strings.Repeat("A"+strings.Repeat("x", window)+"B", 5), "A", ""},
		{`x\z`, strings.Repeat("x", 5*window-1), "x", ""},
		{`x+\b`, "", "", strings.Repeat("x", 2*window) + "y z"},
		{`x+$`, strings.Repeat("x", window-1) + "é", "x", ""},
	} {
		tube := New(c)
		text := test.before + test.match + test.rest
		tube.buf.Packet([]byte(text))
		m, err := tube.Within(0).RecvRegexp(regexp.MustCompile(test.re))
		if test.match == "" {
			if err == nil {
				t.Errorf("%s: matched %d bytes, want no match", test.re, len(m.Text()))
			}
			continue
		}
		if err != nil || m.Before != test.before || m.Text() != test.match || tube.Drain() != test.rest {
			t.Errorf("%s: got %d bytes after %d, %v, want %d after %d", test.re, len(m.Groups), len(m.Before), err, len(test.match), len(test.before))
		}
		if work := tube.buf.Work; work > 8*len(text) {
			t.Errorf("%s: searched %d bytes for %d", test.re, work, len(text))
		}
	}
}

// Anchors and word borders see what is before a window.
func TestRegexpLooksBack(t *testing.T) {
	t.Parallel()
	c, _ := net.Pipe()
	long := strings.Repeat("word ", RegexpWindow*7/4/5)
	for _, test := range []struct{ re, stream, want string }{
		{`\bEND`, long + "xEND END", "END"},
		{`(?m)^END`, long + "END\nEND", "END"},
		{`\AEND`, long + "END", ""},
		{`^word`, long, "word"},
		{`END\z`, long + "END", "END"},
	} {
		tube := New(c)
		tube.buf.Packet([]byte(test.stream[:len(test.stream)-3])) // so that what has come is searched in two goes
		re := regexp.MustCompile(test.re)
		m, err := tube.Within(0).RecvRegexp(re)
		if err != nil {
			feed(tube, []byte(test.stream[len(test.stream)-3:]))
			m, err = tube.Within(0).RecvRegexp(re)
		}
		if test.want == "" {
			if err == nil {
				t.Errorf("%s matched after %d bytes", test.re, len(m.Before))
			}
			continue
		}
		if err != nil || m.Text() != test.want {
			t.Errorf("%s: %v", test.re, err)
			continue
		}
		if want := re.FindStringIndex(test.stream)[0]; len(m.Before) != want {
			t.Errorf("%s matched after %d bytes, want %d", test.re, len(m.Before), want)
		}
	}
	// An anchor means the first unread byte, also after a wait that failed
	// before that byte was the first.
	tube := New(c)
	feed(tube, []byte("junk END"))
	re := regexp.MustCompile(`^END`)
	if _, err := tube.Within(0).RecvRegexp(re); err == nil {
		t.Fatal("found in the middle")
	}
	tube.RecvN(5)
	if _, err := tube.Within(0).RecvRegexp(re); err != nil {
		t.Error(fmt.Errorf("at the beginning: %w", err))
	}
}

// TestTooLongDelimiter waits for no delimiter that the limit leaves no room for.
func TestTooLongDelimiter(t *testing.T) {
	a, b := tcpPair(t, WithMaxBuffer(10))
	b.Send("78> ")
	began := time.Now()
	if text, which, err := a.Within(10*time.Second).RecvAny("8> and more", "> "); text != "78> " || which != 1 || err != nil {
		t.Errorf("got %q, %d, %v", text, which, err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	// Where it still fits, it is waited for.
	b.Send("1> ")
	if text, which, err := a.Within(0).RecvAny("1> and", "> "); text != "1> " || which != 1 || err != nil {
		t.Errorf("got %q, %d, %v", text, which, err)
	}
	b.Send("1> ")
	go b.Send("and")
	if text, which, err := a.Within(10*time.Second).RecvAny("1> and", "> "); text != "1> and" || which != 0 || err != nil {
		t.Errorf("got %q, %d, %v", text, which, err)
	}
}

// TestRecvHeedsMaxBuffer takes no more at once than the limit allows.
func TestRecvHeedsMaxBuffer(t *testing.T) {
	a, b := tcpPair(t, WithMaxBuffer(10))
	if err := b.Send("0123456789abcde"); err != nil {
		t.Fatal(err)
	}
	var all string
	for len(all) < 15 {
		piece, err := a.Recv()
		if err != nil || len(piece) > 10 {
			t.Fatalf("got %q, %v", piece, err)
		}
		all += piece
	}
	if all != "0123456789abcde" {
		t.Errorf("got %q", all)
	}
}
