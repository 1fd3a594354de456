package tube

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// side is the deadline state of one direction.
type side struct {
	user  time.Time       // set with SetReadDeadline or SetWriteDeadline
	armed time.Time       // what the connection was last told
	limit time.Time       // the deadline of the call that armed it last
	ctx   context.Context // and that call's context

	// exact says that the connection does not bear a deadline that passes
	// without being meant: it is armed to the point, and only while busy.
	exact bool
	busy  bool
}

var longAgo = time.Unix(1, 0)

// SetDeadline sets both deadlines; see net.Conn. They apply to all views, in
// addition to timeouts: the earliest counts.
func (t *Tube) SetDeadline(d time.Time) error {
	if err := t.SetReadDeadline(d); err != nil {
		return err
	}
	return t.SetWriteDeadline(d)
}

// SetReadDeadline sets the deadline of receiving calls; see net.Conn.
func (t *Tube) SetReadDeadline(d time.Time) error { return t.setUser(&t.rd, d) }

// SetWriteDeadline sets the deadline of sending calls; see net.Conn.
func (t *Tube) SetWriteDeadline(d time.Time) error { return t.setUser(&t.wd, d) }

func (s *stream) setUser(side *side, d time.Time) error {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed.Load() {
		return net.ErrClosed
	}
	side.user = d
	s.notify()
	switch {
	case s.shake.pending():
		return nil // a handshake does not survive a deadline; who waits for it was notified
	case side.exact && !side.busy:
		return nil
	case side.exact, !d.IsZero() && (side.armed.IsZero() || d.Before(side.armed)):
		return s.setConn(side, earliest(d, side.limit))
	}
	// A later deadline needs nothing now: a call that wakes too early sees
	// that it is not yet time and goes on.
	return nil
}

// setConn tells the connection a deadline; dmu is held.
func (s *stream) setConn(side *side, d time.Time) error {
	side.armed = d
	set := s.conn.SetWriteDeadline
	if side == &s.rd {
		set = s.conn.SetReadDeadline
	}
	err := classify(set(d))
	if err == net.ErrClosed || errors.Is(err, ErrReset) {
		// A net.Pipe says so when the other end is closed, though there is an
		// orderly end to be read. Reading or writing will tell what it is.
		return nil
	}
	return err
}

// arm makes the connection wake the coming read or write when the call's
// time is up, or says why the call may not wait any more.
//
// A deadline that is set already and not too late is left alone: the call may
// wake early, sees that it is not time yet, and arms again. So a server that
// gives every wait its 60 seconds does not touch a timer for each line.
func (s *stream) arm(side *side, c *call) error {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed.Load() || s.finSent && side == &s.wd {
		return net.ErrClosed
	}
	if err := c.cause(); err != nil {
		return err
	}
	side.ctx, side.limit, side.busy = c.context(), c.until(), true
	want := earliest(side.user, side.limit)
	if want.IsZero() && side.armed.IsZero() {
		return nil
	}
	now := time.Now()
	if !want.IsZero() && !now.Before(want) {
		return os.ErrDeadlineExceeded
	}
	early := !side.armed.IsZero() && side.armed.After(now) && (want.IsZero() || !side.armed.After(want))
	if early && !side.exact {
		return nil
	}
	return s.setConn(side, want)
}

// disarm takes back what arm did, where a deadline left behind would do harm.
func (s *stream) disarm(side *side) {
	if !side.exact { // set by whoever holds the side's gate, as the caller does
		return
	}
	s.dmu.Lock()
	defer s.dmu.Unlock()
	side.busy = false
	if !side.armed.IsZero() && !s.closed.Load() {
		s.setConn(side, time.Time{})
	}
}

// woke notes that the connection's deadline has passed: arm must set it anew,
// also where somebody else had set it past the Tube.
func (s *stream) woke(side *side) {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	side.armed = longAgo
}

// armExactly switches off early wake-ups until the returned function is
// called. The side's gate is held.
func (s *stream) armExactly(side *side) (restore func()) {
	set := func(exact bool) (before bool) {
		s.dmu.Lock()
		defer s.dmu.Unlock()
		before, side.exact = side.exact, exact
		return before
	}
	before := set(true)
	return func() { set(before) }
}

// wakeEnded wakes the calls whose context has ended, and nobody else.
func (s *stream) wakeEnded() {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed.Load() {
		return
	}
	for _, side := range []*side{&s.rd, &s.wd} {
		if side.ctx != nil && side.ctx.Err() != nil && (side.busy || !side.exact) {
			s.setConn(side, longAgo)
		}
	}
	s.notify()
}

