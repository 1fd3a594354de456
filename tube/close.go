package tube

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// CloseWrite ends what this side sends (on TCP: shutdown(SHUT_WR), the peer
// reads EOF) and leaves the receiving side open. Where the stream has no
// half-close (UDP, a terminal) the error is errors.ErrUnsupported.
func (t *Tube) CloseWrite() error {
	if c, ok := t.conn.(closeWriter); ok {
		return wrapOp("close write", c.CloseWrite())
	}
	return noHalf("close write", t.conn)
}

// CloseRead ends what this side receives (on TCP: shutdown(SHUT_RD)).
func (t *Tube) CloseRead() error {
	if c, ok := t.conn.(closeReader); ok {
		return wrapOp("close read", c.CloseRead())
	}
	return noHalf("close read", t.conn)
}

func wrapOp(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Err: classify(err)}
}

func noHalf(op string, c net.Conn) error {
	kind := "this stream"
	if a := c.LocalAddr(); a != nil {
		kind = a.Network()
	}
	return &Error{Op: op, Err: fmt.Errorf("%s has no half-close: %w", kind, errors.ErrUnsupported)}
}

// Close ends the stream in both directions so that nothing sent is lost. On
// TCP, closing with unread input pending would make the system reset the
// connection and throw away what is still on its way; so Close first ends the
// sending side, reads and forgets what comes in, and closes when the peer has
// closed or has acknowledged everything, after WithLinger's time at most.
//
// A blocked or later call on the tube, on any view, fails with net.ErrClosed.
// A program that Start started is told by the end of its input, and killed
// when it has not ended in WithLinger's time. Closing again does nothing.
func (t *Tube) Close() error {
	if !t.begone() {
		return nil
	}
	if p := t.proc; p != nil {
		err := t.conn.Close()
		p.finish(t.cfg.linger)
		return wrapOp("close", err)
	}
	if tcp := t.tcp(); tcp != nil && t.cfg.linger > 0 {
		end := time.Now().Add(t.cfg.linger)
		// Whoever was receiving has been woken, but may be writing to a slow
		// third party.
		if t.in.enterUntil(end) {
			t.lingerOn(tcp, end)
			t.in.leave()
		}
	}
	return wrapOp("close", t.conn.Close())
}

// Abort ends the stream at once. On TCP the peer sees a reset, and what was
// sent but not yet delivered is lost. A program that Start started is killed.
func (t *Tube) Abort() error {
	if !t.begone() {
		return nil
	}
	if tcp := t.tcp(); tcp != nil {
		tcp.SetLinger(0)
		return wrapOp("abort", tcp.Close())
	}
	if a, ok := t.conn.(interface{ SetLinger(int) error }); ok {
		a.SetLinger(0)
	}
	err := t.conn.Close()
	if p := t.proc; p != nil {
		p.finish(0)
	}
	return wrapOp("abort", err)
}

// begone marks the stream as closed and wakes everybody; false when it was
// closed before.
func (s *stream) begone() bool {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed {
		return false
	}
	s.setConn(&s.rd, longAgo)
	s.setConn(&s.wd, longAgo)
	s.closed = true
	s.notify()
	if s.unbind != nil {
		s.unbind()
	}
	return true
}

// tcp returns the TCP connection below, or nil.
func (s *stream) tcp() *net.TCPConn {
	switch c := s.conn.(type) {
	case *net.TCPConn:
		return c
	case *tls.Conn:
		tcp, _ := c.NetConn().(*net.TCPConn)
		return tcp
	}
	return nil
}

// lingerOn waits until closing tcp loses nothing; see Close.
func (s *stream) lingerOn(tcp *net.TCPConn, end time.Time) {
	if c, ok := s.conn.(*tls.Conn); ok {
		c.SetWriteDeadline(end)
		c.CloseWrite()
	}
	if tcp.CloseWrite() != nil || s.rerr == io.EOF {
		return // reset, or closed by both: nothing can be lost any more
	}
	junk := packetPool.Get().(*[64 << 10]byte)
	defer packetPool.Put(junk)
	for wait := time.Millisecond; time.Now().Before(end); wait = min(2*wait, 50*time.Millisecond) {
		n, known := unacked(tcp)
		if known && n == 0 {
			drainNow(tcp, junk[:], end)
			return
		}
		tcp.SetReadDeadline(earliest(end, time.Now().Add(wait)))
		var err error
		for err == nil {
			_, err = tcp.Read(junk[:])
		}
		if classify(err) != os.ErrDeadlineExceeded {
			return // the peer closed, or reset
		}
		if !known && wait == 50*time.Millisecond {
			return // the system does not tell more, and the peer has been quiet
		}
	}
}
