package tube

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
)

// Recv returns what is there, waiting until it is at least one byte (on a
// datagram socket: one datagram, which may be empty). At the end of the stream
// the error is io.EOF.
func (t *Tube) Recv() (string, error) { return t.recv("recv") }

// RecvBytes is Recv for binary data.
func (t *Tube) RecvBytes() ([]byte, error) { s, err := t.recv("recv"); return []byte(s), err }

func (t *Tube) recv(op string) (string, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return "", t.unheld(op, "", err)
	}
	defer t.in.leave()
	if !t.has(1) {
		if err := t.fill(&c); err != nil {
			return "", t.failed(op, "", err)
		}
	}
	return t.first(), nil
}

// has says whether a receiving call finds n bytes; a datagram counts even
// when it is empty.
func (t *Tube) has(n int) bool {
	return t.buf.size >= n || t.packet && n == 1 && len(t.buf.chunks) > 0
}

// first takes the first chunk with anything in it: on a datagram socket
// exactly one datagram.
func (t *Tube) first() string {
	data := t.buf.chunks[0].unread()
	text := string(data)
	if len(data) == 0 { // an empty datagram
		t.buf.chunks = append(t.buf.chunks[:0], t.buf.chunks[1:]...)
		return ""
	}
	t.take(len(data))
	return text
}

// take removes n unread bytes. What a byte reader may take back is known only
// to ReadByte.
func (t *Tube) take(n int) {
	t.last = false
	t.buf.discard(n)
}

// unheld makes the error of a call that did not get the receive gate, so it
// may not look at the unread bytes.
func (t *Tube) unheld(op, want string, err error) error {
	return &Error{Op: op, Want: want, Err: err}
}

// need waits until n bytes are unread.
func (t *Tube) need(c *call, n int) error {
	for t.buf.size < n {
		if t.cfg.max > 0 && n > t.cfg.max {
			return ErrTooLong
		}
		if err := t.fill(c); err != nil {
			return err
		}
	}
	return nil
}

// RecvN returns exactly n bytes. When the stream ends before, the error is
// io.ErrUnexpectedEOF (io.EOF when nothing came) and the bytes stay readable.
func (t *Tube) RecvN(n int) (string, error) { return t.recvN("recv", n, true) }

// RecvNBytes is RecvN for binary data.
func (t *Tube) RecvNBytes(n int) ([]byte, error) {
	s, err := t.recvN("recv", n, true)
	if err != nil {
		return nil, err
	}
	return []byte(s), nil
}

// Peek returns the next n bytes and leaves them unread. When the stream ends
// or the time is up before, it returns what there is, with the error.
func (t *Tube) Peek(n int) (string, error) { return t.recvN("peek", n, false) }

func (t *Tube) recvN(op string, n int, take bool) (string, error) {
	want := strconv.Itoa(n) + " bytes"
	if n < 0 {
		return "", t.unheld(op, want, errors.New("the count must not be negative"))
	}
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return "", t.unheld(op, want, err)
	}
	defer t.in.leave()
	if err := t.need(&c, n); err != nil {
		err = t.failed(op, want, err)
		if take {
			return "", err
		}
		return t.buf.text(0, min(n, t.buf.size)), err
	}
	text := t.buf.text(0, n)
	if take {
		t.take(n)
	}
	return text, nil
}

// RecvAll returns everything until the end of the stream. When that is more
// than limit bytes (zero: no limit but WithMaxBuffer's) the error is
// ErrTooLong. After any error the bytes stay readable.
func (t *Tube) RecvAll(limit int) (string, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return "", t.unheld("recv all", "", err)
	}
	defer t.in.leave()
	if m := t.cfg.max; m > 0 && (limit <= 0 || m < limit) {
		limit = m
	}
	for {
		if limit > 0 && t.buf.size > limit {
			return "", t.failed("recv all", fmt.Sprintf("of at most %d bytes", limit), ErrTooLong)
		}
		err := t.fill(&c)
		if err == io.EOF {
			text := t.buf.text(0, t.buf.size)
			t.take(t.buf.size)
			return text, nil
		}
		if err != nil {
			return "", t.failed("recv all", "", err)
		}
	}
}

// RecvAllBytes is RecvAll for binary data.
func (t *Tube) RecvAllBytes(limit int) ([]byte, error) {
	s, err := t.RecvAll(limit)
	if err != nil {
		return nil, err
	}
	return []byte(s), nil
}

const (
	drainWait = time.Millisecond
	drainMost = 64 << 20 // a peer that never stops sending must not hold Drain for ever
)

