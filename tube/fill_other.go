//go:build !unix

package tube

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// rawRead: only Unix can ask a descriptor without holding a buffer.
func rawRead(syscall.Conn) syscall.RawConn { return nil }

func setNonblock(*os.File) {}

func sysRead(uintptr, []byte, bool) (int, bool, error) { return 0, false, errors.ErrUnsupported }

// drainNow reads and forgets what has come on a socket, waiting a millisecond for it.
func drainNow(c syscall.Conn, junk []byte, _ time.Time) {
	conn, ok := c.(net.Conn)
	if !ok || conn.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return
	}
	for {
		if _, err := conn.Read(junk); err != nil {
			return
		}
	}
}
