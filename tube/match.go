package tube

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube/internal/buffer"
)

// RecvUntil returns everything up to and including delim. It fails with
// ErrTooLong, io.EOF, io.ErrUnexpectedEOF or another reason told by Error; the
// bytes that came then stay readable, and waiting again does not search them
// again.
func (t *Tube) RecvUntil(delim string) (string, error) {
	text, _, err := recvDelims[string](t, "recv until", [][]byte{[]byte(delim)})
	return text, err
}

// RecvUntilBytes is RecvUntil for binary data.
func (t *Tube) RecvUntilBytes(delim []byte) ([]byte, error) {
	text, _, err := recvDelims[[]byte](t, "recv until", [][]byte{delim})
	return text, err
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
	return recvDelims[string](t, "recv any of", ds)
}

// RecvLine returns the next line without its ending, "\n" or "\r\n". A last
// line that the end of the stream cuts off counts as a line; then the error is
// io.EOF.
func (t *Tube) RecvLine() (string, error) { return recvLine[string](t) }

// RecvLineBytes is RecvLine for binary data.
func (t *Tube) RecvLineBytes() ([]byte, error) { return recvLine[[]byte](t) }

func recvLine[T text](t *Tube) (out T, err error) {
	if line, ok := lineThere[T](t); ok {
		return line, nil
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return out, t.unheld("recv line", "", err)
	}
	defer t.in.leave()
	m, err := t.waitDelims(&c, newline)
	end := m.End()
	n := end - 1
	switch {
	case err == nil:
		if n > 0 && t.buf.ByteAt(n-1) == '\r' {
			n--
		}
	case err == io.EOF && t.buf.Size() > 0:
		n, end = t.buf.Size(), t.buf.Size()
	default:
		return out, t.failed("recv line", "", err)
	}
	out = cut[T](&t.buf, n)
	t.drop(end)
	return out, nil
}

var newline = [][]byte{{'\n'}}

// lineThere is RecvLine where a line is there in one piece and short, as it
// nearly always is: then reading lines costs what package bufio takes for it.
// (Looking for a long one here would search its beginning again after each
// timeout.)
func lineThere[T text](t *Tube) (out T, ok bool) {
	c := call{view: t}
	if !t.in.mu.TryLock() {
		return out, false
	}
	data := t.buf.First()
	near := data[:min(len(data), buffer.Small)]
	t.buf.Work += len(near)
	i := bytes.IndexByte(near, '\n')
	if i < 0 || t.cfg.max > 0 && i >= t.cfg.max || t.closed.Load() || c.cause() != nil {
		t.in.leave()
		return out, false
	}
	line := data[:i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	out = own[T](line)
	t.drop(i + 1)
	t.in.leave()
	return out, true
}

// Skip reads and forgets everything up to and including delim, in constant
// memory whatever WithMaxBuffer says, and returns how many bytes that was.
// When the time is up before, a delimiter that has begun to come stays unread,
// so that skipping again finds it. When the stream ends before, all of it is
// gone and the error is io.EOF.
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
		if i := t.buf.Index([]byte(delim), 0, math.MaxInt); i >= 0 {
			t.drop(i + len(delim))
			return skipped + int64(i+len(delim)), nil
		}
		// A delimiter may have begun in the last bytes.
		if n := t.buf.Size() - (len(delim) - 1); n > 0 {
			t.drop(n)
			skipped += int64(n)
		}
		if err := t.fill(&c); err != nil {
			if err == io.EOF {
				skipped += int64(t.buf.Size())
				t.drop(t.buf.Size())
			}
			return skipped, t.failed("skip", want, err)
		}
	}
}

var errEmptyDelim = errors.New("the delimiter is empty; give at least one byte")

func recvDelims[T text](t *Tube, op string, delims [][]byte) (out T, which int, err error) {
	if len(delims) == 0 {
		return out, -1, t.unheld(op, "", errors.New("no delimiter was given"))
	}
	for _, d := range delims {
		if len(d) == 0 {
			return out, -1, t.unheld(op, quoteAll(delims), errEmptyDelim)
		}
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return out, -1, t.unheld(op, quoteAll(delims), err)
	}
	defer t.in.leave()
	m, err := t.waitDelims(&c, delims)
	if err != nil {
		return out, -1, t.failed(op, quoteAll(delims), err)
	}
	return take[T](t, m.End()), m.Which, nil
}

func quoteAll(delims [][]byte) string {
	q := make([]string, len(delims))
	for i, d := range delims {
		q[i] = strconv.Quote(string(d))
	}
	return strings.Join(q, ", ")
}

// waitDelims waits for the delimiter that starts earliest. A limit holds for
// the bytes up to the delimiter's end, so that the answer does not depend on
// how many came with one read.
func (t *Tube) waitDelims(c *call, delims [][]byte) (buffer.Match, error) {
	longest := 0
	for _, d := range delims {
		longest = max(longest, len(d))
	}
	limit := math.MaxInt
	if t.cfg.max > 0 {
		limit = t.cfg.max
	}
	from := 0
	if t.buf.Marked() {
		from, _ = t.buf.Searched(buffer.MarkKey('=', delims))
	}
	for {
		m, found := t.buf.Earliest(delims, from, limit)
		if found {
			at, open := t.buf.Undecided(delims, m.Start, limit)
			if !open {
				return m, nil
			}
			from = max(from, at) // nothing that starts before can be the one
		} else {
			from = max(from, min(t.buf.Size(), limit)-longest+1)
		}
		err := ErrTooLong
		if t.buf.Size() < limit {
			err = t.fill(c)
		}
		if err == nil {
			continue
		}
		if found {
			return m, nil
		}
		if t.buf.Size() >= minMarked {
			t.buf.Mark(buffer.MarkKey('=', delims), from)
		}
		return buffer.Match{}, err
	}
}

// minMarked is from how many unread bytes on a failed wait remembers what it
// has searched: below, searching again is cheaper.
const minMarked = 256
