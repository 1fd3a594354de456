package scan

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// ports returns an open port and two closed ones.
func ports(t *testing.T) (open int, all []int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	open = ln.Addr().(*net.TCPAddr).Port
	return open, []int{1, open, 2}
}

// TestBothWays finds the same with sockets of its own and with a dialer, in order.
func TestBothWays(t *testing.T) {
	open, all := ports(t)
	for _, dialer := range []bool{false, true} {
		s := &Scanner{Dialer: dialer, Limit: 10 * time.Second, Dial: func(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", netip.AddrPortFrom(a, uint16(port)).String())
		}}
		var order []int
		s.Each(t.Context(), []netip.Addr{loopback}, all, func(port int, o Outcome) {
			order = append(order, port)
			if o.Open != (port == open) || !o.Open && (len(o.Failed) != 1 || !errors.Is(o.Failed[0].Err, syscall.ECONNREFUSED)) {
				t.Errorf("dialer %v: port %d: %+v", dialer, port, o)
			}
		})
		if !slices.Equal(order, all) {
			t.Errorf("dialer %v: told in the order %v", dialer, order)
		}
	}
}

// TestAddresses asks the next address only for what the first did not have open.
func TestAddresses(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.1")
	asked := make(map[int][]netip.Addr)
	s := &Scanner{Dialer: true, Interval: time.Nanosecond, Dial: func(_ context.Context, a netip.Addr, port int) (net.Conn, error) {
		asked[port] = append(asked[port], a)
		if a == other || port == 1 {
			c, _ := net.Pipe()
			return c, nil
		}
		return nil, syscall.ECONNREFUSED
	}}
	where := map[int]netip.Addr{}
	s.Each(t.Context(), []netip.Addr{loopback, other}, []int{1, 2}, func(port int, o Outcome) { where[port] = o.Addr })
	if where[1] != loopback || where[2] != other || len(asked[1]) != 1 || len(asked[2]) != 2 {
		t.Errorf("open at %v, asked %v", where, asked)
	}
}

// TestInterval looks at one port after another.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		s := &Scanner{Interval: time.Second, Dial: func(context.Context, netip.Addr, int) (net.Conn, error) {
			at = append(at, time.Since(begin))
			return nil, syscall.ECONNREFUSED
		}}
		s.Each(t.Context(), []netip.Addr{loopback}, []int{1, 2, 3}, func(int, Outcome) {})
		if !slices.Equal(at, []time.Duration{0, time.Second, 2 * time.Second}) {
			t.Errorf("at %v", at)
		}
	})
}

// TestCancel ends at once.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := new(Scanner).Each(ctx, []netip.Addr{loopback}, []int{1, 2, 3}, func(port int, _ Outcome) { t.Errorf("port %d is told", port) })
	if err != nil {
		t.Error(err)
	}
}
