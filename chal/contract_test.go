package chal

// The contract of the server, a test for each line, on fake time and a network in memory.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// The zero value serves with safe limits …

func TestZeroValueLimitsSessionsPerSource(t *testing.T) {
	inWorld(t, &Server{Handler: silent}, func(w *world) {
		for range defaultMaxPerSource {
			w.dial("203.0.113.7:0")
		}
		if got := w.readAll(w.dial("203.0.113.7:0")); count(got, "\n") != 1 || !strings.Contains(got, "64") {
			t.Errorf("session 65 of a source was told %q, want one line that names the limit", got)
		}
		w.dial("203.0.113.8:0")
		synctest.Wait()
		if got := w.s.Stats(); got.Open != defaultMaxPerSource+1 {
			t.Errorf("%d sessions are open, want %d", got.Open, defaultMaxPerSource+1)
		}
		w.wantReasons(EntryRefused, ReasonPerSource)
	})
}

func TestZeroValueLimitsSessions(t *testing.T) {
	inWorld(t, &Server{Handler: silent}, func(w *world) {
		for i := range defaultMaxSessions {
			w.dial(fmt.Sprintf("10.0.%d.%d:0", i/250, i%250))
			synctest.Wait()
		}
		if got := w.readAll(w.dial("203.0.113.7:0")); count(got, "\n") != 1 {
			t.Errorf("the session too many was told %q, want one line", got)
		}
		w.wantReasons(EntryRefused, ReasonFull)
	})
}

func TestZeroValueLimitsTime(t *testing.T) {
	waits := HandlerFunc(func(ctx context.Context, s *Session) error { <-ctx.Done(); return nil })
	for name, x := range map[string]struct {
		h    Handler
		want time.Duration
	}{"session": {waits, defaultSessionTimeout}, "idle": {echo, defaultIdleTimeout}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &Server{Handler: x.h}, func(w *world) {
				c := w.dial("203.0.113.7:0")
				if got := elapsed(func() { w.readAll(c) }); !within(got, x.want) {
					t.Errorf("the session ended after %v, want %v", got, x.want)
				}
			})
		})
	}
}

func TestZeroValueLimitsLines(t *testing.T) {
	var got error
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		_, got = s.RecvLine()
		return got
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		w.net.Buffer = 1 << 20
		c := w.player()
		c.Send(strings.Repeat("x", 100_000))
		if text := w.readAll(c); text != "\nThat was too long. Goodbye.\n" {
			t.Errorf("player was told %q", text)
		}
		if !errors.Is(got, tube.ErrTooLong) {
			t.Errorf("RecvLine: %v, want ErrTooLong", got)
		}
	})
}

// … and a negative limit means none.

func TestNegativeLimitMeansNone(t *testing.T) {
	const sessions = 1500
	s := &Server{
		Handler: echo, SessionTimeout: -1, IdleTimeout: -1, MaxSessions: -1, MaxPerSource: -1, MaxBuffer: -1,
	}
	inWorld(t, s, func(w *world) {
		for range sessions {
			w.dial("203.0.113.7:0")
			synctest.Wait()
		}
		time.Sleep(1000 * time.Hour)
		if got := s.Stats(); got.Open != sessions || got.Refused != 0 {
			t.Errorf("stats after 1000 hours: %+v, want %d open, none refused", got, sessions)
		}
		c := w.player()
		long := strings.Repeat("x", 1<<20)
		go c.SendLine(long)
		if line, err := c.RecvLine(); line != long {
			t.Errorf("a long line came back as %d bytes, %v", len(line), err)
		}
	})
}

// Serve after Shutdown returns ErrServerClosed.

func TestServeAfterShutdown(t *testing.T) {
	s := &Server{Handler: echo}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown of a server that never served: %v", err)
	}
	var network memnet.Network
	l, _ := network.Listen("server:1337")
	if err := s.Serve(l); err != ErrServerClosed {
		t.Errorf("Serve: %v, want ErrServerClosed", err)
	}
	if _, err := network.Dial("server:1337"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the listener is still open: %v", err)
	}
	if err := s.ListenAndServe(); err != ErrServerClosed {
		t.Errorf("ListenAndServe: %v, want ErrServerClosed", err)
	}
}

