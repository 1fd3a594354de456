//go:build !unix

package tube

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// rawRead: only Unix can ask a descriptor without holding a buffer.
func rawRead(syscall.Conn) syscall.RawConn { return nil }

func sysRead(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

// drainNow reads and forgets what has come, waiting a millisecond for it.
func drainNow(tcp *net.TCPConn, junk []byte, _ time.Time) {
	tcp.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		if _, err := tcp.Read(junk); err != nil {
			return
		}
	}
}
