//go:build unix

package relay

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Full says that a file, or a connection that is one, takes nothing now: a write would wait.
func Full(c syscall.Conn) (full bool) {
	if rc, err := c.SyscallConn(); err == nil {
		rc.Control(func(fd uintptr) { full = fullFD(int(fd)) })
	}
	return full
}

func fullFD(fd int) bool {
	pfd := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(pfd, 0)
		if err != unix.EINTR { // the runtime's own signals interrupt it, although it does not wait
			return err == nil && n == 0
		}
	}
}
