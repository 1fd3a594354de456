package sockopt

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSet reads back what was set, on sockets of both families.
func TestSet(t *testing.T) {
	type want struct{ level, opt, value int }
	for network, c := range map[string]struct {
		family, kind int
		o            Options
		want         []want
	}{
		"tcp4": {unix.AF_INET, unix.SOCK_STREAM, Options{TTL: 7, MinTTL: 3, HasTOS: true, TOS: 0x48, RecvBuf: 20000, SendBuf: 30000, ReuseAddr: true}, []want{
			{unix.IPPROTO_IP, unix.IP_TTL, 7},
			{unix.IPPROTO_IP, unix.IP_MINTTL, 3},
			{unix.IPPROTO_IP, unix.IP_TOS, 0x48},
			{unix.SOL_SOCKET, unix.SO_RCVBUF, 40000},
			{unix.SOL_SOCKET, unix.SO_SNDBUF, 60000},
			{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		}},
		"tcp6": {unix.AF_INET6, unix.SOCK_STREAM, Options{TTL: 7, MinTTL: 3, HasTOS: true}, []want{
			{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 7}, {unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, 3}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0},
		}},
		"udp4": {unix.AF_INET, unix.SOCK_DGRAM, Options{Broadcast: true}, []want{{unix.SOL_SOCKET, unix.SO_BROADCAST, 1}}},
	} {
		fd, err := unix.Socket(c.family, c.kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Logf("%s: %v", network, err)
			continue
		}
		defer unix.Close(fd)
		if err := c.o.Set(uintptr(fd), network); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		for _, w := range c.want {
			if got, err := unix.GetsockoptInt(fd, w.level, w.opt); got != w.value || err != nil {
				t.Errorf("%s: option %d of level %d is %d, want %d, %v", network, w.opt, w.level, got, w.value, err)
			}
		}
		// Without -b no broadcast, whatever the socket had.
		if network == "udp4" {
			if err := new(Options).Set(uintptr(fd), network); err != nil {
				t.Error(err)
			}
			if got, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST); got != 0 {
				t.Error("broadcasts are still allowed")
			}
		}
		o := Options{Interface: "nosuch0"}
		if err := o.Set(uintptr(fd), network); err == nil || !strings.Contains(err.Error(), "nosuch0") {
			t.Errorf("%s: an interface that is not there: %v", network, err)
		}
	}
}
