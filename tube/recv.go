package tube

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube/internal/buffer"
)

// Recv returns what is there, waiting until it is at least one byte (on a
// datagram socket: one datagram, which may be empty), and no more than
// WithMaxBuffer's limit. At the end of the stream the error is io.EOF.
func (t *Tube) Recv() (string, error) { return recv[string](t) }

// RecvBytes is Recv for binary data.
func (t *Tube) RecvBytes() ([]byte, error) { return recv[[]byte](t) }

func recv[T text](t *Tube) (out T, err error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return out, t.unheld("recv", "", err)
	}
	defer t.in.leave()
	if !t.unread() {
		if err := t.fill(&c); err != nil {
			return out, t.failed("recv", "", err)
		}
	}
	n := t.buf.Size()
	if t.packet {
		n = len(t.buf.First())
	} else if t.cfg.max > 0 {
		n = min(n, t.cfg.max)
	}
	return take[T](t, n), nil
}

// unread says whether anything is; a datagram counts even when it is empty.
func (t *Tube) unread() bool { return t.buf.Size() > 0 || t.packet && t.buf.Chunks() > 0 }

// text is how a receiving method returns bytes: both kinds are made with one
// copy out of the buffer.
type text interface{ string | []byte }

func cut[T text](b *buffer.Buffer, n int) T {
	var out T
	if _, ok := any(out).(string); ok {
		return T(b.Text(0, n))
	}
	return T(b.Bytes(0, n))
}

// own returns a copy of p.
func own[T text](p []byte) T {
	var out T
	if _, ok := any(out).(string); ok {
		return T(string(p))
	}
	return T(append([]byte{}, p...))
}

// take removes n unread bytes and returns them.
func take[T text](t *Tube, n int) T {
	out := cut[T](&t.buf, n)
	t.drop(n)
	return out
}

// drop removes n unread bytes. What a byte reader may take back is known only
// to ReadByte.
func (t *Tube) drop(n int) {
	t.last = false
	t.buf.Discard(n)
}

// unheld makes the error of a call that did not get the receive gate, so it
// may not look at the unread bytes.
func (t *Tube) unheld(op, want string, err error) error {
	return &Error{Op: op, Want: want, Err: err, from: t.stream}
}

// need waits until n bytes are unread.
func (t *Tube) need(c *call, n int) error {
	if t.cfg.max > 0 && n > t.cfg.max {
		return ErrTooLong // also when they happen to be there
	}
	for t.buf.Size() < n {
		if err := t.fill(c); err != nil {
			return err
		}
	}
	return nil
}

// RecvN returns exactly n bytes. When the stream ends before, the error is
// io.ErrUnexpectedEOF (io.EOF when nothing came) and the bytes stay readable.
func (t *Tube) RecvN(n int) (string, error) { return recvN[string](t, n) }

// RecvNBytes is RecvN for binary data.
func (t *Tube) RecvNBytes(n int) ([]byte, error) { return recvN[[]byte](t, n) }

func recvN[T text](t *Tube, n int) (out T, err error) {
	c := call{view: t}
	defer c.end()
	want, err := t.receiveN(&c, n)
	if err != nil {
		return out, t.unheld("recv", want, err)
	}
	defer t.in.leave()
	if err := t.need(&c, n); err != nil {
		return out, t.failed("recv", want, err)
	}
	return take[T](t, n), nil
}

// Peek returns the next n bytes and leaves them unread. When the stream ends
// or the time is up before, it returns what there is, with the error.
func (t *Tube) Peek(n int) (string, error) {
	c := call{view: t}
	defer c.end()
	want, err := t.receiveN(&c, n)
	if err != nil {
		return "", t.unheld("peek", want, err)
	}
	defer t.in.leave()
	err = t.need(&c, n)
	if err != nil {
		err = t.failed("peek", want, err)
	}
	return t.buf.Text(0, min(n, t.buf.Size())), err
}

func (t *Tube) receiveN(c *call, n int) (want string, err error) {
	want = strconv.Itoa(n) + " bytes"
	if n < 0 {
		return want, errors.New("the count must not be negative")
	}
	return want, t.receive(c)
}

// RecvAll returns everything until the end of the stream. When that is more
// than limit bytes (zero: no limit but WithMaxBuffer's) the error is
// ErrTooLong. After any error the bytes stay readable.
func (t *Tube) RecvAll(limit int) (string, error) { return recvAll[string](t, limit) }

// RecvAllBytes is RecvAll for binary data.
func (t *Tube) RecvAllBytes(limit int) ([]byte, error) { return recvAll[[]byte](t, limit) }

func recvAll[T text](t *Tube, limit int) (out T, err error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return out, t.unheld("recv all", "", err)
	}
	defer t.in.leave()
	if m := t.cfg.max; m > 0 && (limit <= 0 || m < limit) {
		limit = m
	}
	for {
		if limit > 0 && t.buf.Size() > limit {
			return out, t.failed("recv all", fmt.Sprintf("of at most %d bytes", limit), ErrTooLong)
		}
		err := t.fill(&c)
		if err == io.EOF {
			return take[T](t, t.buf.Size()), nil
		}
		if err != nil {
			return out, t.failed("recv all", "", err)
		}
	}
}

