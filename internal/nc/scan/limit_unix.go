//go:build unix

package scan

import (
	"errors"
	"os"
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

// readyPoller makes Go's poller, if there are descriptors for it: a process that has none left when it first needs the poller
// crashes, and the sockets of a scan may have taken them all.
func readyPoller() error {
	if err := free(4); err != nil { // a pipe's, and the poller's own
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	return w.Close()
}

// free says why there are not n descriptors left.
func free(n int) error {
	if n == 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return free(n - 1)
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
