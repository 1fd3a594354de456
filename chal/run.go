package chal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// noticeTime is for the line that tells a player why it is over.
const noticeTime = 250 * time.Millisecond

// session is all that the server keeps of one session, in one piece of memory.
type session struct {
	Session
	srv     *Server
	tube    *tube.Tube // Session.Tube, whatever the handler makes of that; guarded by srv.mu until the session starts
	conn    net.Conn   // the same
	ctx     sessionContext
	release func()
	logger  slog.Logger
	logs    sessionLog

	step     func(context.Context, *Arrival) error // of the handshake, the next; nil: none is left
	err      error                                 // what the handshake or the handler returned, or its panic
	over     atomic.Bool                           // the handler has returned
	close    sync.Once                             // farewell
	deferred []func()                              // of the handshake

	// Guarded by srv.mu.
	abandoned  bool // Shutdown does not wait for it any more
	counted    bool // among those that Shutdown has cut
	parked     *parking
	due        time.Time
	queue      *queue
	next, prev *session
}

// panicError is a handler's panic, or its call of runtime.Goexit.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	if e.value == nil {
		return "runtime.Goexit was called" // recover never returns nil for a panic
	}
	return fmt.Sprint(e.value)
}

func (s *Server) newSession(conn net.Conn, remote netip.AddrPort, release func()) *session {
	c := &session{srv: s, conn: conn, release: release, step: s.Handshake}
	c.ctx.Context, c.ctx.end = context.WithCancelCause(context.Background())
	c.tube = tube.New(conn, append(s.options, tube.WithContext(&c.ctx))...)
	c.logs = sessionLog{base: s.Log.Handler(), s: &c.Session}
	c.logger = *slog.New(&c.logs)
	c.Session = Session{
		Tube: c.tube, Challenge: s.Name, ID: sessionID(s.idBase, s.lastID.Add(1)), Remote: remote, Flag: s.Flag,
		Log: &c.logger, own: c,
	}
	if now := time.Now(); s.Handshake == nil {
		c.start(now)
	} else {
		c.due = now.Add(s.handshakeTime())
	}
	if s.SessionTimeout < 0 && s.IdleTimeout < 0 {
		// Nothing else would ever notice that the client's machine is gone.
		if tcp, ok := conn.(tube.TCPConn); ok {
			tcp.SetKeepAlive(true)
		}
	}
	return c
}

// run is the session's goroutine, or one of two where the handshake awaits something.
func (c *session) run() {
	growStack()
	var started, parked bool
	defer func() { // also when the handler calls runtime.Goexit
		if !parked { // or else the session is another goroutine's by now
			c.finish(started)
		}
	}()
	if started, parked = c.arrive(); !started {
		return
	}
	c.note(EntryStart, "")
	c.err = c.guard(func() error { return c.srv.Handler.ServeChal(&c.ctx, &c.Session) })
}

// growStack makes room on the stack for what every session calls. It would grow anyway, with a dozen functions on it by
// then, and finding the pointers of each costs ten times what it costs here, where there is one.
//
//go:noinline
func growStack() byte {
	var room [1200]byte // more than is left of the two kilobytes that a goroutine begins with
	return room[len(os.Args)%len(room)]
}

// note writes what becomes of c to the ledger. The entry is made here and nowhere above, because it is large: the stack of
// a session's goroutine would have to grow for it, in each session.
func (c *session) note(what string, reason Reason) {
	if c.srv.Ledger == nil {
		return
	}
	e := Entry{What: what, Challenge: c.Challenge, Remote: c.Remote, Team: c.Team.ID, Reason: reason}
	if what != EntryRefused {
		e.Session = c.ID
	}
	if what == EntryEnd {
		e.Duration = time.Since(c.Started)
	}
	c.srv.record(e)
}

// guard calls f and returns its error, or its panic as one.
func (c *session) guard(f func() error) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = &panicError{recover(), debug.Stack()}
			c.err = err // also where runtime.Goexit goes on
		}
	}()
	err = f()
	returned = true
	return err
}

// finish ends the session after the handler, or the arrival that has become none.
func (c *session) finish(started bool) {
	c.over.Store(true)
	reason, text := c.verdict()
	cause := context.Cause(&c.ctx)
	if started && text == "" && c.srv.leaves(c, reason) {
		return
	}
	c.farewell(text)
	c.settle(started, reason, cause)
}

