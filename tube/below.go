package tube

import "net"

// TCP returns the TCP connection that conn is or goes over, below tubes, TLS and whatever else has a NetConn method as
// *tls.Conn has it. It is nil where there is none.
func TCP(conn net.Conn) *net.TCPConn {
	for range 8 { // wrappers that wrap themselves would never end
		switch c := conn.(type) {
		case *net.TCPConn:
			return c
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
func Unacked(conn *net.TCPConn) (n int, known bool) { return unacked(conn) }
