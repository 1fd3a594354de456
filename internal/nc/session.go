package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/crlf"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/secure"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/solver"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// session is one conversation: the input goes to the connection, the
// connection to the output, and run knows when it is over.
type session struct {
	n         *netcat
	conn      net.Conn
	sent, got *relay.Meter
	stop      *relay.Stop
	over      chan struct{} // closed when the session is over

	lines           crlf.Maker
	outRate, inRate *rate
	steps           *stepper
	solver          *solver.Solver
	writing         sync.Mutex    // a line and the answer of a solver are not mixed
	full            chan struct{} // closed by enough
}

// lastInput is how long an input that is no terminal may be silent after the
// peer has finished without ever having said a word. Such a peer may be one
// that only listens ("nc -l </dev/null >file"), and the input may be slow to
// begin; a peer that has answered and finished is left at once.
const lastInput = 250 * time.Millisecond

// converse runs the session of one connection and closes it.
func (n *netcat) converse(ctx context.Context, conn net.Conn) error {
	if err := n.taps.begin(); err != nil {
		conn.Close()
		return err
	}
	stop, err := relay.NewStop()
	if err != nil {
		conn.Close()
		return err
	}
	s := &session{n: n, conn: conn, sent: meter(n.c), got: meter(n.c), stop: stop, over: make(chan struct{}), full: make(chan struct{})}
	if n.c.LimitRate > 0 {
		s.outRate, s.inRate = &rate{perSecond: n.c.LimitRate}, &rate{perSecond: n.c.LimitRate}
	}
	if len(n.c.Steps) > 0 {
		s.steps = newStepper()
	}
	off := n.edit(stop)
	if n.c.PoW {
		s.solver = s.startSolver()
	}
	start := time.Now()
	stopProgress := s.showProgress(start)
	err = s.run(ctx, func() { s.summary(start) })
	if s.solver != nil {
		<-s.solver.Done()
		if err == nil {
			err = s.solver.Err()
		}
	}
	stopProgress()
	off()
	n.r.Event("closed", "sent", s.sent.Bytes(), "received", s.got.Bytes(), "seconds", time.Since(start).Seconds())
	return err
}

// startSolver is --pow.
func (s *session) startSolver() *solver.Solver {
	c := s.n.c
	return solver.Start(solver.Config{
		Asks: !c.NoStdin && s.n.in.Terminal() && s.n.r.TTY, Wait: c.PoWWait, CRLF: c.CRLF,
		Report: s.n.r, Write: s.write, Status: s.n.showStatus, Over: s.over,
		Touch: s.sent.Touch, // -w and --idle-timeout are about the server, and it waits for us
	})
}

// run starts both directions and ends by the rules of the table "End of input".
func (s *session) run(ctx context.Context, before func()) error {
	c := s.n.c
	up, down := make(chan error, 1), make(chan error, 1)
	sending := !c.NoStdin && !c.RecvOnly || s.steps != nil
	inputFree := make(chan struct{})
	if sending {
		go func() { defer close(inputFree); up <- s.send() }()
	} else {
		close(inputFree)
	}
	go func() {
		err := s.receive()
		if s.steps != nil {
			s.steps.end()
		}
		if s.solver != nil {
			s.solver.Gone()
		}
		down <- err
	}()
	err := s.wait(ctx, sending, up, down)
	close(s.over)
	s.stop.Stop()
	before() // the closed connection knows no round trip any more
	closeSoon(s.conn)
	if c.KeepOpen {
		// The next session reads the input; this one's reader stops now.
		select {
		case <-inputFree:
			s.stop.Release()
		case <-time.After(time.Second): // it hangs in the connection; its Stop stays with it
			go func() { <-inputFree; s.stop.Release() }()
		}
	}
	return err
}

// closeSoon closes a connection, and does not wait for an operation on it that
// hangs in a full output: the process ends, which ends that too.
func closeSoon(conn net.Conn) {
	closed := make(chan struct{})
	go func() { relay.Cut(conn); close(closed) }()
	select {
	case <-closed:
	case <-time.After(250 * time.Millisecond):
	}
}