func TestServeWithoutHandler(t *testing.T) {
	for _, s := range []*Server{{}, Challenge{}.Server("")} {
		var network memnet.Network
		l, _ := network.Listen("server:1337")
		if err := s.Serve(l); !errors.Is(err, errNoHandler) {
			t.Errorf("Serve: %v, want that there is no handler", err)
		}
	}
}

// Shutdown and Close may be called twice, and together.

func TestShutdownAndCloseTwiceAndTogether(t *testing.T) {
	inWorld(t, &Server{Handler: silent}, func(w *world) {
		for range 10 {
			w.dial("203.0.113.7:0")
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { w.s.Shutdown(ctx) })
			wg.Go(func() { w.s.Shutdown(context.Background()) })
			wg.Go(func() { w.s.Close() })
		}
		wg.Wait()
		if err := w.s.Close(); err != nil {
			t.Errorf("another Close: %v", err)
		}
		if err := w.s.Shutdown(context.Background()); err != nil {
			t.Errorf("another Shutdown: %v", err)
		}
	})
}

// Shutdown stops accepting, waits for sessions …

func TestShutdownWaitsForSessions(t *testing.T) {
	inWorld(t, &Server{Handler: echo}, func(w *world) {
		c := w.player()
		c.SendLine("before")
		c.RecvLine()
		done := make(chan error)
		go func() { done <- w.s.Shutdown(context.Background()) }()
		synctest.Wait()
		if _, err := w.net.Dial("server:1337"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial during Shutdown: %v, want ECONNREFUSED", err)
		}
		time.Sleep(time.Minute)
		c.SendLine("during")
		if line, err := c.RecvLine(); line != "during" {
			t.Errorf("the session did not go on: %q, %v", line, err)
		}
		c.CloseWrite()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		w.wantReasons(EntryEnd, ReasonLeft)
	})
}

// … also for a handler that does not return although its time is up: it is told of …

func TestShutdownCountsWhoDoesNotReturn(t *testing.T) {
	for name, after := range map[string]time.Duration{"its time is up": 90 * time.Second, "its connection is closed": 2 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			h := HandlerFunc(func(context.Context, *Session) error { time.Sleep(time.Hour); return nil })
			inWorld(t, &Server{Handler: h, SessionTimeout: 90*time.Second - time.Millisecond, Linger: time.Hour}, func(w *world) {
				w.player()
				time.Sleep(after)
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				var err error
				if took := elapsed(func() { err = w.s.Shutdown(ctx) }); took > 4*time.Second {
					t.Errorf("Shutdown took %v, though its context had a second", took)
				}
				var cut *CutError
				if !errors.As(err, &cut) || cut.Sessions != 1 {
					t.Errorf("Shutdown: %v, want that it cut 1", err)
				}
			})
		})
	}
}

// … when its context ends it cancels them, closes every connection, and says how many it cut.

func TestShutdownCutsWhenItsContextEnds(t *testing.T) {
	const sessions = 7
	var causes sync.Map
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		s.Send("name? ")
		_, err := s.RecvLine()
		causes.Store(s.ID, []error{err, context.Cause(ctx)})
		return err
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		var clients []*memnet.Conn
		for range sessions {
			clients = append(clients, w.dial("203.0.113.7:0"))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var err error
		if took := elapsed(func() { err = w.s.Shutdown(ctx) }); !within(took, time.Minute) {
			t.Errorf("Shutdown took %v, want its minute", took)
		}
		var cut *CutError
		if !errors.As(err, &cut) || cut.Sessions != sessions || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v, want that it cut %d", err, sessions)
		}
		for _, c := range clients {
			if got := w.readAll(c); got != "name? \nThe server is shutting down. Goodbye.\n" {
				t.Errorf("player was told %q", got)
			}
		}
		n := 0
		for _, errs := range causes.Range {
			n++
			for _, err := range errs.([]error) {
				if !errors.Is(err, ErrShutdown) {
					t.Errorf("handler saw %v, want ErrShutdown", err)
				}
			}
		}
		if n != sessions {
			t.Errorf("%d handlers returned, want %d", n, sessions)
		}
	})
}

// Close cuts at once and waits until every handler has returned.

