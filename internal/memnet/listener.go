package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// Listener is a net.Listener of a [Network]. Its methods may be called by several goroutines at once.
type Listener struct {
	net     *Network
	addr    netip.AddrPort
	backlog int

	mu      sync.Mutex
	cond    sync.Cond // something below changed
	pending []*Conn
	fault   func() error
	closed  bool
}

// Accept returns the next dialled connection, a *[Conn]. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.closed {
			return nil, l.error(net.ErrClosed)
		}
		if l.fault != nil {
			if err := l.fault(); err != nil {
				return nil, l.error(err)
			}
		}
		if len(l.pending) > 0 {
			c := l.pending[0]
			l.pending = append(l.pending[:0], l.pending[1:]...)
			l.cond.Broadcast() // a dial may wait for room
			return c, nil
		}
		l.cond.Wait()
	}
}

// FailAccept makes Accept ask fault before it looks for a connection, and return the error it gives,
// as os.NewSyscallError("accept4", syscall.EMFILE). A nil fault ends that. Accept calls fault from its
// own goroutine, at least once a call and never two at once; fault must not use the listener.
func (l *Listener) FailAccept(fault func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = fault
	l.cond.Broadcast()
}

// Close ends the listener. Connections that nobody accepted are reset, waiting calls of Accept and
// Dial fail, and the address is free again.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	l.closed = true
	pending := l.pending
	l.pending = nil
	l.cond.Broadcast()
	l.mu.Unlock()

	l.net.forget(l)
	for _, c := range pending {
		c.abort()
	}
	return nil
}

// Addr returns the listener's address, a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return tcpAddr(l.addr) }

// push puts c in the backlog, waiting for room until ctx ends.
func (l *Listener) push(ctx context.Context, c *Conn) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cond.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.pending) >= l.backlog && ctx.Err() == nil {
		l.cond.Wait()
	}
	if l.closed {
		return os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if len(l.pending) >= l.backlog {
		return ctx.Err()
	}
	l.pending = append(l.pending, c)
	l.cond.Broadcast()
	return nil
}

func (l *Listener) error(err error) error {
	return &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: err}
}
