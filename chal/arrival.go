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
	t := tube.New(conn, append(s.options, tube.WithContext(c.ctx))...)
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

// arrive makes a session of the connection.
func (c *session) arrive() (ok bool) {
	if c.srv.Handshake == nil {
		return true
	}
	c.err = c.guard(func() error { return c.srv.Handshake(c.ctx, &Arrival{&c.Session, c}) })
	return c.err == nil && c.srv.seat(c)
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

// Handshakes does one after the other, until one fails.
func Handshakes(steps ...func(context.Context, *Arrival) error) func(context.Context, *Arrival) error {
	return func(ctx context.Context, a *Arrival) error {
		for _, step := range steps {
			if err := step(ctx, a); err != nil {
				return err
			}
		}
		return nil
	}
}
