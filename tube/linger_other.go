//go:build !linux

package tube

import "net"

// unacked: only Linux tells.
func unacked(*net.TCPConn) (int, bool) { return 0, false }
