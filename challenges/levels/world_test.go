package levels

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

var (
	testKey = []byte("a key for tests")
	quiet   = slog.New(slog.NewTextHandler(io.Discard, nil))
)

// levelNamed returns a new level.
func levelNamed(t testing.TB, name string) Level {
	t.Helper()
	for _, l := range All(Options{Key: testKey, Callback: true}) {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no level %s", name)
	return Level{}
}

func testFlag(l Level) string { return Flag(testKey, l.Name) }

// serve serves a level on loopback until the test ends and returns its address.
func serve(t testing.TB, l Level) string {
	t.Helper()
	if l.Network == "udp" {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- l.ServePacket(ctx, pc, PacketConfig{Flag: testFlag(l), Log: quiet}) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("ServePacket: %v", err)
			}
		})
		return pc.LocalAddr().String()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, ln)
	return ln.Addr().String()
}

// serveOn serves a level on a listener until the test ends.
func serveOn(t testing.TB, l Level, ln net.Listener) *chal.Server {
	srv := l.Server(testFlag(l))
	srv.Log = quiet
	srv.MaxPerSource = -1
	done := make(chan error)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return srv
}

// dial connects to a level that serve serves.
func dial(t testing.TB, network, addr string) *tube.Tube {
	t.Helper()
	c, err := tube.Dial(t.Context(), network, addr, tube.WithTimeout(20*time.Second), tube.WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// world is a level served in a bubble, on a network in memory.
type world struct {
	*testing.T
	net memnet.Network
	srv *chal.Server
}

// inBubble runs play against a level in a bubble, where time is free.
func inBubble(t *testing.T, l Level, play func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t}
		ln, err := w.net.Listen("server:1")
		if err != nil {
			t.Fatal(err)
		}
		srv := l.Server(testFlag(l))
		srv.Log = quiet
		w.srv = srv
		done := make(chan error)
		go func() { done <- srv.Serve(ln) }()
		defer func() {
			srv.Close()
			<-done
		}()
		play(w)
	})
}

// from connects from an address of its own.
func (w *world) from(addr string) *tube.Tube {
	w.Helper()
	c, err := w.net.DialFrom(netip.AddrPortFrom(netip.MustParseAddr(addr), 0).String(), "server:1")
	if err != nil {
		w.Fatal(err)
	}
	return tube.New(c, tube.WithTimeout(time.Hour), tube.WithLinger(0))
}

// wantLine reads lines until one begins with key, and fails when none does.
func wantLine(t testing.TB, c *tube.Tube, key string) string {
	t.Helper()
	for {
		line, err := c.RecvLine()
		if err != nil {
			t.Fatalf("wait for %s: %v", key, err)
		}
		if first, rest, _ := strings.Cut(line, " "); first == key {
			return rest
		}
	}
}

// wantNo reads until the verdict, which must be a NO that contains why, and a hint must follow.
func wantNo(t testing.TB, c *tube.Tube, why string) {
	t.Helper()
	for {
		line, err := c.RecvLine()
		if err != nil {
			t.Fatalf("wait for NO %s: %v", why, err)
		}
		if strings.HasPrefix(line, "FLAG") {
			t.Fatalf("won: %s", line)
		}
		if got, ok := strings.CutPrefix(line, "NO "); ok {
			if !strings.Contains(got, why) {
				t.Errorf("NO %s, want %q in it", got, why)
			}
			break
		}
	}
	if line, err := c.RecvLine(); err != nil || !strings.HasPrefix(line, "HINT ") {
		t.Errorf("after NO: %q, %v, want a hint", line, err)
	}
}

// unreadResets: what RFC 1122, section 4.2.2.13, wants of close(2) with unread bytes, Linux and the BSDs do.
var unreadResets = runtime.GOOS != "windows"
