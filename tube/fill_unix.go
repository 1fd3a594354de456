//go:build unix

package tube

import (
	"os"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
)

// rawRead returns access to c's descriptor, or nil.
func rawRead(c syscall.Conn) syscall.RawConn {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// setNonblock makes the system return where f would wait. Files with deadlines
// are opened so, but File.Fd takes it back, and packages that set up a
// terminal call that.
func setNonblock(f *os.File) {
	if raw := rawRead(f); raw != nil {
		raw.Control(func(fd uintptr) { syscall.SetNonblock(int(fd), true) })
	}
}

// sysRead reads without waiting; again says that nothing is there yet. A socket is asked not to wait: whether it would by itself is up to every
// process that has it.
func sysRead(fd uintptr, p []byte, socket bool) (n int, again bool, err error) {
	for {
		if socket {
			n, err = sock.Recv(fd, p)
		} else {
			n, err = syscall.Read(int(fd), p)
		}
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, true, nil
		case syscall.EIO: // a terminal whose program has ended
			return 0, false, nil
		}
		return 0, false, err
	}
}

// drainNow reads and forgets what has come on a socket, without waiting.
func drainNow(c syscall.Conn, junk []byte, end time.Time) {
	raw := rawRead(c)
	if raw == nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for time.Now().Before(end) {
			if n, again, err := sysRead(fd, junk, true); n <= 0 || again || err != nil {
				return
			}
		}
	})
}
