package tubetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

func checkRecv(c *check) {
	c.says("hello")
	text := ""
	for len(text) < 5 {
		s, err := c.a.Recv()
		c.must("Recv", err)
		if s == "" {
			c.Fatal("Recv returned nothing and no error")
		}
		text += s
	}
	got(c, "Recv", text, nil, "hello")
	_, err := c.a.Within(shortly).Recv()
	c.failed("Recv when nothing comes", err, os.ErrDeadlineExceeded)
}

func checkRecvN(c *check) {
	c.says("abc")
	_, err := c.a.Within(shortly).RecvN(5)
	e := c.failed("RecvN(5) of 3 bytes", err, os.ErrDeadlineExceeded)
	if !e.Timeout() {
		c.Errorf("Timeout of %v is false", e)
	}
	// On a busy machine the bytes may come later than that.
	s, err := c.a.Peek(3)
	got(c, "Peek after the timeout", s, err, "abc")
	c.says("defg")
	s, err = c.a.RecvN(5)
	got(c, "RecvN after a timeout", s, err, "abcde")
	p, err := c.a.RecvNBytes(2)
	got(c, "RecvNBytes", string(p), err, "fg")
	s, err = c.a.RecvN(0)
	got(c, "RecvN(0)", s, err, "")
	if _, err := c.a.RecvN(-1); err == nil {
		c.Error("RecvN(-1) gave no error")
	}
}

func checkRecvLine(c *check) {
	c.says("one\ntwo\r\n\nfour\r", "\nfi", "ve\rsix\n", "rest")
	for _, want := range []string{"one", "two", "", "four", "five\rsix"} {
		line, err := c.a.RecvLine()
		got(c, "RecvLine", line, err, want)
	}
	_, err := c.a.Within(shortly).RecvLine()
	c.failed("RecvLine of half a line", err, os.ErrDeadlineExceeded)
	c.says(" of it\n")
	p, err := c.a.RecvLineBytes()
	got(c, "RecvLineBytes after a timeout", string(p), err, "rest of it")
}

func checkLastLine(c *check) {
	c.saysLast("one\ntw", "o")
	for _, want := range []string{"one", "two"} {
		line, err := c.a.RecvLine()
		got(c, "RecvLine", line, err, want)
	}
	for range 2 {
		_, err := c.a.RecvLine()
		c.failed("RecvLine after the last line", err, io.EOF)
	}
}

func checkLines(c *check) {
	c.saysLast("a\nb\r\n", "\nlast")
	var lines []string
	for line, err := range c.a.Lines() {
		c.must("Lines", err)
		lines = append(lines, line)
	}
	if want := []string{"a", "b", "", "last"}; !slices.Equal(lines, want) {
		c.Errorf("Lines = %q, want %q", lines, want)
	}
}

func checkRecvUntil(c *check) {
	c.says("some text, then EN")
	_, err := c.a.Within(shortly).RecvUntil("END")
	c.failed("RecvUntil before it came", err, os.ErrDeadlineExceeded)
	if want := `"END"`; !strings.Contains(err.Error(), want) {
		c.Errorf("the error %q does not name %s", err, want)
	}
	c.says("D and END", " more")
	s, err := c.a.RecvUntil("END")
	got(c, "RecvUntil", s, err, "some text, then END")
	p, err := c.a.RecvUntilBytes([]byte("END"))
	got(c, "RecvUntilBytes", string(p), err, " and END")
	s, err = c.a.RecvN(5)
	got(c, "RecvN", s, err, " more")
	if _, err := c.a.RecvUntil(""); err == nil {
		c.Error("RecvUntil with an empty delimiter gave no error")
	}
}

func checkRecvAny(c *check) {
	any := func(want string, wantWhich int, delims ...string) {
		c.Helper()
		text, which, err := c.a.RecvAny(delims...)
		if err != nil || text != want || which != wantWhich {
			c.Fatalf("RecvAny(%q) = %q, %d, %v, want %q, %d", delims, text, which, err, want, wantWhich)
		}
	}
	c.says("name: $ ab", "c\n", "xyz!")
	any("name: ", 1, "$ ", ": ")    // the one that starts earliest
	any("$ ", 0, "$ ", ": ")        // and later the other
	any("abc", 1, "b", "abc", "bc") // that starts earliest, also when another is complete before
	any("\n", 0, "\n", "\n\n")      // the shorter of two that start together
	any("xy", 1, "xyz", "xy")
	if _, which, err := c.a.Within(shortly).RecvAny("?", "."); which != -1 {
		c.Errorf("RecvAny that failed says which = %d, want -1", which)
	} else {
		c.failed("RecvAny", err, os.ErrDeadlineExceeded)
	}
	any("z!", 0, "!", "?")
	if _, _, err := c.a.RecvAny(); err == nil {
		c.Error("RecvAny without delimiters gave no error")
	}
}

