package geography

import (
	"math"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// minRTT returns the smallest round trip the kernel has measured on the connection (TCP_INFO). ok is
// false where it has none yet.
func minRTT(c syscall.Conn) (rtt time.Duration, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info *unix.TCPInfo
	ctlErr := raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if ctlErr != nil || err != nil || info.Min_rtt == 0 || info.Min_rtt == math.MaxUint32 {
		return 0, false
	}
	return time.Duration(info.Min_rtt) * time.Microsecond, true
}
