//go:build !linux

package tube

import "net"

// unacked: only Linux tells.
func unacked(net.Conn) (int, bool) { return 0, false }