// Drain returns what has already come, without waiting: "" when that is
// nothing. Connections that cannot be asked what has come (TLS, and streams
// that are no sockets, files or pipes) are waited for a millisecond.
func (t *Tube) Drain() string {
	c := call{view: t.Within(drainWait)}
	defer c.end()
	if t.raw == nil {
		if t.receive(&c) != nil {
			return ""
		}
		for t.buf.size < drainMost && t.fill(&c) == nil {
		}
	} else {
		if !t.in.mu.TryLock() {
			return "" // somebody is receiving: whatever comes is theirs
		}
		for t.buf.size < drainMost && t.more() {
		}
	}
	defer t.in.leave()
	text := t.buf.text(0, t.buf.size)
	t.take(t.buf.size)
	return text
}

// Discard reads and forgets everything until the end of the stream, in
// constant memory, and says how many bytes that was. Reaching the end is no
// error.
func (t *Tube) Discard() (int64, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("discard", "", err)
	}
	defer t.in.leave()
	n := int64(0)
	for {
		n += int64(t.buf.size)
		t.take(t.buf.size)
		if err := t.fill(&c); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, t.failed("discard", "", err)
		}
	}
}

// Unrecv puts s back in front of what is unread: the next receiving call
// finds it first. It waits for a receiving call that is under way.
func (t *Tube) Unrecv(s string) {
	if s == "" {
		return
	}
	t.in.mu.Lock()
	t.last = false
	t.buf.pushFront([]byte(s))
	t.in.leave()
}

// Buffered returns how many bytes have been read from the connection and not
// yet returned by a receiving call. It waits for a receiving call that is
// under way.
func (t *Tube) Buffered() int {
	t.in.mu.Lock()
	n := t.buf.size
	t.in.leave()
	return n
}

// Read reads what is there, waiting until it is at least one byte; see
// net.Conn. At the end of the stream it returns io.EOF itself.
func (t *Tube) Read(p []byte) (int, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("read", "", err)
	}
	defer t.in.leave()
	t.last = false
	if t.buf.size == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		n, err := t.readEmpty(&c, p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	n := t.buf.copyAt(p, 0)
	t.take(n)
	return n, nil
}

// readEmpty is Read with nothing buffered: a large p is read into directly.
// It returns 0 and nil when the bytes are in the buffer.
func (t *Tube) readEmpty(c *call, p []byte) (int, error) {
	direct := len(p) >= smallChunk && !t.packet && t.rerr == nil
	for {
		var err error
		if !direct {
			err = t.fill(c)
			if err == nil && t.packet && t.buf.size == 0 {
				t.buf.chunks = t.buf.chunks[:0] // an empty datagram reads as nothing
				continue
			}
		} else {
			c.watch()
			if err = t.arm(&t.rd, c); err == nil {
				var n int
				n, err = t.conn.Read(p)
				if n > 0 {
					if t.cfg.trace != nil {
						t.cfg.trace.dump('<', p[:n])
					}
					t.buf.base += int64(n)
					return n, nil
				}
				if err == nil {
					continue
				}
				if err = t.fate(err); err == nil {
					continue
				}
			}
		}
		if err == nil || err == io.EOF {
			return 0, err
		}
		return 0, t.failed("read", "", err)
	}
}

// ReadByte returns the next byte; see io.ByteReader.
func (t *Tube) ReadByte() (byte, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("read byte", "", err)
	}
	defer t.in.leave()
	if err := t.need(&c, 1); err != nil {
		if err == io.EOF {
			return 0, io.EOF
		}
		return 0, t.failed("read byte", "", err)
	}
	var b [1]byte
	t.buf.copyAt(b[:], 0)
	t.take(1)
	t.last, t.lastB = true, b[0]
	return b[0], nil
}

// UnreadByte takes back the last ReadByte, when nothing was received since;
// see io.ByteScanner.
func (t *Tube) UnreadByte() error {
	t.in.mu.Lock()
	defer t.in.leave()
	if !t.last {
		return errors.New("tube: UnreadByte: the last receiving call was not ReadByte")
	}
	t.last = false
	t.buf.pushFront([]byte{t.lastB})
	return nil
}

// Lines returns an iterator over the lines of the stream, each as RecvLine
// returns it. It ends without an error at the end of the stream; any other
// error is yielded once, with an empty line, and ends it. The view's deadline
// is one for all lines, the default timeout is for each.
func (t *Tube) Lines() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			line, err := t.RecvLine()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}
