package chal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// shout is a connection put over another, as TLS is: what is written arrives in capitals.
type shout struct{ net.Conn }

func (c shout) Write(p []byte) (int, error) { return c.Conn.Write(bytes.ToUpper(p)) }
func (c shout) CloseWrite() error           { return c.Conn.(*tube.Tube).CloseWrite() }

// password is a handshake.
func password(_ context.Context, a *Arrival) error {
	line, err := a.RecvLine()
	switch {
	case err != nil:
		return err
	case line != "sesame":
		return &Refusal{Reason: "password", Text: "wrong"}
	}
	return nil
}

func TestNoSession(t *testing.T) {
	s := &Server{Handler: echo}
	s.Handshake = Handshakes(func(_ context.Context, a *Arrival) error {
		if line, err := a.RecvLine(); err != nil || line == "alive?" {
			return fmt.Errorf("look: %w", ErrNoSession)
		}
		return nil
	})
	inWorld(t, s, func(w *world) {
		for range 3 {
			p := w.player()
			p.SendLine("alive?")
			if got := w.readAll(p); got != "" {
				t.Errorf("got %q, want the end and no word", got)
			}
			p.Close()
		}
		synctest.Wait()
		if len(w.entries) > 0 || w.log.String() != "" {
			t.Errorf("got entries %+v and the log %q, want nothing of either", w.entries, w.log.String())
		}
		if got := s.Stats(); got != (Stats{}) {
			t.Errorf("got %+v, want that nobody was there", got)
		}
		p := w.player()
		p.Send("let me in\nhello\n")
		if got, err := p.RecvLine(); got != "hello" {
			t.Errorf("a player got %q, %v", got, err)
		}
		if got := s.Stats(); got != (Stats{Open: 1, Started: 1}) {
			t.Errorf("got %+v, want one session", got)
		}
		p.Close()
	})
}

// TestNoSessionByHandler: what a handler returns is about a session, whatever it is.
func TestNoSessionByHandler(t *testing.T) {
	s := &Server{Handler: HandlerFunc(func(context.Context, *Session) error { return ErrNoSession })}
	inWorld(t, s, func(w *world) {
		p := w.player()
		if got := w.readAll(p); !strings.Contains(got, "Something went wrong") {
			t.Errorf("got %q, want that something went wrong", got)
		}
		p.Close()
		w.wantReasons(EntryEnd, ReasonFailed)
	})
}

func TestHandshakePasses(t *testing.T) {
	var undone []string
	real := netip.MustParseAddrPort("198.51.100.9:99")
	s := &Server{Handler: echo, Name: "first", SessionTimeout: time.Hour, IdleTimeout: -1, HandshakeTimeout: time.Minute}
	s.Handshake = Handshakes(password, func(_ context.Context, a *Arrival) error {
		a.Remote, a.Challenge, a.Team.ID = real, "second", "7"
		a.Defer(func() { undone = append(undone, "a") })
		a.Defer(func() { undone = append(undone, "b") })
		a.Upgrade(shout{a.Below()})
		return nil
	})
	inWorld(t, s, func(w *world) {
		p := w.player()
		time.Sleep(59 * time.Second)
		p.Send("sesame\nhello\n")
		if got, err := p.RecvLine(); got != "HELLO" {
			t.Errorf("got %q, %v, want what the upgraded connection makes of the line", got, err)
		}
		time.Sleep(time.Hour - time.Second)
		p.SendLine("again")
		if got, err := p.RecvLine(); got != "AGAIN" {
			t.Errorf("got %q, %v: the session's time starts after the handshake", got, err)
		}
		if got := w.readAll(p); got != "\nTIME IS UP. GOODBYE.\n" {
			t.Errorf("got %q: the last words go through the upgraded connection", got)
		}
		p.Close()
		w.wantReasons(EntryStart, "")
		w.wantReasons(EntryEnd, ReasonTimeUp)
		for _, e := range w.entries {
			if e.Remote != real || e.Challenge != "second" || e.Team != "7" {
				t.Errorf("entry %+v: want what the handshake found out", e)
			}
		}
		if got := strings.Join(undone, ""); got != "ba" {
			t.Errorf("undone in the order %q, want ba", got)
		}
		if got := s.Stats(); got.Started != 1 || got.Refused != 0 {
			t.Errorf("stats %+v, want one session", got)
		}
	})
}

