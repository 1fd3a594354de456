//go:build unix

package nc

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// alive reports whether the connection has not been reset.
func alive(conn net.Conn) bool {
	sc, ok := unwrapTLS(conn).(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	ok = false
	rc.Control(func(fd uintptr) {
		e, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		ok = err == nil && e == 0
	})
	return ok
}
