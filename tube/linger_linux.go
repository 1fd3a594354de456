package tube

import (
	"net"

	"golang.org/x/sys/unix"
)

// unacked returns how many bytes the peer has not acknowledged yet.
func unacked(tcp *net.TCPConn) (n int, known bool) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n, err == nil
}
