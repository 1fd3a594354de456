package tube

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
)

// RecvUntil returns everything up to and including delim. It fails with
// ErrTooLong, io.EOF, io.ErrUnexpectedEOF or another reason told by Error; the
// bytes that came then stay readable, and waiting again does not search them
// again.
func (t *Tube) RecvUntil(delim string) (string, error) {
	text, _, err := t.recvDelims("recv until", [][]byte{[]byte(delim)})
	return text, err
}

// RecvUntilBytes is RecvUntil for binary data.
func (t *Tube) RecvUntilBytes(delim []byte) ([]byte, error) {
	text, _, err := t.recvDelims("recv until", [][]byte{delim})
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

// RecvAny returns everything up to and including the delimiter that starts
// earliest in the stream, and which one that is. When two start at the same
// byte, the shorter wins.
//
// The answer does not depend on how the stream was cut into reads: while a
// delimiter that starts earlier may still be completed, RecvAny waits for it,
// and settles for the complete one when the stream or the time ends first.
func (t *Tube) RecvAny(delims ...string) (text string, which int, err error) {
	ds := make([][]byte, len(delims))
	for i, d := range delims {
		ds[i] = []byte(d)
	}
	return t.recvDelims("recv any of", ds)
}

// RecvLine returns the next line without its ending, "\n" or "\r\n". A last
// line that the end of the stream cuts off counts as a line; then the error is
// io.EOF.
func (t *Tube) RecvLine() (string, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return "", t.unheld("recv line", "", err)
	}
	defer t.in.leave()
	m, err := t.waitDelims(&c, newline)
	end := m.end()
	switch {
	case err == nil:
	case err == io.EOF && t.buf.size > 0:
		end = t.buf.size
		if t.cfg.max > 0 && end > t.cfg.max {
			return "", t.failed("recv line", "", ErrTooLong)
		}
	default:
		return "", t.failed("recv line", "", err)
	}
	n := end
	if err == nil {
		n--
		if n > 0 && t.buf.byteAt(n-1) == '\r' {
			n--
		}
	}
	line := t.buf.text(0, n)
	t.take(end)
	return line, nil
}

// RecvLineBytes is RecvLine for binary data.
func (t *Tube) RecvLineBytes() ([]byte, error) {
	line, err := t.RecvLine()
	if err != nil {
		return nil, err
	}
	return []byte(line), nil
}

var newline = [][]byte{{'\n'}}

// Skip reads and forgets everything up to and including delim, in constant
// memory whatever WithMaxBuffer says, and returns how many bytes that was.
// When the stream ends before, all of it is gone and the error is io.EOF.
func (t *Tube) Skip(delim string) (int64, error) {
	want := strconv.Quote(delim)
	if delim == "" {
		return 0, t.unheld("skip", want, errEmptyDelim)
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("skip", want, err)
	}
	defer t.in.leave()
	skipped := int64(0)
	for {
		if i := t.buf.index([]byte(delim), 0, math.MaxInt); i >= 0 {
			t.take(i + len(delim))
			return skipped + int64(i+len(delim)), nil
		}
		// A delimiter may have begun in the last bytes.
		if n := t.buf.size - (len(delim) - 1); n > 0 {
			t.take(n)
			skipped += int64(n)
		}
		if err := t.fill(&c); err != nil {
			if err == io.EOF {
				skipped += int64(t.buf.size)
				t.take(t.buf.size)
			}
			return skipped, t.failed("skip", want, err)
		}
	}
}

var errEmptyDelim = errors.New("the delimiter is empty; give at least one byte")

func (t *Tube) recvDelims(op string, delims [][]byte) (string, int, error) {
	if len(delims) == 0 {
		return "", -1, t.unheld(op, "", errors.New("no delimiter was given"))
	}
	for _, d := range delims {
		if len(d) == 0 {
			return "", -1, t.unheld(op, quoteAll(delims), errEmptyDelim)
		}
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return "", -1, t.unheld(op, quoteAll(delims), err)
	}
	defer t.in.leave()
	m, err := t.waitDelims(&c, delims)
	if err != nil {
		return "", -1, t.failed(op, quoteAll(delims), err)
	}
	text := t.buf.text(0, m.end())
	t.take(m.end())
	return text, m.which, nil
}

func quoteAll(delims [][]byte) string {
	q := make([]string, len(delims))
	for i, d := range delims {
		q[i] = strconv.Quote(string(d))
	}
	return strings.Join(q, ", ")
}

// match is where a delimiter was found in the unread bytes.
type match struct{ start, len, which int }

func (m match) end() int { return m.start + m.len }

// waitDelims waits for the delimiter that starts earliest.
func (t *Tube) waitDelims(c *call, delims [][]byte) (match, error) {
	longest := 0
	for _, d := range delims {
		longest = max(longest, len(d))
	}
	from, key := 0, ""
	if len(t.buf.marks) > 0 {
		key = string(bytes.Join(delims, []byte{0}))
		from = t.buf.searched(key)
	}
	for {
		m, found := t.buf.earliest(delims, from)
		if found && !t.buf.undecided(delims, m.start) {
			return t.within(m)
		}
		if !found {
			from = max(from, t.buf.size-longest+1)
		}
		err := ErrTooLong
		if t.cfg.max <= 0 || t.buf.size < t.cfg.max {
			err = t.fill(c)
		}
		if err != nil {
			if found {
				return t.within(m)
			}
			if t.buf.size >= minMarked {
				t.buf.mark(string(bytes.Join(delims, []byte{0})), from)
			}
			return match{}, err
		}
	}
}

// minMarked is from how many unread bytes on a failed wait remembers what it
// has searched: below, searching again is cheaper.
const minMarked = 4 << 10

func (t *Tube) within(m match) (match, error) {
	if t.cfg.max > 0 && m.end() > t.cfg.max {
		return match{}, ErrTooLong
	}
	return m, nil
}

// earliest finds the delimiter that starts earliest at or after from, the
// shorter when two start together. It looks ahead in growing steps, so that a
// delimiter that never comes is not searched for in all that is unread each
// time another one is found soon.
func (b *buffer) earliest(delims [][]byte, from int) (match, bool) {
	if len(delims) == 1 {
		i := b.index(delims[0], from, math.MaxInt)
		return match{i, len(delims[0]), 0}, i >= 0
	}
	for step := 256; from < b.size; step *= 2 {
		best, found := match{start: from + step}, false
		for which, d := range delims {
			i := b.index(d, from, best.start+1)
			if i < 0 || i == from+step {
				continue
			}
			if !found || i < best.start || i == best.start && len(d) < best.len {
				best, found = match{i, len(d), which}, true
			}
		}
		if found {
			return best, true
		}
		from += step
	}
	return match{}, false
}

// undecided says whether a delimiter that starts before offset found may
// still be completed by bytes to come.
func (b *buffer) undecided(delims [][]byte, found int) bool {
	if len(delims) == 1 {
		return false
	}
	for _, d := range delims {
		for at := max(0, b.size-len(d)+1); at < found; at++ {
			if b.partialAt(d, at) {
				return true
			}
		}
	}
	return false
}

// byteAt returns the unread byte at offset i.
func (b *buffer) byteAt(i int) byte {
	var one [1]byte
	b.copyAt(one[:], i)
	return one[0]
}
