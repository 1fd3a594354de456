package chal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

func TestHandlerGoesOnAfterATooLongLine(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		for {
			line, err := s.Ask("> ")
			if errors.Is(err, tube.ErrTooLong) {
				if _, err := s.Skip("\n"); err != nil {
					return err
				}
				line = "too long"
			} else if err != nil {
				return err
			}
			if err := s.Say(line); err != nil {
				return err
			}
		}
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		c := w.player()
		for _, x := range []struct{ line, want string }{{strings.Repeat("x", 1_000_000), "too long"}, {"short", "short"}} {
			if _, err := c.RecvUntil("> "); err != nil {
				t.Fatal(err)
			}
			c.SendLine(x.line)
			if got, err := c.RecvLine(); got != x.want {
				t.Errorf("line of %d bytes: got %q, %v, want %q", len(x.line), got, err, x.want)
			}
		}
	})
}

func TestSessionFields(t *testing.T) {
	got := make(chan Session, 2)
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		s.Log.Info("hello", "x", 1)
		s.Log.With("y", 2).WithGroup("g").Info("grouped", "z", 3)
		got <- *s
		return nil
	})
	inWorld(t, &Server{Handler: h, Flag: "flag{x}", SessionTimeout: time.Hour}, func(w *world) {
		start := time.Now()
		w.dial("[::ffff:203.0.113.7]:4000").CloseWrite()
		s := <-got
		if s.Remote != addrPort("203.0.113.7:4000") {
			t.Errorf("Remote = %v, want the IPv4 address", s.Remote)
		}
		if s.Flag != "flag{x}" || !s.Started.Equal(start) || !s.Ends.Equal(start.Add(time.Hour)) {
			t.Errorf("Flag, Started, Ends = %q, %v, %v", s.Flag, s.Started, s.Ends)
		}
		w.dial("203.0.113.7:4001").CloseWrite()
		if other := <-got; len(s.ID) != 13 || s.ID == other.ID {
			t.Errorf("IDs %q, %q: want 13 characters, different", s.ID, other.ID)
		}
		synctest.Wait()
		log := w.log.String()
		for _, want := range []string{
			"msg=hello session=" + s.ID + " remote=203.0.113.7:4000 x=1",
			"msg=grouped session=" + s.ID + " remote=203.0.113.7:4000 y=2 g.z=3",
		} {
			if !strings.Contains(log, want) {
				t.Errorf("log lacks %q:\n%s", want, log)
			}
		}
	})
}

func TestSay(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		s.Say()
		s.Say("one")
		s.Say("two", "three")
		return s.Sayf("%d", 4)
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		if got := w.readAll(w.dial("203.0.113.7:0")); got != "one\ntwo\nthree\n4\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestHandlerErrors(t *testing.T) {
	for _, x := range []struct {
		err    error
		reason Reason
		told   string
		logged bool
	}{
		{nil, ReasonDone, "", false},
		{errors.New("no database for flag{x}"), ReasonFailed, "\nSomething went wrong on our side. Please tell the organisers: session ", true},
		{&Refusal{Reason: "rate", Text: "Slow down."}, "rate", "Slow down.\n", false},
		{&Refusal{Reason: ReasonLeft}, ReasonLeft, "", false},
		{&Refusal{Text: "Not you."}, ReasonDenied, "Not you.\n", false},
		// What has nothing to do with the player, though it looks so.
		{fmt.Errorf("read words: %w", io.EOF), ReasonFailed, "\nSomething went wrong on our side. ", true},
		{fmt.Errorf("read the config: %w", io.ErrUnexpectedEOF), ReasonFailed, "\nSomething went wrong on our side. ", true},
		{fmt.Errorf("ask the database: %w", os.ErrDeadlineExceeded), ReasonFailed, "\nSomething went wrong on our side. ", true},
		{fmt.Errorf("ask the database: %w", net.ErrClosed), ReasonFailed, "\nSomething went wrong on our side. ", true},
		{&tube.Error{Op: "recv", Err: tube.ErrReset}, ReasonFailed, "\nSomething went wrong on our side. ", true}, // another's
	} {
		h := HandlerFunc(func(context.Context, *Session) error { return x.err })
		inWorld(t, &Server{Handler: h, Flag: "flag{x}"}, func(w *world) {
			if got := w.readAll(w.dial("203.0.113.7:0")); !strings.HasPrefix(got, x.told) || x.told == "" && got != "" {
				t.Errorf("%v: player was told %q, want %q", x.err, got, x.told)
			}
			time.Sleep(3 * time.Second)
			w.wantReasons(EntryEnd, x.reason)
			if log := w.log.String(); (log != "") != x.logged || strings.Contains(log, "flag{x}") {
				t.Errorf("%v: logged %q", x.err, log)
			}
		})
	}
}

