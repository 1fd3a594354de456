package chal

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// stillHere waits until n sessions are looked after together.
func stillHere(t *testing.T, s *Server, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); runtime.Gosched() {
		s.leaving.mu.Lock()
		here := len(s.leaving.here)
		s.leaving.mu.Unlock()
		if here == n {
			return
		}
	}
	t.Fatalf("%d sessions are not looked after", n)
}

// byHand makes nobody look after those who leave but makeRoom.
func byHand(s *Server) (restore func()) {
	set := func(armed bool) {
		s.leaving.mu.Lock()
		defer s.leaving.mu.Unlock()
		s.leaving.armed = armed
	}
	set(true)
	return func() { set(false) }
}

// dialPlayer connects and has the end of the stream.
func dialPlayer(t *testing.T, addr net.Addr) (player *tube.Tube, text string) {
	t.Helper()
	p, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.RecvAll(1000)
	if err != nil {
		t.Error(err)
	}
	return p, string(b)
}

// TestSlotOfWhoLeft: a player who has closed one connection finds place for the next, although nobody has looked yet.
func TestSlotOfWhoLeft(t *testing.T) {
	for name, s := range map[string]*Server{"source": {MaxPerSource: 1}, "all": {MaxSessions: 1}} {
		t.Run(name, func(t *testing.T) {
			s.Handler = HandlerFunc(func(_ context.Context, s *Session) error { return s.Say("hello") })
			defer byHand(s)()
			addr := realServer(t, s)
			for i := range 5 {
				p, text := dialPlayer(t, addr)
				if text != "hello\n" {
					t.Errorf("player %d was told %q", i, text)
				}
				stillHere(t, s, 1)
				s.leaving.mu.Lock()
				s.leaving.looked = time.Time{}
				s.leaving.mu.Unlock()
				if i < 4 {
					p.Abort()
					continue
				}
				// Who has not closed keeps the slot.
				if _, text := dialPlayer(t, addr); !strings.HasPrefix(text, "Sorry") && !strings.HasPrefix(text, "You have") {
					t.Errorf("a second one was told %q", text)
				}
				p.Abort()
			}
			if got := s.Stats().Refused; got != 1 {
				t.Errorf("%d refused, want 1", got)
			}
			// What is left, so that the server can end.
			s.lookAfter()
		})
	}
}

// TestPlayersWhoStay: those who do not close get everything that a goroutine of their own waits for, and are gone after the linger time.
func TestPlayersWhoStay(t *testing.T) {
	const players = 20
	var ends atomic.Int64
	over := make(chan time.Duration, players)
	s := &Server{
		Linger: 50 * time.Millisecond, MaxPerSource: -1,
		Handler: HandlerFunc(func(_ context.Context, s *Session) error { return s.Say("hello") }),
		Ledger: func(e Entry) {
			if e.What == EntryEnd {
				ends.Add(1)
				over <- e.Duration
			}
		},
	}
	addr := realServer(t, s)
	for i := range players {
		p, text := dialPlayer(t, addr)
		defer p.Close()
		if text != "hello\n" {
			t.Errorf("player %d was told %q", i, text)
		}
	}
	for range players {
		if d := <-over; d < s.Linger {
			t.Errorf("a session ended after %v, before the linger time of %v", d, s.Linger)
		}
	}
	if n := s.Stats(); n.Open > 0 && ends.Load() != players {
		t.Errorf("%+v, and %d ends", n, ends.Load())
	}
}

// TestLeaversSendMuch: what a player still sends is read away, so that nothing of what was sent to him is lost, however late he reads.
func TestLeaversSendMuch(t *testing.T) {
	addr := realServer(t, &Server{MaxPerSource: -1, Handler: HandlerFunc(func(_ context.Context, s *Session) error {
		return s.Send(strings.Repeat("x", 5000))
	})})
	for range 50 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		for range 20 {
			if _, err := c.Write(make([]byte, 10_000)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(c)
		if len(got) != 5000 || err != nil {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
		c.Close()
	}
}

// TestEndWithLeavers: a server ends when they have left, and Close does not wait for the linger time.
func TestEndWithLeavers(t *testing.T) {
	s := &Server{Linger: time.Hour, MaxPerSource: -1, Handler: HandlerFunc(func(_ context.Context, s *Session) error { return s.Say("hello") })}
	addr := realServer(t, s)
	for range 20 {
		p, _ := dialPlayer(t, addr)
		defer p.Close()
	}
	ended := make(chan struct{})
	go func() {
		s.Close()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("Close still waits")
	}
}