// RecvRepeat returns everything until nothing has come for so long, or until
// the end of the stream: a banner that is to be out of the way, say. That it
// was quiet, or the end, is no error; where the call's own time is up before,
// or more than WithMaxBuffer's limit has come, there is one, and the bytes stay
// readable.
func (t *Tube) RecvRepeat(quiet time.Duration) (string, error) { return recvRepeat[string](t, quiet) }

// RecvRepeatBytes is RecvRepeat for binary data.
func (t *Tube) RecvRepeatBytes(quiet time.Duration) ([]byte, error) {
	return recvRepeat[[]byte](t, quiet)
}

func recvRepeat[T text](t *Tube, quiet time.Duration) (out T, err error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return out, t.unheld("recv repeat", "", err)
	}
	defer t.in.leave()
	for {
		if m := t.cfg.max; m > 0 && t.buf.Size() > m {
			return out, t.failed("recv repeat", fmt.Sprintf("of at most %d bytes", m), ErrTooLong)
		}
		wait := call{view: t.Within(quiet)}
		own := !c.until().IsZero() && c.until().Before(wait.until())
		if own {
			err = t.fill(&c)
		} else {
			err = t.fill(&wait)
		}
		wait.end()
		switch {
		case err == nil:
		case err == io.EOF, err == os.ErrDeadlineExceeded && !own:
			return take[T](t, t.buf.Size()), nil
		default:
			return out, t.failed("recv repeat", fmt.Sprintf("until %v of silence", quiet), err)
		}
	}
}

const (
	drainWait = time.Millisecond
	drainMost = 64 << 20 // a peer that never stops sending must not hold Drain for ever
)

// Drain returns what has already come, without waiting: "" when that is
// nothing. It returns at most 64 MiB, and no more than WithMaxBuffer's limit;
// the rest stays unread. Connections that cannot be asked what has come (TLS, and streams
// that are no sockets, files or pipes) are waited for a millisecond.
func (t *Tube) Drain() string {
	c := call{view: t.Within(drainWait)}
	defer c.end()
	most := drainMost
	if t.cfg.max > 0 {
		most = min(most, t.cfg.max)
	}
	if t.raw == nil {
		if t.receive(&c) != nil {
			return ""
		}
		for t.buf.Size() < most && t.fill(&c) == nil {
		}
	} else {
		if t.closed.Load() || !t.in.mu.TryLock() {
			return "" // while somebody is receiving, whatever comes is theirs
		}
		for t.buf.Size() < most && t.more() {
		}
	}
	defer t.in.leave()
	return take[string](t, min(t.buf.Size(), most))
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
		n += int64(t.buf.Size())
		t.drop(t.buf.Size())
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
	t.buf.PushFront([]byte(s))
	t.in.leave()
}

// Buffered returns how many bytes have been read from the connection and not
// yet returned by a receiving call. It waits for a receiving call that is
// under way.
func (t *Tube) Buffered() int {
	t.in.mu.Lock()
	n := t.buf.Size()
	t.in.leave()
	return n
}

// Read reads what is there, waiting until it is at least one byte; see
// net.Conn. At the end of the stream it returns io.EOF itself. On a datagram
// socket it reads from one datagram; what does not fit p stays unread.
func (t *Tube) Read(p []byte) (int, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("read", "", err)
	}
	defer t.in.leave()
	t.last = false
	for t.buf.Size() == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		n, err := t.readEmpty(&c, p)
		if err == io.EOF {
			t.toldEnd.Store(true)
			return 0, io.EOF
		}
		if err != nil {
			return 0, t.failed("read", "", err)
		}
		if n > 0 {
			return n, nil
		}
	}
	if t.packet {
		for len(t.buf.First()) == 0 {
			t.buf.DropFirst() // an empty datagram reads as nothing
		}
		p = p[:min(len(p), len(t.buf.First()))]
	}
	n := t.buf.CopyAt(p, 0)
	t.drop(n)
	return n, nil
}

// readEmpty is Read with nothing buffered: it reads into the buffer and
// returns 0, or directly into a large p.
func (t *Tube) readEmpty(c *call, p []byte) (int, error) {
	if len(p) < buffer.Small || t.packet || t.rerr != nil {
		return 0, t.fill(c)
	}
	if err := t.ready(c, t.readUser); err != nil {
		return 0, err
	}
	c.watch()
	defer t.disarm(&t.rd)
	for empty := 0; ; {
		if err := t.arm(&t.rd, c); err != nil {
			if err == os.ErrDeadlineExceeded && t.look(c) {
				return 0, t.rerr
			}
			return 0, err
		}
		n, err := t.conn.Read(p)
		if n > 0 {
			if t.trace != nil {
				t.trace.dump('<', p[:n])
			}
			t.buf.Passed(n)
			return n, nil
		}
		if err == nil {
			if empty++; empty < maxEmptyReads {
				continue
			}
			err = io.ErrNoProgress
		}
		if err = t.fate(err); err != nil {
			return 0, err
		}
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
			t.toldEnd.Store(true)
			return 0, io.EOF
		}
		return 0, t.failed("read byte", "", err)
	}
	b := t.buf.ByteAt(0)
	t.drop(1)
	t.last, t.lastB = true, b
	return b, nil
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
	t.buf.PushFront([]byte{t.lastB})
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
			switch {
			case err == nil:
				if !yield(line, nil) {
					return
				}
			case errors.Is(err, io.EOF):
				return
			default:
				yield(line, err)
				return
			}
		}
	}
}