func TestHandshakeFails(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(p *tube.Tube)
		want   string
		reason Reason
		after  time.Duration
	}{
		"refused":     {func(p *tube.Tube) { p.SendLine("xxx") }, "wrong\n", "password", 0},
		"silent":      {func(*tube.Tube) {}, "\nThat took too long. Goodbye.\n", ReasonLate, 10 * time.Second},
		"says no end": {func(p *tube.Tube) { p.Send(strings.Repeat("x", 100)) }, "\nThat took too long. Goodbye.\n", ReasonLate, 10 * time.Second},
		"leaves":      {func(p *tube.Tube) { p.CloseWrite() }, "", ReasonLeft, 0},
	} {
		t.Run(name, func(t *testing.T) {
			undone := 0
			s := &Server{Handler: echo, MaxSessions: 1}
			s.Handshake = Handshakes(func(_ context.Context, a *Arrival) error {
				a.Defer(func() { undone++ })
				return nil
			}, password)
			inWorld(t, s, func(w *world) {
				p := w.player()
				var got string
				c.do(p)
				if took := elapsed(func() { got = w.readAll(p) }); !within(took, c.after) {
					t.Errorf("took %v, want %v", took, c.after)
				}
				p.Close()
				if got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				w.wantReasons(EntryRefused, c.reason)
				w.wantReasons(EntryStart)
				w.wantReasons(EntryEnd)
				if undone != 1 {
					t.Errorf("undone %d times, want once", undone)
				}
				next := w.player() // the slot is free
				next.Send("sesame\nx\n")
				if got, err := next.RecvLine(); got != "x" {
					t.Errorf("the next player got %q, %v", got, err)
				}
				if got := s.Stats(); got.Started != 1 || got.Refused != 1 {
					t.Errorf("stats %+v, want one session and one refusal", got)
				}
			})
		})
	}
}

// TestShutdownTurnsArrivalsAway: who waits at the proof of work is no session to wait for.
func TestShutdownTurnsArrivalsAway(t *testing.T) {
	inWorld(t, &Server{Handler: silent, Handshake: password, HandshakeTimeout: time.Hour}, func(w *world) {
		p := w.player()
		synctest.Wait()
		var err error
		took := elapsed(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			go func() {
				if got := w.readAll(p); !strings.Contains(got, "shutting down") {
					t.Errorf("got %q", got)
				}
				p.Close()
			}()
			err = w.s.Shutdown(ctx)
		})
		if err != nil || took > 5*time.Second {
			t.Errorf("Shutdown: %v after %v, want nil at once", err, took)
		}
		w.wantReasons(EntryRefused, ReasonShutDown)
	})
}

// TestHandshakePanics: also before the session a panic ends one connection.
func TestHandshakePanics(t *testing.T) {
	s := &Server{Handler: echo, Handshake: func(context.Context, *Arrival) error { panic("here") }}
	inWorld(t, s, func(w *world) {
		p := w.player()
		if got := w.readAll(p); !strings.Contains(got, "our side") {
			t.Errorf("got %q", got)
		}
		p.Close()
		w.wantReasons(EntryRefused, ReasonPanicked)
		if log := w.log.String(); !strings.Contains(log, "panic=here") || !strings.Contains(log, "arrival_test.go") {
			t.Errorf("log lacks the panic and its place: %s", log)
		}
	})
}

// TestUpgradeWhileCut cuts arrivals at the moment they upgrade.
func TestUpgradeWhileCut(t *testing.T) {
	s := &Server{Handler: echo}
	var step chan struct{}
	s.Handshake = func(_ context.Context, a *Arrival) error {
		<-step
		a.Upgrade(shout{a.Below()})
		_, err := a.RecvLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	inWorld(t, s, func(w *world) {
		step = make(chan struct{})
		for range 8 {
			p := w.player()
			go func() { io.Copy(io.Discard, p); p.Close() }()
		}
		synctest.Wait()
		go close(step)
		s.Close()
	})
}