// settle is what is left to do when the connection is closed.
func (c *session) settle(started bool, reason Reason, cause error) {
	s := c.srv
	c.ctx.cancel(errOver)
	c.runDeferred()
	c.release()
	switch {
	case started:
		c.note(EntryEnd, reason)
	case errors.Is(c.err, ErrNoSession):
		s.turned.Add(1)
	default:
		s.refused.Add(1)
		s.turned.Add(1)
		s.logRefusal(c.Remote, cmp.Or(c.err, cause))
		c.note(EntryRefused, reason)
	}
	s.left(c)
}

// verdict says why the session is over, and returns the line for the player, or "".
func (c *session) verdict() (reason Reason, text string) {
	if c.err == nil && c.ctx.Err() == nil {
		return ReasonDone, ""
	}
	judged := func() error {
		reason, text = c.judge()
		return nil
	}
	if c.guard(judged) != nil {
		judged() // an error's own method panicked, as a nil pointer's does; that is the error now
	}
	return reason, text
}

// judge does that. It logs what is wrong. The line starts with a line end, because the handler may have stopped in the middle
// of one.
//
// What a player does is known by whose error it is, not by its kind: a cut file ends with io.ErrUnexpectedEOF too.
func (c *session) judge() (Reason, string) {
	var panicked *panicError
	var refusal *Refusal
	isPanic := errors.As(c.err, &panicked)
	if isPanic {
		c.logger.Error("handler panicked", "panic", panicked.Error(), "stack", string(panicked.stack))
	}
	cause := context.Cause(&c.ctx)
	if errors.Is(c.err, ErrTimeUp) {
		cause = ErrTimeUp // of the Timeout middleware
	}
	if reason, text := causeText(cause); reason != "" {
		return reason, text
	}
	switch {
	case c.Started.IsZero() && errors.Is(c.err, ErrNoSession):
		return ReasonDone, ""
	case isPanic:
		return ReasonPanicked, "\nSomething went wrong on our side. Please tell the organisers: session " + c.ID + "."
	case c.err == nil:
		return ReasonDone, ""
	case errors.As(c.err, &refusal):
		return refusal.reason(), refusal.Text
	}
	var system syscall.Errno
	switch own := c.own(); {
	case errors.Is(own, io.EOF), errors.Is(own, io.ErrUnexpectedEOF), errors.Is(own, tube.ErrReset), errors.Is(own, net.ErrClosed):
		return ReasonLeft, ""
	case errors.Is(own, os.ErrDeadlineExceeded):
		return ReasonIdle, "\nNothing came in time. Goodbye."
	case errors.Is(own, tube.ErrTooLong):
		return ReasonFailed, "\nThat was too long. Goodbye."
	case errors.As(own, &system): // as ETIMEDOUT, of a player whose machine is gone
		return ReasonLeft, ""
	}
	c.logger.Error("handler", "error", c.err.Error())
	return ReasonFailed, "\nSomething went wrong on our side. Please tell the organisers: session " + c.ID + "."
}

// own returns what of c.err is the player's connection's, or nil. A middleware may have put another tube in the session's place.
func (c *session) own() error {
	ours, _ := c.ways()
	if err := ours.Own(c.err); err != nil || c.Tube == nil {
		return err
	}
	return c.Tube.Own(c.err)
}

// causeText says what a session that was ended for cause is recorded as and told; "" when it was not.
func causeText(cause error) (Reason, string) {
	switch cause {
	case ErrTimeUp:
		return ReasonTimeUp, "\nTime is up. Goodbye."
	case ErrLate:
		return ReasonLate, "\nThat took too long. Goodbye."
	case ErrShutdown:
		return ReasonShutDown, "\nThe server is shutting down. Goodbye."
	}
	return "", ""
}

// farewell tells the player why, delivers what was written and closes the connection, once. Who comes
// second waits until that is done.
func (c *session) farewell(text string) {
	c.close.Do(func() {
		tube, conn := c.ways()
		if text != "" {
			tube.With(context.Background()).Within(noticeTime).Send(text + "\n")
		}
		c.srv.linger(conn, true)
		hangUp(tube, conn)
	})
}

// hangUp closes the connection, as one that has nothing to wait for.
func hangUp(tube *tube.Tube, conn net.Conn) {
	conn.Close() // first: the tube would linger, too
	tube.Close()
}

// cut is farewell to a player whose handler does not return.
func (c *session) cut() {
	_, text := causeText(context.Cause(&c.ctx))
	c.farewell(text)
	c.srv.abandon(c)
}
