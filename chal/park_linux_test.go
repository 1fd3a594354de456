package chal

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// asking is a handshake that asks for the password and awaits it; then it does one step more.
func asking(patience time.Duration) func(context.Context, *Arrival) error {
	return Handshakes(
		func(_ context.Context, a *Arrival) error {
			if err := a.Send("password? "); err != nil {
				return err
			}
			until := time.Now().Add(patience)
			return a.Await(until, func(ctx context.Context, a *Arrival) error {
				return password(ctx, &Arrival{&Session{Tube: a.Within(time.Until(until))}, a.own})
			})
		},
		func(_ context.Context, a *Arrival) error { return a.Send("welcome\n") })
}

// TestAwaitOnTCP: who is awaited holds no goroutine, and whatever the player does then is met.
func TestAwaitOnTCP(t *testing.T) {
	const players = 300
	var mu sync.Mutex
	var ends []Reason
	var wg sync.WaitGroup
	wg.Add(players)
	s := &Server{
		Handler: echo, Handshake: asking(time.Hour), HandshakeTimeout: time.Hour, MaxPerSource: -1,
		Ledger: func(e Entry) {
			if e.What == EntryEnd || e.What == EntryRefused {
				mu.Lock()
				ends = append(ends, e.Reason)
				mu.Unlock()
				wg.Done()
			}
		},
	}
	addr := realServer(t, s)
	before := runtime.NumGoroutine()
	held := make([]*tube.Tube, players)
	for i := range held {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		held[i] = tube.New(conn, tube.WithTimeout(20*time.Second))
		defer held[i].Abort()
		if _, err := held[i].RecvUntil("? "); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+5; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines for %d players who are awaited, %d without them", runtime.NumGoroutine(), players, before)
		}
	}
	for i, p := range held[:players-1] {
		switch i % 5 {
		case 0:
			p.Abort()
		case 1:
			p.CloseWrite()
		case 2:
			p.Send("wrong\n")
		case 3: // in two pieces
			p.Send("ses")
			p.Send("ame\nhello\n")
			if got, err := p.RecvN(14); got != "welcome\nhello\n" {
				t.Errorf("got %q, %v, want to be welcome", got, err)
			}
			p.CloseWrite()
		case 4: // all that follows, and the end, in one piece
			p.Send("sesame\nhello\n")
			p.CloseWrite()
			if got, err := p.RecvAll(100); got != "welcome\nhello\n" {
				t.Errorf("got %q, %v, want to be welcome", got, err)
			}
		}
	}
	s.Close() // the last is parked
	if got, err := held[players-1].RecvAll(100); got != "\nThe server is shutting down. Goodbye.\n" {
		t.Errorf("who was awaited got %q, %v as the server closed", got, err)
	}
	wg.Wait()
	slices.Sort(ends)
	if got := slices.Compact(ends); !slices.Equal(got, []Reason{ReasonLeft, "password", ReasonShutDown}) &&
		!slices.Equal(got, []Reason{ReasonDone, ReasonLeft, "password", ReasonShutDown}) {
		t.Errorf("reasons %v", got)
	}
}

// TestAwaitEnds: the step after Await is called when its time is up, parked or not.
func TestAwaitEnds(t *testing.T) {
	t.Run("parked", func(t *testing.T) {
		addr := realServer(t, &Server{Handler: echo, Handshake: asking(10 * time.Millisecond), HandshakeTimeout: time.Hour})
		p, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got, err := p.RecvAll(100); got != "password? \nNothing came in time. Goodbye.\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("late", func(t *testing.T) {
		addr := realServer(t, &Server{Handler: echo, Handshake: asking(time.Hour), HandshakeTimeout: 10 * time.Millisecond})
		p, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		// A slow machine may not even come to ask.
		if got, err := p.RecvAll(100); strings.TrimPrefix(got, "password? ") != "\nThat took too long. Goodbye.\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("unread", func(t *testing.T) { // nothing more would come on the socket
		greeted := func(_ context.Context, a *Arrival) error { _, err := a.RecvLine(); return err }
		addr := realServer(t, &Server{Handler: echo, Handshake: Handshakes(greeted, asking(time.Hour)), HandshakeTimeout: time.Hour})
		p, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		p.Send("greetings\nsesame\nx\n")
		if got, err := p.RecvUntil("x\n"); got != "password? welcome\nx\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("not parked", func(t *testing.T) {
		inWorld(t, &Server{Handler: echo, Handshake: asking(time.Minute), HandshakeTimeout: time.Hour}, func(w *world) {
			p := w.player()
			synctest.Wait()
			if took := elapsed(func() { w.readAll(p) }); took < time.Minute || took > time.Minute+time.Second {
				t.Errorf("took %v, want a minute", took)
			}
			q := w.player()
			q.Send("sesame\nx\n")
			q.CloseWrite()
			if got := w.readAll(q); got != "password? welcome\nx\n" {
				t.Errorf("got %q", got)
			}
		})
	})
}

// TestAwaitRacesWithTheEnd cuts players while they are being parked and while they answer.
func TestAwaitRacesWithTheEnd(t *testing.T) {
	for range 20 {
		s := &Server{Handler: echo, Handshake: asking(time.Hour), HandshakeTimeout: time.Hour, MaxPerSource: -1}
		addr := realServer(t, s)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				conn, err := net.Dial("tcp", addr.String())
				if err != nil {
					return
				}
				defer conn.Close()
				io.WriteString(conn, "sesame\nx\n")
				io.Copy(io.Discard, conn)
			})
		}
		s.Close()
		wg.Wait()
		if open := s.Stats().Open; open != 0 {
			t.Fatalf("%d sessions are open after Close", open)
		}
	}
}
