package memnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a connection: a net.Conn with the half-closes and the abort of a *net.TCPConn.
// Its methods may be called by several goroutines at once; concurrent Writes do not mix.
type Conn struct {
	link          *link
	peer          *Conn
	local, remote netip.AddrPort

	// All below is guarded by link.mu.
	in       []byte // received, not read
	limit    int    // of len(in)
	fin      bool   // the peer sends no more
	reset    bool   // the connection was reset by the peer, or because the peer was closed
	closed   bool   // Close was called here
	finSent  bool   // CloseWrite was called here
	noRead   bool   // CloseRead was called here
	writing  bool   // a Write is in progress
	linger0  bool   // Close aborts
	readEnd  deadline
	writeEnd deadline
}

// link is what the two ends share: one lock, and one condition on which all waits of both ends wait.
// A connection has few waiters, so waking all of them is cheaper than being clever.
type link struct {
	mu   sync.Mutex
	cond sync.Cond
}

func newPair(client, server netip.AddrPort, buffer int) (*Conn, *Conn) {
	if buffer <= 0 {
		buffer = defaultBuffer
	}
	k := &link{}
	k.cond.L = &k.mu
	c := &Conn{link: k, local: client, remote: server, limit: buffer}
	s := &Conn{link: k, local: server, remote: client, limit: buffer}
	c.peer, s.peer = s, c
	return c, s
}

// Read returns what has arrived, waiting for at least one byte; io.EOF after the peer's CloseWrite or
// Close, ECONNRESET after a reset, os.ErrDeadlineExceeded after the read deadline, net.ErrClosed after
// Close.
func (c *Conn) Read(b []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.error("read", net.ErrClosed)
		case c.readEnd.passed():
			return 0, c.error("read", os.ErrDeadlineExceeded)
		case c.reset:
			return 0, c.error("read", os.NewSyscallError("read", syscall.ECONNRESET))
		case len(b) == 0:
			return 0, nil
		case len(c.in) > 0:
			n := copy(b, c.in)
			c.in = c.in[n:]         // moving the rest would cost more than all else where reads are small
			c.link.cond.Broadcast() // there is room
			return n, nil
		case c.fin || c.noRead:
			return 0, io.EOF
		}
		c.link.cond.Wait()
	}
}

// Write sends b, waiting while the peer's buffer is full. An error says how many bytes were sent
// before it: EPIPE after CloseWrite here or a reset seen before, ECONNRESET when a reset ends the wait,
// os.ErrDeadlineExceeded after the write deadline, net.ErrClosed after Close. The first Write to a peer
// that is closed succeeds, as in TCP, and resets the connection.
func (c *Conn) Write(b []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	broken := syscall.EPIPE
	for c.writing {
		if err := c.writeError(broken); err != nil {
			return 0, err
		}
		c.link.cond.Wait()
	}
	c.writing = true
	defer func() {
		c.writing = false
		c.link.cond.Broadcast()
	}()
	sent := 0
	for {
		if err := c.writeError(broken); err != nil {
			return sent, err
		}
		broken = syscall.ECONNRESET
		if c.peer.closed {
			if sent < len(b) {
				c.receiveReset()
			}
			return len(b), nil
		}
		n := min(len(b)-sent, c.peer.limit-len(c.peer.in))
		if n > 0 {
			c.peer.in = append(c.peer.in, b[sent:sent+n]...)
			sent += n
			c.link.cond.Broadcast()
		}
		if sent == len(b) {
			return sent, nil
		}
		c.link.cond.Wait()
	}
}

// writeError says why a Write cannot go on, with broken as the error after a reset.
func (c *Conn) writeError(broken syscall.Errno) error {
	switch {
	case c.closed:
		return c.error("write", net.ErrClosed)
	case c.writeEnd.passed():
		return c.error("write", os.ErrDeadlineExceeded)
	case c.finSent:
		return c.error("write", os.NewSyscallError("write", syscall.EPIPE))
	case c.reset:
		return c.error("write", os.NewSyscallError("write", broken))
	}
	return nil
}

// CloseWrite says that no more will be written: shutdown(SHUT_WR). The peer reads io.EOF after what was
// sent. A second call does nothing.
func (c *Conn) CloseWrite() error {
	return c.shutdown(func() {
		c.finSent = true
		c.peer.fin = true
	})
}

// CloseRead makes Read return io.EOF where it would wait: shutdown(SHUT_RD). As on Linux, the peer
// is not told, and what it sends fills the buffer.
func (c *Conn) CloseRead() error {
	return c.shutdown(func() { c.noRead = true })
}

func (c *Conn) shutdown(how func()) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	switch {
	case c.closed:
		return c.error("shutdown", net.ErrClosed)
	case c.reset:
		return c.error("shutdown", os.NewSyscallError("shutdown", syscall.ENOTCONN))
	}
	how()
	c.link.cond.Broadcast()
	return nil
}

// Close ends this end. What was written stays readable at the peer, then io.EOF, unless bytes received
// here were not read or SetLinger(0) was called: then the connection is reset. A second call fails with
// net.ErrClosed.
func (c *Conn) Close() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.error("close", net.ErrClosed)
	}
	c.close(c.linger0 || len(c.in) > 0)
	return nil
}

// abort closes with a reset.
func (c *Conn) abort() {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if !c.closed {
		c.close(true)
	}
}

func (c *Conn) close(reset bool) {
	c.closed = true
	c.in = nil
	c.readEnd.stop()
	c.writeEnd.stop()
	if reset {
		c.peer.receiveReset()
	} else {
		c.peer.fin = true
	}
	c.link.cond.Broadcast()
}

// receiveReset is the arrival of a RST: what was not read is lost.
func (c *Conn) receiveReset() {
	if !c.closed {
		c.reset = true
		c.in = nil
		c.link.cond.Broadcast()
	}
}

// SetLinger with 0 makes Close abort: the connection is reset and what the peer has not read is lost.
// Any other value is the default, a Close that loses nothing and does not wait.
func (c *Conn) SetLinger(sec int) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	c.linger0 = sec == 0
	return nil
}

// LocalAddr returns this end's address, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return tcpAddr(c.local) }

// RemoteAddr returns the peer's address, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return tcpAddr(c.remote) }

// SetDeadline sets both deadlines; the zero time means none. Calls that wait already obey the new one.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.readEnd, &c.writeEnd) }

// SetReadDeadline sets the time after which Read fails; the zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.readEnd) }

// SetWriteDeadline sets the time after which Write fails; the zero time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.writeEnd) }

func (c *Conn) setDeadline(t time.Time, ends ...*deadline) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	for _, d := range ends {
		d.set(t, c.link)
	}
	c.link.cond.Broadcast()
	return nil
}

func (c *Conn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// deadline is a time at which the waits of a link are woken, to find that it has passed.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *deadline) set(t time.Time, k *link) {
	d.stop()
	d.at = t
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if d.timer != nil {
		d.timer.Reset(wait)
		return
	}
	d.timer = time.AfterFunc(wait, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if !d.at.IsZero() && !d.passed() {
			d.timer.Reset(time.Until(d.at)) // the wall clock of a time without a monotonic reading is behind
			return
		}
		k.cond.Broadcast()
	})
}
