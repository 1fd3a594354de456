package levels

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDribbleSegments asks the kernel how many segments the sums came in.
func TestDribbleSegments(t *testing.T) {
	t.Parallel()
	c := dial(t, "tcp", serve(t, levelNamed(t, "dribble")))
	if _, err := c.RecvUntil("SUMS 9\n"); err != nil {
		t.Fatal(err)
	}
	size := 0
	for range dribbleSums {
		line, err := c.RecvLine()
		if err != nil || !strings.HasPrefix(line, "SUM ") {
			t.Fatalf("%q, %v", line, err)
		}
		size += len(line) + 1
	}
	raw, err := c.Conn().(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if ctl := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); ctl != nil || err != nil {
		t.Fatal(ctl, err)
	}
	// One for the greeting.
	if least := uint32(size/dribbleMost + 1); info.Data_segs_in < least {
		t.Errorf("%d bytes of sums came in %d segments, want %d at least", size, info.Data_segs_in-1, least-1)
	}
}
