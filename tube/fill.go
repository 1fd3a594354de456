package tube

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// fill waits until at least one more byte (or datagram) is in the buffer.
// The receive gate is held.
func (s *stream) fill(c *call) error {
	if s.rerr != nil {
		return s.rerr
	}
	if err := s.ready(c, s.readUser); err != nil {
		return err
	}
	c.watch()
	defer s.disarm(&s.rd)
	for {
		if err := s.arm(&s.rd, c); err != nil {
			if err == os.ErrDeadlineExceeded && s.look(c) {
				return s.rerr
			}
			return err
		}
		n, err := s.readMore()
		if n > 0 || err == nil {
			return nil
		}
		if err = s.fate(err); err != nil {
			return err
		}
	}
}

// maxLooks is how often a call whose time is up takes what is already there:
// enough for all that a socket holds, and an end for a peer that never stops.
const maxLooks = 16

// look reads what has come before the call's time was up; it says whether
// that was anything, or the end of the stream.
func (s *stream) look(c *call) bool {
	if user := s.readUser(); !user.IsZero() && !time.Now().Before(user) {
		return false // net.Conn wants a deadline in the past to fail
	}
	if c.looks == maxLooks {
		return false
	}
	c.looks++
	return s.more() || s.rerr != nil
}

// fate looks at a failed read: nil means that it only woke early.
func (s *stream) fate(err error) error {
	err = classify(err)
	if err == os.ErrDeadlineExceeded {
		s.woke(&s.rd)
		return nil // arm decides whether it is really time
	}
	if s.closed.Load() {
		return net.ErrClosed
	}
	if err == io.EOF || !s.packet {
		s.rerr = err // a datagram socket outlives its errors
	}
	return err
}

// readMore reads once into the buffer, waiting as long as the connection's
// deadline lets it.
func (s *stream) readMore() (n int, err error) {
	switch {
	case s.packet:
		return s.readPacket()
	case s.raw != nil:
		s.rawN, s.rawErr = 0, nil
		err = s.raw.Read(s.rawFn)
		if err == nil {
			n, err = s.rawN, s.rawErr
			if n == 0 && err == nil {
				err = io.EOF
			}
		}
	default:
		for range maxEmptyReads {
			if n, err = s.conn.Read(s.buf.Room()); n > 0 || err != nil {
				break
			}
		}
		if n == 0 && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n > 0 {
		s.received(n)
		// What came first; an error that came with it is met again.
		return n, nil
	}
	s.buf.Idle()
	return 0, err
}

// maxEmptyReads is how often a Read may return nothing and no error.
const maxEmptyReads = 100

// received counts n bytes that were read into the buffer's room.
func (s *stream) received(n int) {
	if s.trace != nil {
		s.trace.dump('<', s.buf.Room()[:n])
	}
	s.buf.Commit(n)
}

// readReady is called by the runtime when the descriptor may be readable. It
// takes a buffer only for as long as it needs to find that out.
func (s *stream) readReady(fd uintptr) bool {
	n, again, err := sysRead(fd, s.buf.Room(), s.socket)
	if again {
		s.buf.Idle()
		return false
	}
	s.rawN, s.rawErr = n, err
	return true
}

// more reads what is there without waiting; it says whether anything came.
// Where the connection cannot be asked, it says no.
func (s *stream) more() bool {
	if s.raw == nil || s.rerr != nil {
		return false
	}
	var n int
	var again bool
	var err error
	// Control, unlike Read, does not ask whether a deadline has passed.
	failed := s.raw.Control(func(fd uintptr) { n, again, err = sysRead(fd, s.buf.Room(), s.socket) })
	if n > 0 {
		s.received(n)
		return true
	}
	s.buf.Idle()
	if failed == nil && !again {
		if err == nil {
			err = io.EOF
		}
		s.fate(err)
	}
	return false
}

var packetPool = sync.Pool{New: func() any { return new([64 << 10]byte) }}

func (s *stream) readPacket() (int, error) {
	p := packetPool.Get().(*[64 << 10]byte)
	defer packetPool.Put(p)
	n, err := s.conn.Read(p[:])
	if err != nil {
		return 0, err
	}
	if s.trace != nil {
		s.trace.dump('<', p[:n])
	}
	s.buf.Packet(p[:n])
	return n, nil
}

// receive begins a receiving call: it takes the gate, unless the tube is
// closed or the call's context has ended.
func (t *Tube) receive(c *call) error {
	if !t.in.mu.TryLock() {
		if err := t.in.enter(c, t.readUser); err != nil {
			return err
		}
	}
	err := c.cause()
	if t.closed.Load() {
		err = net.ErrClosed
	}
	if err != nil {
		t.in.leave()
	}
	return err
}

// failed makes the error of a wait that ended without what it waited for.
// The receive gate is held.
func (t *Tube) failed(op, want string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	if err == io.EOF && t.buf.Size() > 0 {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Op: op, Want: want, Got: t.buf.Tail(gotLimit), N: t.buf.Size(), Err: err, from: t.stream}
}
