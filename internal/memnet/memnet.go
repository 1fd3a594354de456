// Package memnet is a TCP network in memory, for tests: listeners, connections with addresses,
// bounded buffers, half-close, deadlines and resets, without a socket or a port.
//
//	var n memnet.Network
//	l, _ := n.Listen("server:1337")
//	go func() {
//		c, _ := l.Accept()
//		io.WriteString(c, "hello\n")
//		c.Close()
//	}()
//	c, _ := n.DialFrom("203.0.113.7:4000", "server:1337")
//	io.ReadAll(c)
//
// It promises what a program can observe of TCP, and where systems differ it takes the harshest:
//
//   - A Conn buffers a bounded number of bytes each way; a Write beyond that waits for the reader.
//   - CloseWrite is a FIN: the other end reads what was sent, then io.EOF, and can still answer.
//   - Close with received bytes still unread, Close after SetLinger(0), and a Write to an end that is
//     closed all reset the connection: every byte the other end has not read by then is lost, and its
//     calls fail with ECONNRESET. (Linux lets the peer read what its kernel already has; a real network
//     and other systems do not. A server that survives memnet delivers its last line everywhere.)
//   - A dialled connection is open before it is accepted, as in the backlog of a listener.
//
// Every wait is a sync.Cond and every deadline a time.Timer, so the package works inside a
// testing/synctest bubble: a goroutine that waits here is durably blocked, and time is the bubble's.
// A network, and what is made from it, belongs to the bubble it was made in.
//
// It does not delay, lose or split what is written; latency and bandwidth are not modelled.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
)

const (
	defaultBuffer  = 64 << 10
	defaultBacklog = 128
	firstEphemeral = 49152
)

// Network is a set of hosts that reach each other. The zero value is an empty network, ready to use.
// The fields are read by Listen and Dial and must not change after the first use. Methods may be
// called by several goroutines at once.
type Network struct {
	// Buffer is how many bytes a connection holds in each direction, written and not yet read.
	// Zero means 64 KiB.
	Buffer int
	// Backlog is how many connections a listener holds that are not accepted yet; a dial beyond
	// that waits. Zero means 128.
	Backlog int

	mu        sync.Mutex
	hosts     map[string]netip.Addr
	listeners map[netip.AddrPort]*Listener
	nextPort  uint16
}

// Listen makes a listener on address, "host:port". The host is an IP address, or a name, which stands
// for an address of its own (192.0.2.1, 192.0.2.2, …) in this network. Port 0 takes a free port.
func (n *Network) Listen(address string) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr, err := n.resolve(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	if addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), n.port())
	}
	if n.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: tcpAddr(addr), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &Listener{net: n, addr: addr, backlog: n.Backlog}
	if l.backlog <= 0 {
		l.backlog = defaultBacklog
	}
	l.cond.L = &l.mu
	if n.listeners == nil {
		n.listeners = make(map[netip.AddrPort]*Listener)
	}
	n.listeners[addr] = l
	return l, nil
}

// Dial connects to a listener from the host 203.0.113.1 and a free port. It fails with ECONNREFUSED
// when nothing listens there.
func (n *Network) Dial(address string) (*Conn, error) {
	return n.DialContext(context.Background(), "203.0.113.1:0", address)
}

// DialFrom connects to a listener from the address from, "host:port"; port 0 takes a free port.
func (n *Network) DialFrom(from, address string) (*Conn, error) {
	return n.DialContext(context.Background(), from, address)
}

// DialContext is DialFrom that gives up when ctx ends, which matters only while the backlog is full.
func (n *Network) DialContext(ctx context.Context, from, address string) (*Conn, error) {
	n.mu.Lock()
	src, err := n.resolve(from)
	if err == nil && src.Port() == 0 {
		src = netip.AddrPortFrom(src.Addr(), n.port())
	}
	dst, dstErr := n.resolve(address)
	if err == nil {
		err = dstErr
	}
	l := n.listeners[dst]
	n.mu.Unlock()

	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	if l == nil {
		return nil, dialError(src, dst, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	client, server := newPair(src, dst, n.Buffer)
	if err := l.push(ctx, server); err != nil {
		return nil, dialError(src, dst, err)
	}
	return client, nil
}

// Pipe returns the two ends of a connection that no listener took part in, with buffers of size bytes
// each way (zero: 64 KiB).
func Pipe(size int) (client, server *Conn) {
	return newPair(netip.MustParseAddrPort("203.0.113.1:49152"), netip.MustParseAddrPort("192.0.2.1:1337"), size)
}

// resolve reads "host:port"; n.mu is held.
func (n *Network) resolve(address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("parse port of %q: %w", address, err)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = n.lookup(host)
	}
	return netip.AddrPortFrom(ip, uint16(p)), nil
}

// lookup gives a name its address, the next of 192.0.2.0/24 when it is new; n.mu is held.
func (n *Network) lookup(host string) netip.Addr {
	ip, ok := n.hosts[host]
	if !ok {
		if n.hosts == nil {
			n.hosts = make(map[string]netip.Addr)
		}
		ip = netip.AddrFrom4([4]byte{192, 0, 2, byte(len(n.hosts) + 1)})
		n.hosts[host] = ip
	}
	return ip
}

// port returns the next free port; n.mu is held.
func (n *Network) port() uint16 {
	if n.nextPort < firstEphemeral {
		n.nextPort = firstEphemeral
	}
	p := n.nextPort
	n.nextPort++ // wraps to 0, and so to firstEphemeral
	return p
}

// forget frees the listener's address.
func (n *Network) forget(l *Listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[l.addr] == l {
		delete(n.listeners, l.addr)
	}
}

func dialError(src, dst netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Source: tcpAddr(src), Addr: tcpAddr(dst), Err: err}
}

func tcpAddr(a netip.AddrPort) net.Addr { return net.TCPAddrFromAddrPort(a) }
