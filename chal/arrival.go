package chal

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// ErrLate is the cause when an arrival has lasted HandshakeTimeout.
var ErrLate = errors.New("handshake took too long")

// ErrNoSession is what a handshake returns for a connection that is nobody's, as a load balancer's look whether the port is
// alive: it ends without a word, and is neither a session nor a refusal in the ledger, the log and [Server.Stats].
var ErrNoSession = errors.New("connection is for no session")

// Arrival is a connection that has a slot but no session yet. What Server.Handshake makes of it is what the
// session begins with: it may set Remote, Team, Challenge and Flag, put another connection over the one it has, and name what
// must be done when all is over. Started and Ends are not set yet.
type Arrival struct {
	*Session
	own *session
}

// Below returns the arrival's tube for a connection that is put over it: one whose calls do not end with the session's
// context, since the server's last words still pass it.
func (a *Arrival) Below() *tube.Tube { return a.With(context.Background()) }

// Upgrade puts conn, which reads from and writes to [Arrival.Below] as a TLS server does, in the tube's place. All that
// follows goes through conn: the session's tube, the server's last words, and the end of the stream
// (conn.CloseWrite, if it has that). Closing conn must close the tube below it.
func (a *Arrival) Upgrade(conn net.Conn) {
	c, s := a.own, a.own.srv
	t := tube.New(conn, append(s.options, tube.WithContext(&c.ctx))...)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.conn, c.tube, c.Tube = conn, t, t
}

// Defer makes f run when the connection is closed and everything is over, in the reverse order of the calls.
func (a *Arrival) Defer(f func()) { a.own.deferred = append(a.own.deferred, f) }

// ways returns what a session's bytes go through now.
func (c *session) ways() (*tube.Tube, net.Conn) {
	if c.srv.Handshake == nil {
		return c.tube, c.conn // nobody changes them
	}
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	return c.tube, c.conn
}

// arrive makes a session of the connection, unless it is parked.
func (c *session) arrive() (ok, parked bool) {
	if c.srv.Handshake == nil {
		return true, false
	}
	for c.step != nil {
		c.err = c.guard(func() error { return c.step(&c.ctx, &Arrival{&c.Session, c}) })
		c.step = nil
		if p, is := c.err.(*pause); is {
			c.err, c.step = nil, p.next
			if c.srv.park(c, p.until) {
				return false, true
			}
		}
	}
	return c.err == nil && c.srv.seat(c), false
}

// seat starts the session's time. It is false when the server has told the arrival to end meanwhile.
func (s *Server) seat(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.queue != &s.arriving {
		return false
	}
	c.start(time.Now())
	c.queue.remove(c)
	s.running.push(c)
	s.arm()
	return true
}

// start sets the times of a session that begins now.
func (c *session) start(now time.Time) {
	c.Started, c.Ends = now, time.Time{}
	if d := span(c.srv.SessionTimeout, defaultSessionTimeout); d > 0 {
		c.Ends = now.Add(d)
	}
	c.due = c.Ends
}

// runDeferred undoes what the handshake did.
func (c *session) runDeferred() {
	for _, f := range slices.Backward(c.deferred) {
		f()
	}
}

// Await ends a step of the handshake that waits for the player, who may take minutes: `return a.Await(until, next)`. The
// handshake goes on with next when the player has sent something, the stream or the context has ended, or until has
// come; next finds out which, by waiting itself, on a view with the same deadline. Meanwhile a TCP connection has on Linux
// no goroutine, whose stack would be the largest part of what the server holds for it. Elsewhere, and where bytes are
// unread or a connection was put over another, next is called at once.
func (a *Arrival) Await(until time.Time, next func(context.Context, *Arrival) error) error {
	return &pause{until, next}
}

// pause is the error by which a step says that it awaits something.
type pause struct {
	until time.Time
	next  func(context.Context, *Arrival) error
}

func (*pause) Error() string { return "handshake is not over" }

// Handshakes does one after the other, until one fails.
func Handshakes(steps ...func(context.Context, *Arrival) error) func(context.Context, *Arrival) error {
	return func(ctx context.Context, a *Arrival) error {
		for i, step := range steps {
			err := step(ctx, a)
			if p, ok := err.(*pause); ok && i < len(steps)-1 {
				rest := append([]func(context.Context, *Arrival) error{p.next}, steps[i+1:]...)
				return &pause{p.until, Handshakes(rest...)}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}