func (s *session) wait(ctx context.Context, sending bool, up, down chan error) (err error) {
	c := s.n.c
	idle := s.idle(ctx)
	var quit <-chan time.Time
	var sendErr error
	receiving := true
	full := false // the output, when last looked at
	var cut error // what was received ended as what was cut does; the input may still be wanted, as on plain TCP
	defer func() {
		if err == nil {
			err = cut
		}
	}()
	// Where nc does not wait for the peer's end, the peer's taking all is what it waits for.
	finish := func() error {
		if sendErr != nil || !c.SendOnly && c.QuitAfter < 0 {
			return sendErr
		}
		return s.flush(ctx, down)
	}
	for {
		select {
		case err := <-down:
			receiving = false
			if c.TLS.On && errors.Is(err, io.ErrUnexpectedEOF) {
				if !c.SendOnly {
					cut = secure.ReceiveError(err)
				}
				err = nil
			}
			if err != nil && c.TLS.On && !errors.Is(err, relay.ErrOutput) && !report.Reset(err) {
				err = secure.ReceiveError(err)
			}
			switch {
			case errors.Is(err, relay.ErrOutput):
				return err
			case err != nil && report.Reset(err):
				return errReset
			case errors.As(err, new(*report.Explained)):
				return err
			case err != nil:
				return fmt.Errorf("receive: %w", report.Bare(err))
			case !sending:
				return finish()
			case !c.HalfOpen:
				s.lastWords()
			}
		case err := <-up:
			sending = false
			switch {
			case errors.Is(err, relay.ErrInput), errors.As(err, new(*report.Explained)):
				return err
			case errors.Is(err, relay.ErrStopped):
				return nil
			case err != nil && report.Reset(err):
				// The peer reads no more; what it still says is received.
				sendErr = report.WithHint(errors.New("the peer closed before it had taken all of the input"), "what it sent is written; the rest of the input was not sent")
			case err != nil:
				return fmt.Errorf("send: %w", report.Bare(err))
			default:
				s.endInput()
			}
			if !receiving || c.SendOnly {
				return finish()
			}
			if c.QuitAfter >= 0 {
				quit = time.After(c.QuitAfter)
			}
		case <-quit:
			return finish()
		case err := <-idle:
			// Whoever reads the output pauses, not the peer. Or did so until a moment ago: then the peer's time begins now.
			paused := full
			if full = relay.Full(s.n.stdout); full || paused {
				idle = s.idle(ctx)
				continue
			}
			if err == nil && sending && s.stuck() {
				err = report.WithHint(fmt.Errorf("the peer has taken nothing for %v: the rest of the input was not sent", c.Timeout), "-w sets how long to wait")
			}
			if text, waits := s.awaited(); err == nil && waits {
				err = report.WithHint(fmt.Errorf("%q did not come in time", text), "what came stands above; -w sets how long to wait")
			}
			return err
		case <-s.full:
			return sendErr
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// flushLimit is how long a peer may take nothing of what is under way to it at the end.
const flushLimit = 2 * time.Second

// errReset is the end of a session whose peer did not finish.
var errReset = report.WithHint(errors.New("the peer cut the connection (reset)"), "it closed without reading everything sent to it, or crashed; what had arrived is written")

// flush waits until the peer has what was sent. A socket that is closed while
// the peer still speaks becomes a reset, and that destroys what is under way.
// Its error is that the peer did not take it.
func (s *session) flush(ctx context.Context, down <-chan error) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	moved := time.Now()
	for left := unsent(s.conn); left > 0; {
		select {
		case <-tick.C:
		case err := <-down:
			if report.Reset(err) {
				return errReset
			}
			down = nil // it has finished speaking, and may still take the rest
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch now := unsent(s.conn); {
		case now != left:
			left, moved = now, time.Now()
		case !alive(s.conn):
			return errReset
		case time.Since(moved) >= flushLimit:
			return report.WithHint(fmt.Errorf("the peer has not taken all of the input: %d bytes of it are left", left),
				fmt.Sprintf("it took nothing for %v; without -q and --send-only nc waits for it", flushLimit))
		}
	}
	select {
	case err := <-down:
		if report.Reset(err) {
			return errReset
		}
	default:
	}
	return nil
}

// endInput tells the peer that nothing more will be sent. Many servers take that for a farewell, and cut off what they are
// saying: OpenBSD's and the traditional netcat, and proxies that know no half-close. So where the input has been empty, or a
// proxy is in between, it waits until the peer has been quiet. A listener without any input is one that only receives; its
// peer may be one that ends when it is told the end, and has more to say.
func (s *session) endInput() {
	s.n.r.Event("input-ended", "sent", s.sent.Bytes())
	c := s.n.c
	silent := s.sent.Bytes() == 0
	switch {
	case c.NoShutdown, silent && c.Listen:
	case silent || c.Proxy.Addr != "":
		go s.endWhenQuiet()
	default:
		relay.CloseWrite(s.conn)
	}
}

// quiet is how long a peer says nothing that is told the end of an empty input, or through a proxy.
const quiet = time.Second

func (s *session) endWhenQuiet() {
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	before, since := s.got.Bytes(), time.Now()
	for time.Since(since) < quiet {
		select {
		case <-tick.C:
		case <-s.over:
			return
		}
		if now := s.got.Bytes(); now != before || relay.Full(s.n.stdout) { // or it is the reader of the output that pauses
			before, since = now, time.Now()
		}
	}
	relay.CloseWrite(s.conn)
}

// lastWords lets the sending side finish after the peer has finished: what
// the input has now is sent. If the peer takes bytes that were sent after its
// end, it has only closed its own half, and the rest of the input follows.
func (s *session) lastWords() {
	var grace time.Duration
	if s.got.Bytes() == 0 && !s.n.in.Terminal() {
		grace = lastInput
	}
	// What the sender has read already may have been sent before the end.
	known := s.stop.Turn() | 1
	s.stop.WhenIdle(grace, func() bool { return s.stop.Turn() > known && alive(s.conn) })
}

// enough ends the session after -W's packets.
func (s *session) enough() { close(s.full) }

// stuck says that the connection takes nothing more.
func (s *session) stuck() bool {
	conn := s.conn
	if tcp := tube.TCP(conn); tcp != nil {
		conn = tcp // below TLS
	}
	c, ok := conn.(syscall.Conn)
	return ok && relay.Full(c)
}

// idle tells when nothing has moved for too long.
func (s *session) idle(ctx context.Context) <-chan error {
	c := s.n.c
	limit, result := c.Timeout, error(nil)
	if c.IdleTimeout > 0 && (limit == 0 || c.IdleTimeout < limit) {
		limit = c.IdleTimeout
		result = report.WithHint(fmt.Errorf("nothing moved for %v", limit), "--idle-timeout sets how long to wait")
	}
	if limit == 0 {
		return nil
	}
	over := make(chan error, 1)
	still := relay.Still(ctx, limit, s.sent, s.got)
	go func() {
		select {
		case <-still:
			over <- result
		case <-s.over:
		}
	}()
	return over
}

// meter returns a Meter that remembers times when this command line needs them.
func meter(c *cmdline.Config) *relay.Meter {
	m := new(relay.Meter)
	if c.Timeout > 0 || c.IdleTimeout > 0 {
		m.Timed()
	}
	return m
}
