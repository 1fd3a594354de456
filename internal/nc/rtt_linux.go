package nc

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

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
