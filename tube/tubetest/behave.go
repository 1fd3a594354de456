package tubetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

func checkSendAfter(c *check) {
	_, err := c.a.Within(shortly).SendLineAfter("> ", "too early")
	c.failed("SendLineAfter without a prompt", err, os.ErrDeadlineExceeded)
	_, err = c.a.Within(shortly).SendAfter("> ", "too early")
	c.failed("SendAfter without a prompt", err, os.ErrDeadlineExceeded)
	c.says("name> ", "> ")
	type result struct {
		line string
		err  error
	}
	came := make(chan result, 1)
	c.talker.Go(func() {
		line, err := c.b.RecvLine()
		came <- result{line, err}
	})
	s, err := c.a.SendAfter("> ", "in ")
	got(c, "SendAfter", s, err, "name> ")
	s, err = c.a.SendLineAfter("> ", "time")
	got(c, "SendLineAfter", s, err, "> ")
	r := <-came
	got(c, "what was sent", r.line, r.err, "in time")
}

func checkSendLine(c *check) {
	c.talker.Go(func() {
		c.a.SendLine("text")
		c.a.SendBytes([]byte{0, 255, '\n'})
		c.a.SendLine(strings.Repeat("long ", 10_000))
	})
	if c.datagrams {
		return // 50,000 bytes are more than some networks carry in one
	}
	line, err := c.b.RecvLine()
	got(c, "SendLine", line, err, "text")
	line, err = c.b.RecvLine()
	got(c, "SendBytes", line, err, "\x00\xff")
	line, err = c.b.RecvLine()
	got(c, "SendLine", line, err, strings.Repeat("long ", 10_000))
}

// chatter makes b send single bytes until the check ends.
func (c *check) chatter() {
	ctx, cancel := context.WithCancel(context.Background())
	c.Cleanup(cancel)
	c.talker.Go(func() {
		for c.b.With(ctx).Send("x") == nil {
		}
	})
}

func checkDribble(c *check) {
	c.chatter()
	start := time.Now()
	_, err := c.a.Within(2 * shortly).RecvUntil("never")
	c.failed("RecvUntil of a peer that goes on talking", err, os.ErrDeadlineExceeded)
	if took := time.Since(start); took > patience/2 {
		c.Errorf("it took %v to find that %v were over", took, 2*shortly)
	}
	s, err := c.a.RecvN(2)
	got(c, "RecvN", s, err, "xx")
}

func checkView(c *check) {
	c.chatter()
	start := time.Now()
	view := c.a.Within(2 * shortly)
	var err error
	for err == nil && time.Since(start) < patience {
		_, err = view.RecvN(1)
	}
	c.failed("RecvN, again and again on one view", err, os.ErrDeadlineExceeded)
	if took := time.Since(start); took < 2*shortly {
		c.Errorf("the view's time was up after %v, want %v", took, 2*shortly)
	}
	s, err := c.a.RecvN(1)
	got(c, "RecvN on the tube itself", s, err, "x")
}

func checkNoWaiting(c *check) {
	_, err := c.a.Within(0).RecvN(1)
	c.failed("RecvN that may not wait", err, os.ErrDeadlineExceeded)
	c.says("abc")
	_, err = c.a.Peek(3)
	c.must("Peek", err)
	s, err := c.a.Within(0).RecvN(3)
	got(c, "RecvN that need not wait", s, err, "abc")
	_, err = c.a.Within(-time.Hour).RecvLine()
	c.failed("RecvLine that may not wait", err, os.ErrDeadlineExceeded)
	c.failed("Send that may not wait", c.a.Within(0).Send("x"), os.ErrDeadlineExceeded)
}

