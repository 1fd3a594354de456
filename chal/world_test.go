package chal

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// world is a server on a network of its own, in a bubble of fake time.
type world struct {
	t      *testing.T
	net    memnet.Network
	l      *memnet.Listener
	s      *Server
	served chan error
	log    testkit.Buffer

	mu      sync.Mutex
	entries []Entry
	clients []*memnet.Conn
}

// inWorld runs test in a bubble, with s serving. Afterwards the server is closed, and whatever still runs
// is a deadlock that synctest reports.
func inWorld(t *testing.T, s *Server, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, s: s, served: make(chan error, 1)}
		s.Log = slog.New(slog.NewTextHandler(&w.log, nil))
		s.Ledger = func(e Entry) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.entries = append(w.entries, e)
		}
		var err error
		if w.l, err = w.net.Listen("server:1337"); err != nil {
			t.Fatal(err)
		}
		go func() { w.served <- s.Serve(w.l) }()
		test(w)
		w.mu.Lock()
		clients := slices.Clone(w.clients)
		w.mu.Unlock()
		for _, c := range clients {
			c.Close()
		}
		s.Close()
		if err := <-w.served; err != ErrServerClosed {
			t.Errorf("Serve: %v, want ErrServerClosed", err)
		}
	})
}

// dial connects from the address and returns the raw end.
func (w *world) dial(from string) *memnet.Conn {
	w.t.Helper()
	c, err := w.net.DialFrom(from, "server:1337")
	if err != nil {
		w.t.Fatalf("dial from %s: %v", from, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients = append(w.clients, c)
	return c
}

// player connects from an address that needs no name, as a tube.
func (w *world) player() *tube.Tube { w.t.Helper(); return tube.New(w.dial("203.0.113.7:0")) }

// reasons returns the reasons of all entries of a kind.
func (w *world) reasons(what string) (rs []Reason) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entries {
		if e.What == what {
			rs = append(rs, e.Reason)
		}
	}
	return rs
}

func (w *world) wantReasons(what string, want ...Reason) {
	w.t.Helper()
	if got := w.reasons(what); !slices.Equal(got, want) {
		w.t.Errorf("%s entries: %v, want %v", what, got, want)
	}
}

// readAll returns what the server sends until it closes.
func (w *world) readAll(c io.Reader) string {
	w.t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		w.t.Errorf("after %q: %v", b, err)
	}
	return string(b)
}

// echo sends every line back until the player leaves.
var echo = HandlerFunc(func(_ context.Context, s *Session) error {
	for {
		line, err := s.RecvLine()
		if err != nil {
			return err
		}
		if err := s.Say(line); err != nil {
			return err
		}
	}
})

// silent waits until the player leaves or the session ends.
var silent = HandlerFunc(func(_ context.Context, s *Session) error {
	_, err := s.Discard()
	return err
})

// elapsed returns how much fake time f takes.
func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// within says whether got is want, or what it takes at most to end a session more.
func within(got, want time.Duration) bool { return got >= want && got <= want+cutGrace+time.Second }

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func count(s, what string) int { return strings.Count(s, what) }
