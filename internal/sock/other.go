//go:build !linux

package sock

import (
	"net"
	"net/netip"
	"syscall"
)

// Conn is a connection that was accepted by a listener of [Own]: on this system there are none.
type Conn struct{ *net.TCPConn }

// Remote returns the peer's address.
func (c *Conn) Remote() netip.AddrPort { return netip.AddrPort{} }

// Ended says whether the stream is at its end, as far as it can without waiting.
func (c *Conn) Ended([]byte) bool { return false }

// Raw returns nil.
func (c *Conn) Raw() syscall.RawConn { return nil }

// Own returns l.
func Own(l net.Listener) net.Listener { return l }
