package tube

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// CloseWrite ends what this side sends (on TCP: shutdown(SHUT_WR), the peer
// reads EOF) and leaves the receiving side open. It waits for a sending call
// that is under way, so that the end comes after its bytes; later ones fail
// with net.ErrClosed. Where the stream has no half-close (UDP, a terminal) the
// error is errors.ErrUnsupported.
func (t *Tube) CloseWrite() error {
	half, ok := t.conn.(closeWriter)
	if !ok || networkOf(t.conn) == "unixgram" { // where shutdown works, but nobody is told
		return noHalf("close write", t.conn)
	}
	c := call{view: t}
	defer c.end()
	if err := t.out.enter(&c, t.writeUser); err != nil {
		return t.wrapOp("close write", err)
	}
	defer t.out.leave()
	return t.wrapOp("close write", t.finish(&c, half))
}

// finish sends the end of the stream. The send gate is held.
func (s *stream) finish(c *call, half closeWriter) error {
	if err := s.ready(c, s.writeUser); err != nil {
		return err
	}
	s.dmu.Lock()
	done := s.finSent
	s.dmu.Unlock()
	if done {
		return nil
	}
	c.watch()
	defer s.disarm(&s.wd)
	if err := s.arm(&s.wd, c); err != nil {
		return err
	}
	for s.owing != nil {
		err := s.owing.flush()
		if err == nil {
			break
		}
		if err = classify(err); err != os.ErrDeadlineExceeded {
			return err
		}
		s.woke(&s.wd)
		if err := s.arm(&s.wd, c); err != nil {
			return err
		}
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	s.dmu.Lock()
	defer s.dmu.Unlock()
	s.finSent = true
	return nil
}

// CloseRead ends what this side receives (on TCP: shutdown(SHUT_RD)): what
// came before stays readable, then the stream ends. Where the stream cannot do
// that (TLS, UDP, programs) the error is errors.ErrUnsupported.
func (t *Tube) CloseRead() error {
	if c, ok := t.conn.(closeReader); ok {
		return t.wrapOp("close read", c.CloseRead())
	}
	return noHalf("close read", t.conn)
}

func (s *stream) wrapOp(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: op, Err: classify(err), from: s}
}

func noHalf(op string, c net.Conn) error {
	return &Error{Op: op, Err: fmt.Errorf("%s has no half-close: %w", networkOf(c), errors.ErrUnsupported)}
}

// networkOf returns the name of the network c is on.
func networkOf(c net.Conn) string {
	if a := c.LocalAddr(); a != nil {
		return a.Network()
	}
	return "this stream"
}

// Close ends the stream in both directions so that nothing sent is lost. On
// TCP, closing with unread input pending would make the system reset the
// connection and throw away what is still on its way; so Close first ends the
// sending side, reads and forgets what comes in, and closes when the peer has
// closed or has acknowledged everything, after WithLinger's time at most.
//
// A blocked or later call on the tube, on any view, fails with net.ErrClosed,
// also when bytes were left unread. Closing again does nothing.
//
// A program that Start started is told by the end of its input, on a terminal
// by the hangup; what it still writes is read and forgotten, and it is killed
// when it has not ended in WithLinger's time.
func (t *Tube) Close() error {
	if !t.begone() {
		return nil
	}
	defer t.release()
	end := time.Now().Add(t.cfg.linger)
	if t.proc != nil {
		return t.wrapOp("close", t.endProgram(end))
	}
	if t.cfg.linger > 0 {
		tcp := t.tcp()
		unix, _ := t.conn.(*net.UnixConn)
		// Whoever was receiving has been woken, but may be writing to a slow
		// third party.
		if (tcp != nil || unix != nil && !t.packet) && t.in.enterUntil(end) {
			if tcp != nil {
				t.lingerOn(tcp, end)
			} else if unix.CloseWrite() == nil {
				// The peer's system keeps what was sent, but would say
				// "reset" at its end if input were left here.
				withJunk(func(junk []byte) { drainNow(unix, junk, end) })
			}
			t.in.leave()
		} else if tcp == nil && strings.HasPrefix(networkOf(t.conn), "tcp") && t.in.enterUntil(end) {
			t.readAway(end)
			t.in.leave()
		}
	}
	err := t.conn.Close()
	if errors.Is(classify(err), ErrReset) {
		err = nil // TLS would have said good-bye to a peer that has gone; without it nobody would
	}
	return t.wrapOp("close", err)
}

