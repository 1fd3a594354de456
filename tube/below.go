package tube

import (
	"net"
	"syscall"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
)

// TCPConn is what a TCP connection of the system's can do: a *net.TCPConn, or one that a server has accepted in a shorter way.
type TCPConn interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
	SetKeepAlive(bool) error
	SetLinger(seconds int) error
	SetNoDelay(bool) error
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
}

// systemTCP returns conn as the system's own TCP connection, or nil. Embedding one does not make a connection that: its own methods would be
// gone around.
func systemTCP(conn net.Conn) TCPConn {
	switch c := conn.(type) {
	case *net.TCPConn:
		return c
	case *sock.Conn:
		return c
	}
	return nil
}

// TCP returns the TCP connection that conn is or goes over, below tubes, TLS and whatever else has a NetConn method as
// *tls.Conn has it. It is nil where there is none.
func TCP(conn net.Conn) TCPConn {
	for range 8 { // wrappers that wrap themselves would never end
		if tcp := systemTCP(conn); tcp != nil {
			return tcp
		}
		switch c := conn.(type) {
		case *Tube:
			conn = c.Conn()
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
	return nil
}

// Unacked returns how many of the bytes sent on conn its peer's system has not acknowledged yet. Known is false where the
// system does not tell; of those that are supported, only Linux does.
func Unacked(conn TCPConn) (n int, known bool) { return unacked(conn) }