func checkExpect(c *check) {
	c.says("12 + 30 = ")
	m, err := c.a.RecvRegexp(regexp.MustCompile(`(?P<a>\d+) \+ (\d+) = `))
	c.must("RecvRegexp", err)
	if m.Text() != "12 + 30 = " || m.Group("a") != "12" || m.Groups[2] != "30" || m.Before != "" {
		c.Fatalf("RecvRegexp = %+v", m)
	}
	c.says("so: no! yes!")
	m, err = c.a.Expect(regexp.MustCompile(`yes!`), regexp.MustCompile(`no!`))
	c.must("Expect", err)
	if m.Which != 1 || m.Before != "so: " {
		c.Errorf("Expect = %+v, want the earlier one, after %q", m, "so: ")
	}
	s, err := c.a.RecvN(5)
	got(c, "RecvN after the match", s, err, " yes!")
	c.says("abc")
	_, err = c.a.Within(shortly).RecvRegexp(regexp.MustCompile(`abcd`))
	c.failed("RecvRegexp", err, os.ErrDeadlineExceeded)
	c.says("d")
	m, err = c.a.RecvRegexp(regexp.MustCompile(`abcd`))
	got(c, "RecvRegexp after a timeout", m.Before, err, "")
}

func checkRecvAll(c *check) {
	long := strings.Repeat("0123456789", 20_000)
	c.saysLast(long, "end")
	_, err := c.a.RecvAll(len(long))
	c.failed("RecvAll of more than its limit", err, tube.ErrTooLong)
	s, err := c.a.RecvAll(0)
	if err != nil || s != long+"end" {
		c.Fatalf("RecvAll = %d bytes, %v, want %d", len(s), err, len(long)+3)
	}
	p, err := c.a.RecvAllBytes(0)
	got(c, "RecvAllBytes at the end", string(p), err, "")
}

func checkPeek(c *check) {
	c.says("abcdef")
	for range 2 {
		s, err := c.a.Peek(3)
		got(c, "Peek", s, err, "abc")
	}
	s, err := c.a.Within(shortly).Peek(9)
	c.failed("Peek(9) of 6 bytes", err, os.ErrDeadlineExceeded)
	if !strings.HasPrefix("abcdef", s) || len(s) < 3 {
		c.Errorf("Peek returned %q with its error, want what there is", s)
	}
	s, err = c.a.RecvN(4)
	got(c, "RecvN", s, err, "abcd")
	c.a.Unrecv("")
	c.a.Unrecv("cd")
	c.a.Unrecv("ab")
	s, err = c.a.RecvN(6)
	got(c, "RecvN after Unrecv", s, err, "abcdef")
	if n := c.a.Buffered(); n != 0 {
		c.Errorf("Buffered = %d, want 0", n)
	}
	c.a.Unrecv("xy")
	if n := c.a.Buffered(); n != 2 {
		c.Errorf("Buffered = %d, want 2", n)
	}
}

func checkDrain(c *check) {
	if s := c.a.Drain(); s != "" {
		c.Errorf("Drain = %q before anything came", s)
	}
	c.says("some")
	_, err := c.a.Peek(4)
	c.must("Peek", err)
	got(c, "Drain", c.a.Drain(), nil, "some")
	if n := c.a.Buffered(); n != 0 {
		c.Errorf("Buffered = %d after Drain", n)
	}
}

func checkSkip(c *check) {
	c.says("junk junk ju", "nk EN", "D", "kept")
	n, err := c.a.Skip("END")
	got(c, "Skip", n, err, 18)
	s, err := c.a.RecvN(4)
	got(c, "RecvN after Skip", s, err, "kept")
	c.says("xxEN")
	n, err = c.a.Within(shortly).Skip("END")
	c.failed("Skip before it came", err, os.ErrDeadlineExceeded)
	c.says("D!")
	m, err := c.a.Skip("END")
	got(c, "Skip twice", n+m, err, 5)
	s, err = c.a.RecvN(1)
	got(c, "RecvN after Skip", s, err, "!")
}

func checkDiscard(c *check) {
	c.saysLast("all this", " is not wanted")
	n, err := c.a.Discard()
	got(c, "Discard", n, err, 22)
	n, err = c.a.Discard()
	got(c, "Discard at the end", n, err, 0)
}