func TestChain(t *testing.T) {
	var order []string
	mark := func(name string) Middleware {
		return func(next Handler) Handler {
			return HandlerFunc(func(ctx context.Context, s *Session) error {
				order = append(order, name)
				return next.ServeChal(ctx, s)
			})
		}
	}
	h := Chain(HandlerFunc(func(context.Context, *Session) error { order = append(order, "handler"); return nil }),
		mark("outermost"), mark("middle"), mark("innermost"))
	h.ServeChal(t.Context(), &Session{})
	if got := strings.Join(order, " "); got != "outermost middle innermost handler" {
		t.Errorf("order: %s", got)
	}
}

func TestTimeoutMiddleware(t *testing.T) {
	s := &Server{Handler: Chain(echo, Timeout(time.Minute))}
	inWorld(t, s, func(w *world) {
		c := w.dial("203.0.113.7:0")
		var got string
		took := elapsed(func() { got = w.readAll(c) })
		if got != "\nTime is up. Goodbye.\n" || !within(took, time.Minute) {
			t.Errorf("after %v the player was told %q", took, got)
		}
		time.Sleep(time.Minute)
		w.wantReasons(EntryEnd, ReasonTimeUp)
	})
}

// TestTimeoutMiddlewareEndsOtherWaits: a handler that waits for something else returns the context's error, which has no
// cause, or what that made of it.
func TestTimeoutMiddlewareEndsOtherWaits(t *testing.T) {
	for _, err := range []error{fmt.Errorf("ask the backend: %w", context.DeadlineExceeded), errors.New("signal: killed")} {
		waits := HandlerFunc(func(ctx context.Context, _ *Session) error {
			<-ctx.Done()
			return err
		})
		inWorld(t, &Server{Handler: Chain(waits, Timeout(time.Minute))}, func(w *world) {
			if got := w.readAll(w.dial("203.0.113.7:0")); got != "\nTime is up. Goodbye.\n" {
				t.Errorf("%v: the player was told %q", err, got)
			}
			time.Sleep(time.Minute)
			w.wantReasons(EntryEnd, ReasonTimeUp)
		})
	}
	early := HandlerFunc(func(ctx context.Context, _ *Session) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second) // the handler's own affair
		defer cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	inWorld(t, &Server{Handler: Chain(early, Timeout(time.Minute))}, func(w *world) {
		w.readAll(w.dial("203.0.113.7:0"))
		time.Sleep(time.Minute)
		w.wantReasons(EntryEnd, ReasonFailed)
	})
}

func TestLimitMiddleware(t *testing.T) {
	slots := &Slots{Max: 1}
	inWorld(t, &Server{Handler: Chain(silent, Limit(slots))}, func(w *world) {
		first := w.dial("203.0.113.7:0")
		synctest.Wait()
		if got := w.readAll(w.dial("203.0.113.8:0")); count(got, "\n") != 1 || !strings.HasPrefix(got, "Sorry") {
			t.Errorf("the second player was told %q", got)
		}
		if slots.Open() != 1 {
			t.Errorf("%d slots taken, want 1", slots.Open())
		}
		first.CloseWrite()
		synctest.Wait()
		if slots.Open() != 0 {
			t.Errorf("%d slots taken after the player left", slots.Open())
		}
	})
}

func TestLogSessionsMiddleware(t *testing.T) {
	inWorld(t, &Server{Handler: Chain(echo, LogSessions())}, func(w *world) {
		c := w.dial("203.0.113.7:4000")
		time.Sleep(time.Second)
		c.CloseWrite()
		w.readAll(c)
		synctest.Wait()
		log := w.log.String()
		for _, want := range []string{`msg="session started" session=`, `msg="session over" session=`, "remote=203.0.113.7:4000", "took=1s"} {
			if !strings.Contains(log, want) {
				t.Errorf("log lacks %q:\n%s", want, log)
			}
		}
	})
}