// Abort ends the stream at once. On TCP the peer sees a reset, and what was
// sent but not yet delivered is lost. A program that Start started is killed.
func (t *Tube) Abort() error {
	if !t.begone() {
		return nil
	}
	defer t.release()
	if p := t.proc; p != nil {
		p.kill()
	}
	conn := t.conn
	tcp := t.tcp()
	if c := TCP(conn); tcp == nil && c != nil {
		tcp = c // below another tube
	}
	if tcp != nil {
		tcp.SetLinger(0)
		if conn != net.Conn(tcp) {
			defer conn.Close() // what is above may hold more than the connection
		}
		conn = tcp
	}
	err := conn.Close()
	if p := t.proc; p != nil {
		<-p.ended
	}
	return t.wrapOp("abort", err)
}

// release gives the unread bytes of a closed stream back, unless somebody
// still holds them.
func (t *Tube) release() {
	if t.in.mu.TryLock() {
		t.buf.Free()
		t.in.leave()
	}
}

// lingerer is what TCP connections have in common, the system's, those that
// wrap them and those that imitate them.
type lingerer interface {
	net.Conn
	closeWriter
	SetLinger(seconds int) error
}

// tcp returns the TCP connection below, or nil.
func (s *stream) tcp() lingerer {
	conn := s.conn
	for {
		if l, ok := conn.(lingerer); ok {
			return l
		}
		above, ok := conn.(interface{ NetConn() net.Conn }) // as *tls.Conn has it
		if !ok {
			return nil
		}
		conn = above.NetConn()
	}
}

// lingerOn waits until closing tcp loses nothing; see Close.
func (s *stream) lingerOn(tcp lingerer, end time.Time) {
	if s.conn != net.Conn(tcp) {
		// Who was sending has been woken by a deadline in the past. A new one must not come before that is seen.
		if c, ok := s.conn.(closeWriter); ok && s.out.enterUntil(end) {
			defer s.out.leave()
			s.conn.SetWriteDeadline(end)
			s.owing.flush()
			c.CloseWrite()
		}
	}
	if tcp.CloseWrite() != nil || s.rerr == io.EOF {
		return // reset, or closed by both: nothing can be lost any more
	}
	withJunk(func(junk []byte) {
		for wait := time.Millisecond; time.Now().Before(end); wait = min(2*wait, maxLingerWait) {
			n, known := unacked(tcp)
			if known && n == 0 {
				if c, ok := tcp.(syscall.Conn); ok {
					drainNow(c, junk, end)
				}
				return
			}
			tcp.SetReadDeadline(earliest(end, time.Now().Add(wait)))
			var err error
			for err == nil {
				_, err = tcp.Read(junk)
			}
			if classify(err) != os.ErrDeadlineExceeded {
				return // the peer closed, or reset
			}
			if !known && wait == maxLingerWait {
				return // the system does not tell more, and the peer has been quiet
			}
		}
	})
}

// readAway reads what has come over TCP that is wrapped in something which hides how to linger, as a proxy's connection: no reset
// on its account, at least.
func (s *stream) readAway(end time.Time) {
	if s.conn.SetReadDeadline(earliest(end, time.Now().Add(drainWait))) != nil {
		return
	}
	withJunk(func(junk []byte) {
		for time.Now().Before(end) {
			if _, err := s.conn.Read(junk); err != nil {
				return
			}
		}
	})
}

// maxLingerWait is how long lingerOn waits at most before it asks again.
const maxLingerWait = 50 * time.Millisecond

// withJunk calls f with memory to read to what nobody wants.
func withJunk(f func(junk []byte)) {
	junk := packetPool.Get().(*[64 << 10]byte)
	defer packetPool.Put(junk)
	f(junk[:])
}
