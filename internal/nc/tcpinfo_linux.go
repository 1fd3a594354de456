package nc

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes are under way to the peer, not acknowledged.
func unsent(conn net.Conn) (n int) {
	tc, ok := unwrapTLS(conn).(*net.TCPConn)
	if !ok {
		return 0 // the bytes of a Unix socket are the peer's at once
	}
	rc, err := tc.SyscallConn()
	if err != nil {
		return 0
	}
	rc.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n
}

// roundTrip is the kernel's estimate, 0 when it has none.
func roundTrip(conn net.Conn) (d time.Duration) {
	tc, ok := unwrapTLS(conn).(*net.TCPConn)
	if !ok {
		return 0
	}
	rc, err := tc.SyscallConn()
	if err != nil {
		return 0
	}
	rc.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			d = time.Duration(info.Rtt) * time.Microsecond
		}
	})
	return d
}
