package geography

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func TestClockCreditsTheRoundTrip(t *testing.T) {
	ms := time.Millisecond
	for name, x := range map[string]struct {
		rtt, waited, costs time.Duration
	}{
		"none":                {0, 100 * ms, 100 * ms},
		"less than the wait":  {80 * ms, 100 * ms, 20 * ms},
		"more than the wait":  {80 * ms, 50 * ms, 0},
		"inflated":            {3000 * ms, 1000 * ms, 800 * ms},
		"longer than a round": {100 * ms, 6000 * ms, 5000 * ms},
	} {
		c := clock{total: thinkingTime, left: thinkingTime, rtt: func() time.Duration { return x.rtt }}
		c.next()
		c.spend(x.waited / 2) // a BAD line in between changes nothing
		c.spend(x.waited - x.waited/2)
		if c.spent() != x.costs {
			t.Errorf("%s: a wait of %v costs %v, want %v", name, x.waited, c.spent(), x.costs)
		}
	}
}

// TestKernelRoundTrip asks the kernel about a real connection.
func TestKernelRoundTrip(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(client, "x")
	io.ReadFull(conn, make([]byte, 1))
	io.WriteString(conn, "y")
	io.ReadFull(client, make([]byte, 1))

	rtt, ok := minRTT(conn.(*net.TCPConn))
	if ok && (rtt <= 0 || rtt > time.Second) || ok && runtime.GOOS != "linux" {
		t.Errorf("the kernel says %v, %v", rtt, ok)
	}
	s := &chal.Session{Tube: tube.New(wrapped{conn}), Remote: client.LocalAddr().(*net.TCPAddr).AddrPort()}
	if c := newClock(s); c.total != thinkingTime || c.rtt() != rtt {
		t.Errorf("a clock of %v and %v", c.total, c.rtt())
	}
	s.Remote = netip.MustParseAddrPort("203.0.113.9:4000")
	if c := newClock(s); c.total != 2*thinkingTime || c.rtt() != 0 {
		t.Errorf("behind a proxy: a clock of %v and %v", c.total, c.rtt())
	}
}

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }
