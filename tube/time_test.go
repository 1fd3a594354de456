package tube_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

var bigEndian = binary.BigEndian

// takes fails the test unless f fails with target after exactly d.
func takes(t *testing.T, what string, d time.Duration, target error, f func() error) {
	t.Helper()
	start := time.Now()
	failed(t, what, f(), target)
	if took := time.Since(start); took != d {
		t.Errorf("%s took %v, want %v", what, took, d)
	}
}

func recvErr(t *tube.Tube) func() error {
	return func() error { _, err := t.Recv(); return err }
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(tube.WithTimeout(time.Minute))
		defer a.Close()
		defer b.Close()
		takes(t, "the default timeout", time.Minute, os.ErrDeadlineExceeded, recvErr(a))
		takes(t, "a view", time.Second, os.ErrDeadlineExceeded, recvErr(a.Within(time.Second)))
		takes(t, "a longer view", time.Hour, os.ErrDeadlineExceeded, recvErr(a.Within(time.Hour)))
		takes(t, "sending to nobody", time.Second, os.ErrDeadlineExceeded, func() error { return a.Within(time.Second).Send("x") })

		view := a.Within(10 * time.Second)
		takes(t, "a view's first call", time.Second, cause, recvErr(view.With(cancelAfter(t, time.Second, cause))))
		takes(t, "its last", 9*time.Second, os.ErrDeadlineExceeded, recvErr(view))
		takes(t, "its call after the last", 0, os.ErrDeadlineExceeded, recvErr(view))

		must(t, a.SetReadDeadline(time.Now().Add(5*time.Second)))
		takes(t, "SetReadDeadline", 5*time.Second, os.ErrDeadlineExceeded, recvErr(a))
		takes(t, "SetReadDeadline on every view", 0, os.ErrDeadlineExceeded, recvErr(a.Within(time.Hour)))
		must(t, a.SetReadDeadline(time.Time{}))
		takes(t, "without it", time.Minute, os.ErrDeadlineExceeded, recvErr(a))

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		takes(t, "a context's deadline", 3*time.Second, context.DeadlineExceeded, recvErr(a.With(ctx)))
		takes(t, "as a timeout", 0, os.ErrDeadlineExceeded, recvErr(a.With(ctx)))
	})
}

// TestRecvRepeat waits for silence, and loses nothing when it may not wait so long.
func TestRecvRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(tube.WithTimeout(10*time.Second), tube.WithMaxBuffer(100))
		defer a.Close()
		defer b.Close()
		say := func(n int, every time.Duration, end bool) {
			go func() {
				for range n {
					time.Sleep(every)
					b.Send("x")
				}
				if end {
					b.Close()
				}
			}()
		}
		took := func(want time.Duration, f func()) {
			t.Helper()
			start := time.Now()
			f()
			if d := time.Since(start); d != want {
				t.Errorf("it took %v, want %v", d, want)
			}
		}
		say(3, time.Second, false)
		took(5*time.Second, func() {
			s, err := a.RecvRepeat(2 * time.Second)
			got(t, "RecvRepeat", s, err, "xxx")
		})
		took(2*time.Second, func() {
			s, err := a.RecvRepeat(2 * time.Second)
			got(t, "RecvRepeat of nothing", s, err, "")
		})
		say(12, time.Second, false)
		took(10*time.Second, func() {
			_, err := a.RecvRepeat(2 * time.Second)
			failed(t, "RecvRepeat of one who goes on", err, os.ErrDeadlineExceeded)
		})
		took(4*time.Second, func() {
			s, err := a.RecvRepeat(2 * time.Second)
			got(t, "RecvRepeat after that", s, err, "xxxxxxxxxxxx")
		})
		cause := errors.New("enough")
		took(time.Second, func() {
			_, err := a.With(cancelAfter(t, time.Second, cause)).RecvRepeat(time.Hour)
			failed(t, "RecvRepeat with a context", err, cause)
		})
		go b.Send(strings.Repeat("y", 101))
		_, err := a.RecvRepeat(time.Second)
		failed(t, "RecvRepeat of too much", err, tube.ErrTooLong)
		got(t, "Drain", a.Drain(), nil, strings.Repeat("y", 100))
		say(1, time.Second, true)
		took(time.Second, func() {
			s, err := a.RecvRepeatBytes(2 * time.Second)
			got(t, "RecvRepeat to the end", string(s), err, "yx")
		})
	})
}

func cancelAfter(t *testing.T, d time.Duration, cause error) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(d, func() { cancel(cause) })
	return ctx
}

// Waiting for the prompt and sending have one deadline together.
func TestSendAfterHasOneDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(tube.WithTimeout(10 * time.Second))
		defer a.Close()
		defer b.Close()
		time.AfterFunc(7*time.Second, func() { b.Send("> ") })
		takes(t, "SendLineAfter", 10*time.Second, os.ErrDeadlineExceeded, func() error {
			s, err := a.SendLineAfter("> ", "nobody reads this")
			if s != "> " {
				t.Errorf("it received %q", s)
			}
			return err
		})
	})
}

// Who waits for another receiving call to end keeps to the own deadline.
func TestWaitingForTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe()
		defer b.Close()
		var wg sync.WaitGroup
		wg.Go(func() { takes(t, "the one that has its turn", time.Hour, net.ErrClosed, recvErr(a)) })
		synctest.Wait()
		takes(t, "a view", time.Second, os.ErrDeadlineExceeded, recvErr(a.Within(time.Second)))
		cause := errors.New("enough")
		takes(t, "a context", time.Second, cause, recvErr(a.With(cancelAfter(t, time.Second, cause))))
		wg.Go(func() { takes(t, "one that waits", time.Hour-2*time.Second, net.ErrClosed, recvErr(a)) })
		synctest.Wait()
		time.Sleep(time.Hour - 2*time.Second)
		a.Close()
		wg.Wait()
	})
}

// A deadline that is set wakes also those that wait for their turn.
func TestSetDeadlineWhileWaitingForTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe()
		defer b.Close()
		defer a.Close()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { takes(t, "receiving", 2*time.Second, os.ErrDeadlineExceeded, recvErr(a)) })
			wg.Go(func() {
				takes(t, "sending", 2*time.Second, os.ErrDeadlineExceeded, func() error { return a.Send("x") })
			})
		}
		synctest.Wait()
		must(t, a.SetDeadline(time.Now().Add(2*time.Second)))
		wg.Wait()
	})
}

// The same when the one whose turn it is waits for somebody else.
func TestSetDeadlineWhileWaitingForAWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe()
		defer b.Close()
		r, w := io.Pipe() // that nobody reads
		var wg sync.WaitGroup
		wg.Go(func() { a.WriteTo(w) })
		must(t, b.Send("x"))
		synctest.Wait()
		wg.Go(func() { takes(t, "receiving", 2*time.Second, os.ErrDeadlineExceeded, recvErr(a)) })
		synctest.Wait()
		must(t, a.SetReadDeadline(time.Now().Add(2*time.Second)))
		time.Sleep(3 * time.Second)
		must(t, a.SetReadDeadline(time.Time{}))
		wg.Go(func() { takes(t, "receiving", 2*time.Second, net.ErrClosed, recvErr(a.Within(time.Hour))) })
		synctest.Wait()
		time.Sleep(2 * time.Second)
		a.Close()
		r.Close()
		wg.Wait()
	})
}

// fragile is a connection that a deadline which passes breaks, as that of
// some WebSocket packages is.
type fragile struct {
	net.Conn
	mu     sync.Mutex
	timer  [2]*time.Timer
	broken bool
}

func (f *fragile) set(i int, d time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer[i] != nil {
		f.timer[i].Stop()
	}
	if !d.IsZero() {
		f.timer[i] = time.AfterFunc(time.Until(d), func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.broken = true
		})
	}
	return nil
}

func (f *fragile) SetReadDeadline(d time.Time) error {
	return errors.Join(f.set(0, d), f.Conn.SetReadDeadline(d))
}

func (f *fragile) SetWriteDeadline(d time.Time) error {
	return errors.Join(f.set(1, d), f.Conn.SetWriteDeadline(d))
}

// Deadlines do not outlive their call on a connection that might not bear it.
func TestNoDeadlineIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, d := net.Pipe()
		f := &fragile{Conn: c}
		a, b := tube.New(f, tube.WithTimeout(time.Second)), tube.New(d)
		defer b.Close()
		go b.Send("abc")
		s, err := a.RecvN(3)
		got(t, "RecvN", s, err, "abc")
		go b.RecvN(3)
		must(t, a.Send("abc"))
		must(t, a.SetDeadline(time.Now().Add(2*time.Second)))
		time.Sleep(time.Hour)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.broken {
			t.Error("a deadline passed while no call was waiting")
		}
	})
}

// A call is not woken for good by the deadline of an earlier one, which the
// connection still has.
func TestEarlyWake(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("a"))
	s, err := client.Within(soon).RecvN(1)
	for errors.Is(err, os.ErrDeadlineExceeded) { // a busy machine
		s, err = client.Within(soon).RecvN(1)
	}
	got(t, "RecvN", s, err, "a")
	time.AfterFunc(5*soon, func() { server.Send("b") })
	s, err = client.RecvN(1)
	got(t, "RecvN with more time", s, err, "b")

	// The same for sending, with a write that waits until the peer reads.
	for err = os.ErrDeadlineExceeded; errors.Is(err, os.ErrDeadlineExceeded); {
		err = client.Within(soon).Send("x")
	}
	must(t, err)
	time.AfterFunc(5*soon, func() { server.Discard() })
	must(t, client.SendBytes(make([]byte, 16<<20)))
}

// Whoever sets a deadline on the connection below does not stop the Tube.
func TestForeignDeadline(t *testing.T) {
	t.Parallel()
	client, server := connect(t, "tcp") // without a timeout, which would set another
	must(t, client.Conn().SetDeadline(time.Now().Add(-time.Hour)))
	must(t, client.Send("x"))
	must(t, server.Send("y"))
	s, err := client.RecvN(1)
	got(t, "RecvN", s, err, "y")
	must(t, client.Conn().SetDeadline(time.Now().Add(-time.Hour)))
	_, err = client.Within(soon).RecvN(1)
	failed(t, "RecvN", err, os.ErrDeadlineExceeded)
}

// With no time left, what is in the socket is still received; but not for ever.
func TestWithinZero(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("abc"))
	for { // until it has arrived, which Peek would take out of the socket
		s, err := client.Within(0).RecvN(3)
		if err == nil {
			got(t, "RecvN", s, err, "abc")
			break
		}
		failed(t, "RecvN", err, os.ErrDeadlineExceeded)
	}
	// A peer that does not stop gets no more than a little beyond the time.
	go func() {
		for server.SendBytes(make([]byte, 1<<16)) == nil {
		}
	}()
	_, err := client.Within(soon).RecvUntil("x")
	failed(t, "RecvUntil", err, os.ErrDeadlineExceeded)
}

// A context that has ended ends also the calls that need not wait, and leaves
// the bytes.
func TestEndedContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	client, server := pair(t, tube.WithContext(ctx))
	must(t, server.Send("line\nmore\n"))
	line, err := client.RecvLine()
	got(t, "RecvLine", line, err, "line")
	cancel(cause)
	_, err = client.RecvLine()
	failed(t, "RecvLine", err, cause)
	line, err = client.With(context.Background()).RecvLine()
	got(t, "RecvLine", line, err, "more")
}

// On a pipe whose other end is closed no deadline can be set; what was sent
// and the end are received all the same.
func TestDeadlineOnAClosedPipe(t *testing.T) {
	t.Parallel()
	a, b := pipe(tube.WithTimeout(patience))
	sent := make(chan error)
	go func() { sent <- b.Send("last") }()
	_, err := a.Peek(4)
	must(t, err)
	must(t, <-sent)
	must(t, b.Close())
	_, err = a.RecvUntil("\n")
	failed(t, "RecvUntil", err, io.ErrUnexpectedEOF)
	must(t, a.SetDeadline(time.Now().Add(time.Hour)))
	s, err := a.RecvAll(0)
	got(t, "RecvAll", s, err, "last")
	failed(t, "Send", a.Send("x"), tube.ErrReset)
}