func checkMaxBuffer(c *check) {
	limited := newCheck(c.TB, &c.suite, tube.WithMaxBuffer(100))
	limited.says(strings.Repeat("x", 99)+"\n", strings.Repeat("y", 100)+"\n", "after\n")
	c = limited
	line, err := c.a.RecvLine()
	got(c, "RecvLine of exactly the limit", line, err, strings.Repeat("x", 99))
	_, err = c.a.RecvLine()
	e := c.failed("RecvLine of more than the limit", err, tube.ErrTooLong)
	if e.N < 100 {
		c.Errorf("%d bytes are unread, want at least the limit", e.N)
	}
	_, err = c.a.RecvN(101)
	c.failed("RecvN of more than the limit", err, tube.ErrTooLong)
	n, err := c.a.Skip("\n")
	got(c, "Skip", n, err, 101)
	line, err = c.a.RecvLine()
	got(c, "RecvLine after Skip", line, err, "after")
}

func checkRead(c *check) {
	c.says("abcdef")
	p := make([]byte, 2)
	_, err := io.ReadFull(c.a, p)
	got(c, "Read", string(p), err, "ab")
	if err := c.a.UnreadByte(); err == nil {
		c.Error("UnreadByte after Read gave no error")
	}
	b, err := c.a.ReadByte()
	got(c, "ReadByte", b, err, 'c')
	c.must("UnreadByte", c.a.UnreadByte())
	if err := c.a.UnreadByte(); err == nil {
		c.Error("a second UnreadByte gave no error")
	}
	large := make([]byte, 1<<16)
	text := ""
	for len(text) < 4 {
		n, err := c.a.Read(large)
		c.must("Read", err)
		text += string(large[:n])
	}
	got(c, "Read", text, nil, "cdef")
}

func checkFrames(c *check) {
	c.talker.Go(func() {
		tube.SendInt(c.b, int16(-2), binary.BigEndian)
		tube.SendInt(c.b, uint32(0xdeadbeef), binary.LittleEndian)
		tube.SendFrame[uint16](c.b, binary.BigEndian, []byte("framed"))
		tube.SendFrame[uint16](c.b, binary.BigEndian, bytes.Repeat([]byte("x"), 1000))
	})
	i, err := tube.RecvInt[int16](c.a, binary.BigEndian)
	got(c, "RecvInt", i, err, -2)
	u, err := tube.RecvInt[uint32](c.a, binary.LittleEndian)
	got(c, "RecvInt", u, err, 0xdeadbeef)
	p, err := tube.RecvFrame[uint16](c.a, binary.BigEndian, 100)
	got(c, "RecvFrame", string(p), err, "framed")
	_, err = tube.RecvFrame[uint16](c.a, binary.BigEndian, 100)
	c.failed("RecvFrame above its limit", err, tube.ErrTooLong)
	p, err = tube.RecvFrame[uint16](c.a, binary.BigEndian, 1000)
	got(c, "length of the frame", len(p), err, 1000)
}

func checkWriteTo(c *check) {
	c.a.Unrecv("first ")
	c.saysLast("then ", "last")
	var out strings.Builder
	n, err := c.a.WriteTo(&out)
	got(c, "WriteTo", fmt.Sprint(n, out.String()), err, fmt.Sprint(15, "first then last"))
}

func checkEOF(c *check) {
	c.saysLast("the end")
	_, err := c.a.RecvUntil("\n")
	e := c.failed("RecvUntil", err, io.ErrUnexpectedEOF)
	if string(e.Got) != "the end" || e.N != 7 {
		c.Errorf("the error shows %q, %d bytes", e.Got, e.N)
	}
	_, err = c.a.RecvN(8)
	c.failed("RecvN(8)", err, io.ErrUnexpectedEOF)
	s, err := c.a.Peek(8)
	if s != "the end" || !errors.Is(err, io.ErrUnexpectedEOF) {
		c.Errorf("Peek(8) = %q, %v", s, err)
	}
	s, err = c.a.RecvN(7)
	got(c, "RecvN(7)", s, err, "the end")
	_, err = c.a.RecvN(1)
	c.failed("RecvN at the end", err, io.EOF)
	_, err = c.a.Recv()
	c.failed("Recv at the end", err, io.EOF)
	_, err = c.a.Skip("x")
	c.failed("Skip at the end", err, io.EOF)
	if n, err := c.a.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		c.Errorf("Read at the end = %d, %v, want io.EOF itself", n, err)
	}
	if _, err := c.a.ReadByte(); err != io.EOF {
		c.Errorf("ReadByte at the end: %v, want io.EOF itself", err)
	}
}
