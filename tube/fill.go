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
	c.watch()
	for {
		if err := s.arm(&s.rd, c); err != nil {
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

// fate looks at a failed read: nil means that it only woke early.
func (s *stream) fate(err error) error {
	err = classify(err)
	if err == os.ErrDeadlineExceeded {
		return nil // arm decides whether it is really time
	}
	if !s.packet && err != net.ErrClosed {
		s.rerr = err
	}
	if s.packet && err == io.EOF {
		s.rerr = err
	}
	return err
}

// readMore reads once into the buffer, waiting as long as the connection's
// deadline lets it.
func (s *stream) readMore() (n int, err error) {
	switch {
	case s.raw != nil:
		s.rawN, s.rawErr = 0, nil
		err = s.raw.Read(s.rawFn)
		if err == nil {
			n, err = s.rawN, s.rawErr
		}
	case s.packet:
		return s.readPacket()
	default:
		n, err = s.conn.Read(s.buf.room())
		if n > 0 {
			s.received(n)
		} else {
			s.buf.idle()
		}
		return n, err
	}
	if n > 0 {
		s.received(n)
		return n, nil
	}
	s.buf.idle()
	if err == nil {
		err = io.EOF
	}
	return 0, err
}

// received counts n bytes that were read into the buffer's room.
func (s *stream) received(n int) {
	if s.cfg.trace != nil {
		s.cfg.trace.dump('<', s.buf.room()[:n])
	}
	s.buf.commit(n)
}

// readReady is called by the runtime when the descriptor may be readable. It
// takes a buffer only for as long as it needs to find that out.
func (s *stream) readReady(fd uintptr) bool {
	n, again, err := sysRead(fd, s.buf.room())
	if again {
		s.buf.idle()
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
	s.rawN, s.rawErr = 0, nil
	again := false
	once := func(fd uintptr) bool {
		s.rawN, again, s.rawErr = sysRead(fd, s.buf.room())
		return true
	}
	err := s.raw.Read(once)
	if errors.Is(err, os.ErrDeadlineExceeded) { // left behind by an earlier call
		s.dmu.Lock()
		s.setConn(&s.rd, time.Time{})
		s.dmu.Unlock()
		err = s.raw.Read(once)
	}
	if err == nil && s.rawN > 0 {
		s.received(s.rawN)
		return true
	}
	s.buf.idle()
	if err == nil && !again {
		if s.rawErr == nil {
			s.rawErr = io.EOF
		}
		s.fate(s.rawErr)
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
	if s.cfg.trace != nil {
		s.cfg.trace.dump('<', p[:n])
	}
	s.buf.packet(p[:n])
	return n, nil
}

// receive begins a receiving call: it takes the gate.
func (t *Tube) receive(c *call) error {
	if t.in.mu.TryLock() {
		return nil
	}
	c.watch()
	return t.in.enter(c, t.readUser)
}

// failed makes the error of a wait that ended without what it waited for.
// The receive gate is held.
func (t *Tube) failed(op, want string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	if err == io.EOF && t.buf.size > 0 {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Op: op, Want: want, Got: t.buf.tail(gotLimit), N: t.buf.size, Err: err}
}
