// Package packet makes conversations of packet sockets: a connection to whoever
// speaks first, and Unix datagram sockets that leave no file behind.
//
//	pc, err := net.ListenPacket("udp", ":4444")
//	conn := &packet.Conn{PacketConn: pc, Accept: func(net.Addr) bool { return true }}
//	err = conn.First(ctx) // waits for somebody to talk to
package packet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Conn makes a connection of a packet socket: it belongs to the peer that spoke
// first, or, when it serves many, answers the one that spoke last. One goroutine
// may read while another writes.
type Conn struct {
	net.PacketConn
	Many    bool                // takes packets of every peer
	Accept  func(net.Addr) bool // asked for every new peer
	mu      sync.Mutex
	peer    net.Addr
	pending []byte
	has     bool
}

// First waits for the first packet, which the first Read then returns.
func (p *Conn) First(ctx context.Context) error {
	unhook := context.AfterFunc(ctx, func() { p.SetReadDeadline(time.Unix(1, 0)) })
	defer unhook()
	buf := make([]byte, 65536)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		if p.Accept(from) {
			p.peer, p.pending, p.has = from, buf[:n], true
			return nil
		}
	}
}

// Read returns one packet.
func (p *Conn) Read(b []byte) (int, error) {
	if p.has {
		p.has = false
		return copy(b, p.pending), nil
	}
	for {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			return 0, err
		}
		p.mu.Lock()
		same := from == nil || p.peer == nil || from.String() == p.peer.String()
		p.mu.Unlock()
		if same {
			return n, nil
		}
		if p.Many && p.Accept(from) {
			p.mu.Lock()
			p.peer = from
			p.mu.Unlock()
			return n, nil
		}
	}
}

// Write sends one packet to the peer.
func (p *Conn) Write(b []byte) (int, error) {
	p.mu.Lock()
	peer := p.peer
	p.mu.Unlock()
	if peer == nil || peer.String() == "" {
		return 0, fmt.Errorf("the sender has no address to be answered at")
	}
	return p.WriteTo(b, peer)
}

// RemoteAddr is the peer that is answered, nil before there is one.
func (p *Conn) RemoteAddr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peer
}

// ListenUnix listens for Unix datagrams; closing it removes its file.
func ListenUnix(path string) (net.PacketConn, error) {
	pc, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	return &unlinkOnClose{UnixConn: pc, path: path}, nil
}

// unlinkOnClose removes the file of a Unix datagram socket.
type unlinkOnClose struct {
	*net.UnixConn
	path string
	once sync.Once
}

func (u *unlinkOnClose) Close() error {
	err := u.UnixConn.Close()
	if !abstract(u.path) {
		u.once.Do(func() { os.Remove(u.path) })
	}
	return err
}

// DialUnix connects a Unix datagram socket. To be answered it has a file
// of its own, own or a temporary one.
func DialUnix(path, own string) (net.Conn, error) {
	if own == "" {
		own = os.TempDir() + "/nc." + strconv.Itoa(os.Getpid()) + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		if !errors.Is(err, syscall.EADDRINUSE) { // else the file is somebody else's
			os.Remove(own)
		}
		return nil, err
	}
	return &unlinkOnClose{UnixConn: conn, path: own}, nil
}

// abstract reports whether a Unix address is in no file system.
func abstract(path string) bool { return strings.HasPrefix(path, "@") }
