//go:build unix

package scan

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// reserve is how many descriptors are left to the rest of the process: its input and output, dumps, the poller, look-ups.
const reserve = 16

// room is how many ports may be looked at together under the limit of descriptors.
func room() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return atOnce
	}
	n := int(min(uint64(r.Cur), atOnce+reserve))
	return max(1, n-min(reserve, n/2))
}

// lacking is what an attempt failed for want of, where those in flight give it back; nil for any other failure.
func lacking(err error) error {
	for _, e := range []syscall.Errno{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EAGAIN} {
		if errors.Is(err, e) {
			return e
		}
	}
	return nil
}