func TestCloseCutsAtOnceAndWaitsForHandlers(t *testing.T) {
	var returned atomic.Bool
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		s.Send("working")
		time.Sleep(time.Hour) // computes, deaf to ctx
		returned.Store(true)
		return nil
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		synctest.Wait()
		start := time.Now()
		closed := make(chan time.Duration)
		go func() {
			w.s.Close()
			closed <- time.Since(start)
		}()
		if got := w.readAll(c); got != "working\nThe server is shutting down. Goodbye.\n" || time.Since(start) > 2*cutGrace {
			t.Errorf("player was told %q after %v", got, time.Since(start))
		}
		if took := <-closed; !returned.Load() || !within(took, time.Hour) {
			t.Errorf("Close returned after %v, before the handler", took)
		}
	})
}

// A panic ends one session, with its stack in the log; the server recovers, not a middleware.

func TestPanicEndsOneSession(t *testing.T) {
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		line, _ := s.RecvLine()
		switch line {
		case "panic":
			panicking("the flag is " + s.Flag)
		case "nil":
			panic(nil) //nolint:govet // must be survived too
		case "exit":
			runtime.Goexit()
		case "typed nil":
			var refused *Refusal // as a function that returns one, where there is none
			return refused
		}
		return s.Say(line)
	})
	inWorld(t, &Server{Handler: h, Flag: "flag{secret}"}, func(w *world) {
		other := w.player()
		for _, how := range []string{"panic", "nil", "exit", "typed nil"} {
			c := w.player()
			c.SendLine(how)
			if got := w.readAll(c); count(got, "\n") != 2 || !strings.HasPrefix(got, "\nSomething went wrong") {
				t.Errorf("%s: player was told %q", how, got)
			}
		}
		time.Sleep(2 * defaultLinger)
		other.SendLine("still here")
		if got := w.readAll(other); got != "still here\n" {
			t.Errorf("the other session got %q", got)
		}
		time.Sleep(2 * defaultLinger)
		w.wantReasons(EntryEnd, ReasonPanicked, ReasonPanicked, ReasonPanicked, ReasonPanicked, ReasonDone)
		log := w.log.String()
		if !strings.Contains(log, "chal.panicking") || !strings.Contains(log, "session=") || count(log, "handler panicked") != 4 {
			t.Errorf("the log lacks the stack or the session:\n%s", log)
		}
		if strings.Contains(log, "flag{secret}") {
			t.Errorf("the log tells the flag:\n%s", log)
		}
	})
}

func panicking(v any) { panic(v) }

// Cancelling a session unblocks its reads and writes; context.Cause says why, and the player is told in
// one line.

func TestEndOfSessionUnblocksReadsAndWrites(t *testing.T) {
	var errs sync.Map
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.RecvLine()
			errs.Store("read", err)
		})
		wg.Go(func() {
			_, err := s.Write(make([]byte, 1<<20)) // the player does not read
			errs.Store("write", err)
		})
		wg.Wait()
		errs.Store("cause", context.Cause(ctx))
		_, err := s.Ask("again")
		errs.Store("later", err)
		return err
	})
	inWorld(t, &Server{Handler: h, SessionTimeout: time.Minute, IdleTimeout: -1}, func(w *world) {
		w.dial("203.0.113.7:0")
		time.Sleep(time.Minute + 10*time.Second)
		for _, what := range []string{"read", "write", "cause", "later"} {
			got, ok := errs.Load(what)
			if err, _ := got.(error); !ok || !errors.Is(err, ErrTimeUp) {
				t.Errorf("%s: %v, want ErrTimeUp", what, got)
			}
		}
		w.wantReasons(EntryEnd, ReasonTimeUp)
	})
}

func TestPlayerIsToldWhenTimeIsUp(t *testing.T) {
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		s.Say("welcome")
		_, err := s.Ask("> ")
		time.Sleep(100 * time.Millisecond) // may take a moment to return
		return err
	})
	inWorld(t, &Server{Handler: h, SessionTimeout: time.Minute}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		var got string
		if took := elapsed(func() { got = w.readAll(c) }); !within(took, time.Minute) {
			t.Errorf("the session took %v, want a minute", took)
		}
		if got != "welcome\n> \nTime is up. Goodbye.\n" {
			t.Errorf("player was told %q", got)
		}
	})
}

func TestTimeIsUpForEverySessionOnItsOwnMinute(t *testing.T) {
	inWorld(t, &Server{Handler: silent, SessionTimeout: time.Minute}, func(w *world) {
		var wg sync.WaitGroup
		for range 20 {
			c := w.dial("203.0.113.7:0")
			wg.Go(func() {
				if took := elapsed(func() { w.readAll(c) }); took != time.Minute {
					t.Errorf("a session took %v, want a minute", took)
				}
			})
			time.Sleep(7 * time.Second)
		}
		wg.Wait()
	})
}