func checkDeadlines(c *check) {
	c.must("SetReadDeadline", c.a.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err := c.a.Recv()
	c.failed("Recv after its deadline", err, os.ErrDeadlineExceeded)
	c.must("SetReadDeadline", c.a.SetReadDeadline(time.Time{}))
	// The earlier of deadline and timeout counts.
	c.must("SetDeadline", c.a.SetDeadline(time.Now().Add(time.Hour)))
	_, err = c.a.Within(shortly).Recv()
	c.failed("Recv", err, os.ErrDeadlineExceeded)
	// A deadline set while a call waits counts for it.
	failed := make(chan error)
	go func() {
		_, err := c.a.Recv()
		failed <- err
	}()
	c.must("SetReadDeadline", c.a.SetReadDeadline(time.Now().Add(shortly)))
	c.failed("Recv", <-failed, os.ErrDeadlineExceeded)
	c.must("SetDeadline", c.a.SetDeadline(time.Time{}))
	c.says("still here")
	s, err := c.a.RecvN(10)
	got(c, "RecvN without a deadline", s, err, "still here")
	c.talker.Go(func() { c.a.Send("here too") })
	s, err = c.b.RecvN(8)
	got(c, "Send without a deadline", s, err, "here too")
}

var errGivenUp = errors.New("given up")

func checkContexts(c *check) {
	ctx, cancel := context.WithCancelCause(context.Background())
	failed := make(chan error)
	for range 2 { // one waits for the stream, one for the other
		go func() {
			_, err := c.a.With(ctx).RecvUntil("END")
			failed <- err
		}()
	}
	c.says("abc")
	cancel(errGivenUp)
	for range 2 {
		c.failed("RecvUntil", <-failed, errGivenUp)
	}
	_, err := c.a.With(ctx).Recv()
	c.failed("Recv after its context has ended", err, errGivenUp)
	c.failed("Send after its context has ended", c.a.With(ctx).Send("x"), errGivenUp)
	s, err := c.a.RecvN(3)
	got(c, "RecvN without that context", s, err, "abc")
	late, cancelLate := context.WithTimeout(context.Background(), shortly)
	defer cancelLate()
	_, err = c.a.With(late).Recv()
	c.failed("Recv when the context's time is up", err, os.ErrDeadlineExceeded)
	c.failed("Recv when the context's time is up", err, context.DeadlineExceeded)
}

func checkBoundContext(c *check) {
	ctx, cancel := context.WithCancelCause(context.Background())
	bound := newCheck(c.TB, &c.suite, tube.WithContext(ctx))
	failed := make(chan error)
	go func() {
		_, err := bound.a.Recv()
		failed <- err
	}()
	cancel(errGivenUp)
	c.failed("Recv", <-failed, errGivenUp)
	c.failed("Send", bound.a.Send("x"), errGivenUp)
	free := bound.a.With(context.Background()).Within(patience)
	bound.talker.Go(func() { free.Send("goodbye") })
	s, err := bound.b.With(context.Background()).RecvN(7)
	got(c, "what a view of its own sent", s, err, "goodbye")
}

// checkGoroutines: lines sent by several goroutines come whole, and each comes
// to one of several receivers.
func checkGoroutines(c *check) {
	const senders, lines = 4, 25
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for k := range lines {
				if err := c.b.SendLine(fmt.Sprintf("%d/%d/%s", i, k, strings.Repeat("z", 50*i))); err != nil {
					c.Error(err)
					return
				}
			}
		})
	}
	var mu sync.Mutex
	var all []string
	for range senders {
		wg.Go(func() {
			for range lines {
				line, err := c.a.RecvLine()
				if err != nil {
					c.Error(err)
					return
				}
				mu.Lock()
				all = append(all, line)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var want []string
	for i := range senders {
		for k := range lines {
			want = append(want, fmt.Sprintf("%d/%d/%s", i, k, strings.Repeat("z", 50*i)))
		}
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		c.Errorf("%d lines came, and not as they were sent; want %d", len(all), len(want))
	}
}

func checkCloseWrite(c *check) {
	if c.noHalf {
		c.failed("CloseWrite", c.a.CloseWrite(), errors.ErrUnsupported)
		return
	}
	c.talker.Go(func() {
		c.a.Send("question")
		c.a.CloseWrite()
	})
	s, err := c.b.RecvAll(0)
	got(c, "RecvAll of the half-closed stream", s, err, "question")
	c.must("a second CloseWrite", c.a.CloseWrite())
	c.failed("Send after CloseWrite", c.a.Send("x"), net.ErrClosed)
	c.saysLast("answer")
	s, err = c.a.RecvAll(0)
	got(c, "RecvAll of the answer", s, err, "answer")
}

func checkCloseWakes(c *check) {
	c.a.Unrecv("unread")
	failed := make(chan error)
	for range 3 { // one waits for the stream, the others for the one
		go func() {
			_, err := c.a.RecvN(100)
			failed <- err
		}()
	}
	senders := 3
	if c.datagrams {
		senders = 0 // they do not wait
	}
	for range senders {
		go func() {
			var err error
			for err == nil {
				err = c.a.Send(strings.Repeat("x", 1<<16))
			}
			failed <- err
		}()
	}
	c.must("Close", c.a.Close())
	for range 3 + senders {
		c.failed("a call that waits", <-failed, net.ErrClosed)
	}
	_, err := c.a.RecvN(6)
	c.failed("RecvN after Close", err, net.ErrClosed)
	_, err = c.a.Within(time.Second).RecvAll(0)
	c.failed("RecvAll after Close", err, net.ErrClosed)
	c.failed("Send after Close", c.a.Send("x"), net.ErrClosed)
	c.failed("Skip after Close", func() error { _, err := c.a.Skip("x"); return err }(), net.ErrClosed)
	if s := c.a.Drain(); s != "" {
		c.Errorf("Drain after Close = %q", s)
	}
	if err := c.a.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		c.Errorf("SetDeadline after Close: %v", err)
	}
	c.must("a second Close", c.a.Close())
	c.must("Abort after Close", c.a.Abort())
}

// checkCloseDelivers: all that was sent arrives, though input is pending that
// nobody will read, and the peer reads slowly, after Close has begun.
func checkCloseDelivers(c *check) {
	if c.hangup {
		c.Skip("Close hangs up")
	}
	if !c.noHalf {
		c.says("nobody reads this")
	}
	const size = 4 << 20
	c.talker.Go(func() {
		c.a.Send(strings.Repeat("0123456789abcdef", size/16) + "flag")
		c.a.Close()
	})
	n := 0
	for n < size {
		s, err := c.b.RecvN(32 << 10)
		if err != nil {
			c.Fatalf("after %d of %d bytes: %v", n, size, err)
		}
		n += len(s)
	}
	s, err := c.b.RecvN(4)
	got(c, "the last bytes", s, err, "flag")
	_, err = c.b.Recv()
	if !errors.Is(err, io.EOF) && !errors.Is(err, tube.ErrReset) {
		c.Errorf("after them: %v", err)
	}
}

func checkAbort(c *check) {
	failed := make(chan error)
	go func() {
		_, err := c.a.Recv()
		failed <- err
	}()
	c.must("Abort", c.a.Abort())
	c.failed("a call that waits", <-failed, net.ErrClosed)
	c.must("a second Abort", c.a.Abort())
	c.must("Close after Abort", c.a.Close())
	if c.datagrams {
		return
	}
	if _, err := c.b.Recv(); !errors.Is(err, io.EOF) && !errors.Is(err, tube.ErrReset) {
		c.Errorf("Recv at the peer: %v, want the end or a reset", err)
	}
}