// begone marks the stream as closed and wakes everybody; false when it was
// closed before.
func (s *stream) begone() bool {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed.Load() {
		return false
	}
	s.closed.Store(true) // before anybody wakes and asks why
	s.wakeInside(&s.in, &s.rd)
	s.wakeInside(&s.out, &s.wd)
	s.notify()
	if s.unbind != nil {
		s.unbind()
	}
	return true
}

// wakeInside wakes the call that is inside a gate of a closed stream; dmu is held. Most often there is none, and whoever
// comes later sees that the stream is closed.
func (s *stream) wakeInside(g *gate, side *side) {
	if g.mu.TryLock() {
		g.leave()
	} else if side.busy || !side.exact {
		s.setConn(side, longAgo)
	}
}

// notify wakes those who wait in call.wait; dmu is held.
func (s *stream) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wake returns a channel that is closed at the next change of a deadline.
func (s *stream) wake() <-chan struct{} {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func (s *stream) readUser() time.Time  { s.dmu.Lock(); defer s.dmu.Unlock(); return s.rd.user }
func (s *stream) writeUser() time.Time { s.dmu.Lock(); defer s.dmu.Unlock(); return s.wd.user }

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// call is one method call: the view it was made on, and its one deadline.
type call struct {
	view  *Tube
	known bool
	looks uint8 // how often it looked for more after its time was up
	limit time.Time
	stop  func() bool // ends the watch over the call's own context
}

// until returns the call's deadline, or zero. It is fixed when first asked
// for, so that a call that need not wait does not look at the clock.
func (c *call) until() time.Time {
	if !c.known {
		c.known = true
		if c.view.fixed {
			c.limit = c.view.deadline
		} else if d := c.view.cfg.timeout; d > 0 {
			c.limit = time.Now().Add(d)
		}
	}
	return c.limit
}

// fix returns a view whose calls, all together, have the deadline the next
// one call would have.
func (t *Tube) fix() *Tube {
	c := call{view: t}
	return &Tube{stream: t.stream, ctx: t.ctx, deadline: c.until(), fixed: true}
}

// untimed returns a view without the default timeout; t's own deadline stays.
func (t *Tube) untimed() *Tube {
	return &Tube{stream: t.stream, ctx: t.ctx, deadline: t.deadline, fixed: true}
}

func (c *call) context() context.Context {
	if c.view.ctx != nil {
		return c.view.ctx
	}
	return c.view.cfg.ctx
}

func (c *call) done() <-chan struct{} {
	if ctx := c.context(); ctx != nil {
		return ctx.Done()
	}
	return nil
}

// cause returns why the call's context ended, or nil.
func (c *call) cause() error {
	if ctx := c.context(); ctx != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// ended returns why the call may not wait any more, or nil; user is the
// deadline that was set on the stream itself.
func (c *call) ended(user time.Time) error {
	if c.view.closed.Load() {
		return net.ErrClosed
	}
	if err := c.cause(); err != nil {
		return err
	}
	if d := earliest(user, c.until()); !d.IsZero() && !time.Now().Before(d) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wait waits until ready delivers, or returns why the call may wait no longer.
func (c *call) wait(ready <-chan struct{}, user func() time.Time) error {
	for {
		wake := c.view.wake() // before looking, or a change in between were missed
		deadline := user()
		if err := c.ended(deadline); err != nil {
			return err
		}
		var expire <-chan time.Time
		if d := earliest(deadline, c.until()); !d.IsZero() {
			timer := time.NewTimer(time.Until(d))
			defer timer.Stop()
			expire = timer.C
		}
		select {
		case <-ready:
			return nil
		case <-expire:
		case <-c.done():
		case <-wake: // a deadline was set, or the stream closed
		}
	}
}

// watch makes the end of the call's own context wake the stream. The
// stream's context does so anyway.
func (c *call) watch() {
	if c.stop == nil && c.view.ctx != nil && c.view.ctx.Done() != nil {
		c.stop = context.AfterFunc(c.view.ctx, c.view.wakeEnded)
	}
}

func (c *call) end() {
	if c.stop != nil {
		c.stop()
	}
}

// ready waits until the stream can carry bytes.
func (s *stream) ready(c *call, user func() time.Time) error {
	h := s.shake
	if h == nil {
		return nil
	}
	if h.pending() {
		h.once.Do(func() {
			go func() {
				h.err = classify(s.conn.(*tls.Conn).Handshake())
				close(h.done)
			}()
		})
		if err := c.wait(h.done, user); err != nil {
			return err
		}
	}
	if s.closed.Load() {
		return net.ErrClosed // Close lingers with deadlines of its own, which have ended the handshake
	}
	return h.err
}