// A handler that computes is cut, and its slot taken until it really returns.

func TestStuckHandlerIsCutAndKeepsItsSlot(t *testing.T) {
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		s.Send("The answer ")
		time.Sleep(time.Hour) // deaf to ctx
		return s.Say("is 42.")
	})
	inWorld(t, &Server{Handler: h, SessionTimeout: time.Minute, MaxSessions: 1}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		var got string
		if took := elapsed(func() { got = w.readAll(c) }); !within(took, time.Minute) {
			t.Errorf("the player was cut after %v, want a minute", took)
		}
		if got != "The answer \nTime is up. Goodbye.\n" {
			t.Errorf("player was told %q", got)
		}
		c.Close()
		if got := w.readAll(w.dial("203.0.113.8:0")); !strings.HasPrefix(got, "Sorry") {
			t.Errorf("while the handler ran on, the next player got %q, want a refusal", got)
		}
		time.Sleep(time.Hour)
		w.wantReasons(EntryEnd, ReasonTimeUp)
		if !strings.Contains(w.log.String(), "handler does not return") {
			t.Errorf("the log does not say that a handler is stuck:\n%s", w.log.String())
		}
		next := tube.New(w.dial("203.0.113.8:0"))
		if got, err := next.RecvN(len("The answer ")); got != "The answer " {
			t.Errorf("after the handler had returned, the next player got %q, %v", got, err)
		}
	})
}

func TestShutdownDoesNotWaitForStuckHandlers(t *testing.T) {
	h := HandlerFunc(func(ctx context.Context, s *Session) error { time.Sleep(time.Hour); return nil })
	inWorld(t, &Server{Handler: h}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var err error
		if took := elapsed(func() { err = w.s.Shutdown(ctx) }); !within(took, time.Minute) {
			t.Errorf("Shutdown took %v, want a minute", took)
		}
		var cut *CutError
		if !errors.As(err, &cut) || cut.Sessions != 1 {
			t.Errorf("Shutdown: %v, want that it cut 1", err)
		}
		if got := w.readAll(c); got != "\nThe server is shutting down. Goodbye.\n" {
			t.Errorf("player was told %q", got)
		}
	})
}

// The idle timeout is one deadline for a whole wait.

func TestDribblingClientDoesNotLiveForEver(t *testing.T) {
	inWorld(t, &Server{Handler: echo, SessionTimeout: -1, IdleTimeout: 90 * time.Second}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		start := time.Now()
		for range 100 {
			if _, err := io.WriteString(c, "x"); err != nil || time.Since(start) > time.Hour {
				break
			}
			c.SetReadDeadline(time.Now().Add(40 * time.Second))
			if _, err := c.Read(make([]byte, 100)); err == nil {
				break
			}
		}
		if took := time.Since(start); !within(took, 90*time.Second) {
			t.Errorf("a client that sends a byte every 40 s was cut after %v, want 90 s", took)
		}
		c.CloseWrite()
		time.Sleep(time.Second)
		w.wantReasons(EntryEnd, ReasonIdle)
	})
}

func TestIdlePlayerIsTold(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error { _, err := s.Ask("name? "); return err })
	inWorld(t, &Server{Handler: h}, func(w *world) {
		if got := w.readAll(w.dial("203.0.113.7:0")); got != "name? \nNothing came in time. Goodbye.\n" {
			t.Errorf("player was told %q", got)
		}
	})
}

// Half-close: an answer written after the client's FIN arrives.

func TestAnswerAfterTheClientsFINArrives(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		all, err := s.RecvAll(0)
		if err != nil {
			return err
		}
		time.Sleep(time.Minute)
		return s.Sayf("%d bytes", len(all))
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		io.WriteString(c, "everything")
		c.CloseWrite()
		if got := w.readAll(c); got != "10 bytes\n" {
			t.Errorf("after its FIN the client got %q", got)
		}
	})
}

// Copy loops wait for both directions.

func TestCopyLoopsWaitForBothDirections(t *testing.T) {
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		inner, outer := memnet.Pipe(0)
		go func() {
			defer inner.Close()
			all, _ := io.ReadAll(inner)
			time.Sleep(time.Minute) // works on it, long after the client's FIN
			fmt.Fprintf(inner, "%d bytes\n", len(all))
		}()
		upstream := tube.New(outer)
		defer upstream.Close()
		return tube.Join(ctx, s.Tube, upstream)
	})
	inWorld(t, &Server{Handler: h}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		io.WriteString(c, "everything")
		c.CloseWrite()
		if got := w.readAll(c); got != "10 bytes\n" {
			t.Errorf("through a relay the client got %q", got)
		}
	})
}

// The last line a handler writes is delivered, even when the client's unread input would turn close into RST.

func TestLastLineIsDelivered(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error { return s.Say(s.Flag) })
	for name, client := range map[string]func(c *memnet.Conn){
		"unread input":          func(c *memnet.Conn) { io.WriteString(c, "typed ahead\n") },
		"much unread input":     func(c *memnet.Conn) { go c.Write(make([]byte, 1<<20)) },
		"input after the close": func(c *memnet.Conn) { time.Sleep(time.Second); io.WriteString(c, "late\n") },
		"nothing":               func(c *memnet.Conn) {},
	} {
		for linger, want := range map[time.Duration]string{0: "flag{last}\n", -1: ""} {
			t.Run(fmt.Sprintf("%s, linger %v", name, linger), func(t *testing.T) {
				inWorld(t, &Server{Handler: h, Flag: "flag{last}", Linger: linger}, func(w *world) {
					c := w.dial("203.0.113.7:0")
					client(c)
					time.Sleep(1500 * time.Millisecond) // a slow reader
					b, err := io.ReadAll(c)
					if name == "nothing" {
						want = "flag{last}\n"
					}
					// Without lingering the flag must be lost, or this test shows nothing.
					if string(b) != want || (err == nil) != (want != "") {
						t.Errorf("read %q, %v, want %q", b, err, want)
					}
				})
			})
		}
	}
}

// bare is a connection in a type of somebody else's, which hides all but what a net.Conn has.
type bare struct{ net.Conn }

type bareListener struct{ net.Listener }

func (l bareListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return bare{c}, err
}

func TestLastLineIsDeliveredWithoutHalfClose(t *testing.T) {
	for name, client := range map[string]func(c *memnet.Conn){
		"unread input":      func(c *memnet.Conn) { io.WriteString(c, "typed ahead\n") },
		"much unread input": func(c *memnet.Conn) { c.Write(make([]byte, 1<<20)) },
		"input on its way":  func(c *memnet.Conn) { time.Sleep(quietTime / 2); io.WriteString(c, "late\n") },
		"input without end": func(c *memnet.Conn) {
			for {
				time.Sleep(quietTime / 5)
				if _, err := io.WriteString(c, "y\n"); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n memnet.Network
				l, err := n.Listen("server:1337")
				if err != nil {
					t.Fatal(err)
				}
				s := &Server{Flag: "flag{last}", Handler: HandlerFunc(func(_ context.Context, s *Session) error { return s.Say(s.Flag) })}
				go s.Serve(bareListener{l})
				defer s.Close()
				c, err := n.Dial("server:1337")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var typing sync.WaitGroup
				defer typing.Wait()
				typing.Go(func() { client(c) })
				got := make([]byte, len("flag{last}\n"))
				took := elapsed(func() {
					time.Sleep(quietTime + time.Millisecond) // a slow reader
					if _, err := io.ReadFull(c, got); err != nil {
						t.Errorf("read %q, %v", got, err)
					}
					c.Read(make([]byte, 1)) // the end, or a reset where input goes on
				})
				if string(got) != "flag{last}\n" || took > defaultLinger {
					t.Errorf("read %q, and the end came after %v", got, took)
				}
			})
		})
	}
}

func TestLingerIsBoundedInTime(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error { return s.Say("bye") })
	inWorld(t, &Server{Handler: h, MaxSessions: 1}, func(w *world) {
		c := w.dial("203.0.113.7:0") // never closes
		synctest.Wait()
		time.Sleep(defaultLinger - time.Millisecond)
		synctest.Wait()
		if w.s.Stats().Open != 1 {
			t.Error("the server did not wait for the client to close")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if w.s.Stats().Open != 0 {
			t.Error("the server waits longer than Linger")
		}
		c.Close()
	})
}

func TestLingerIsBoundedInBytes(t *testing.T) {
	h := HandlerFunc(func(_ context.Context, s *Session) error { return nil })
	inWorld(t, &Server{Handler: h, Linger: time.Hour}, func(w *world) {
		c := w.dial("203.0.113.7:0")
		sent := 0
		for sent < 2*lingerBytes {
			n, err := c.Write(make([]byte, 64<<10))
			sent += n
			if err != nil {
				break
			}
		}
		if sent > lingerBytes+256<<10 {
			t.Errorf("the server took %d bytes, want it to stop after %d", sent, lingerBytes)
		}
	})
}

// A failing accept (EMFILE) backs off and recovers; sessions already open go on.

func TestFailingAcceptBacksOffAndRecovers(t *testing.T) {
	inWorld(t, &Server{Handler: echo}, func(w *world) {
		c := w.player()
		c.SendLine("before")
		c.RecvLine()
		var calls atomic.Int64
		w.l.FailAccept(func() error {
			calls.Add(1)
			return os.NewSyscallError("accept4", syscall.EMFILE)
		})
		time.Sleep(time.Minute)
		if n := calls.Load(); n < 10 || n > 80 {
			t.Errorf("accept was called %d times in a minute of EMFILE, want about once a second", n)
		}
		c.SendLine("during")
		if line, err := c.RecvLine(); line != "during" {
			t.Errorf("an open session got %q, %v", line, err)
		}
		next := w.player()
		next.SendLine("after")
		w.l.FailAccept(nil)
		if line, err := next.Within(2 * time.Second).RecvLine(); line != "after" {
			t.Errorf("after the fault a new session got %q, %v", line, err)
		}
	})
}

func TestFailingAcceptDoesNotHoldUpShutdown(t *testing.T) {
	inWorld(t, &Server{Handler: echo}, func(w *world) {
		w.l.FailAccept(func() error { return os.NewSyscallError("accept4", syscall.ENFILE) })
		time.Sleep(time.Minute)
		if took := elapsed(func() { w.s.Shutdown(context.Background()); w.served <- <-w.served }); took != 0 {
			t.Errorf("Shutdown and Serve took %v", took)
		}
	})
}

func TestServeReturnsWhenTheListenerFailsForGood(t *testing.T) {
	for _, fault := range []error{net.ErrClosed, os.NewSyscallError("accept4", syscall.EBADF), errors.New("broken")} {
		var network memnet.Network
		l, _ := network.Listen("server:1337")
		l.FailAccept(func() error { return fault })
		s := &Server{Handler: echo}
		if err := s.Serve(l); !errors.Is(err, fault) {
			t.Errorf("Serve: %v, want %v", err, fault)
		}
	}
}

// Limits apply before the session's goroutine does any work.

func TestLimitsApplyBeforeAnyWork(t *testing.T) {
	const flood = 2000
	var called atomic.Int64
	h := HandlerFunc(func(ctx context.Context, s *Session) error {
		called.Add(1)
		return silent(ctx, s)
	})
	inWorld(t, &Server{Handler: h, MaxSessions: 1}, func(w *world) {
		w.dial("203.0.113.7:0")
		synctest.Wait()
		before := runtime.NumGoroutine()
		start := time.Now()
		for range flood {
			w.dial("203.0.113.8:0") // does not read and does not close
			synctest.Wait()
		}
		if got := runtime.NumGoroutine() - before; got > maxRefusals {
			t.Errorf("%d refused connections hold %d goroutines, want at most %d", flood, got, maxRefusals)
		}
		if time.Since(start) != 0 {
			t.Errorf("accepting waited %v for refused clients", time.Since(start))
		}
		if called.Load() != 1 {
			t.Errorf("the handler was called %d times, want once", called.Load())
		}
		if got := w.s.Stats(); got.Refused != flood || got.Open != 1 || got.Started != 1 {
			t.Errorf("stats: %+v", got)
		}
		if n := count(w.log.String(), "refused"); n > 4 {
			t.Errorf("%d refusals made %d mentions in the log", flood, n)
		}
	})
}

func TestRefusedPlayerIsToldDespiteUnreadInput(t *testing.T) {
	inWorld(t, &Server{Handler: silent, MaxSessions: 1}, func(w *world) {
		w.dial("203.0.113.7:0")
		synctest.Wait()
		c := w.dial("203.0.113.8:0")
		io.WriteString(c, "typed ahead\n")
		time.Sleep(time.Second)
		if got := w.readAll(c); count(got, "\n") != 1 || !strings.HasPrefix(got, "Sorry") {
			t.Errorf("refused player was told %q", got)
		}
	})
}
