package chal

import (
	"context"
	"fmt"
	"net"
	"time"
)

// cutGrace is how long a handler has to return after its context has ended, before its connection is
// closed under it. Some thousand sessions that end together need a part of that to be woken.
const cutGrace = time.Second

// CutError is returned by Shutdown when sessions were still open as its context ended.
type CutError struct {
	Sessions int   // how many were cut
	Err      error // the cause of the context's end
}

// Error says how many sessions were cut, and why.
func (e *CutError) Error() string { return fmt.Sprintf("cut %d sessions: %v", e.Sessions, e.Err) }

// Unwrap returns why Shutdown did not wait longer.
func (e *CutError) Unwrap() error { return e.Err }

// Shutdown ends the server and lets its sessions finish: it closes the listeners and waits until the last
// session is over. When ctx ends first, it ends the sessions that are left, waits until their connections
// are closed, and returns a *[CutError] that says how many they were. Every handler has returned by then,
// except one that does not obey its context.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	select {
	case <-s.drained:
	case <-ctx.Done():
		s.cutAll()
		<-s.settled
	}
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cuts == 0 || ctx.Err() == nil {
		return nil
	}
	return &CutError{s.cuts, context.Cause(ctx)}
}

// Close ends the server at once: it closes the listeners, ends every session, and waits until every
// handler has returned: a handler that calls it waits for itself. It always returns nil.
func (s *Server) Close() error {
	s.stop()
	s.cutAll()
	<-s.drained
	s.wg.Wait()
	return nil
}

// Run serves l until ctx ends, then shuts down: sessions have until drain from then to finish. It
// writes the ledger's listening entry, and returns nil after an orderly end, a *[CutError] when sessions were
// cut, or the error of Serve.
func (s *Server) Run(ctx context.Context, l net.Listener, drain time.Duration) error {
	s.record(Entry{What: EntryListening, Addr: l.Addr().String()})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	var err error
	select {
	case err = <-served: // the listener failed, or somebody else ended the server
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), drain, fmt.Errorf("still open after %v", drain))
	defer cancel()
	shutdownErr := s.Shutdown(end)
	if err != nil && err != ErrServerClosed {
		return err
	}
	if err == nil {
		<-served
	}
	return shutdownErr
}

// stop closes the listeners and turns away who has no session yet; from then on nothing is admitted.
func (s *Server) stop() {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return
	}
	s.closing = true
	close(s.stopped)
	for l := range s.listeners {
		l.Close()
	}
	for c := s.arriving.head; c != nil; c = s.arriving.head {
		s.end(c, ErrShutdown, time.Now())
	}
	if s.lot != nil {
		s.lot.close()
	}
	s.arm()
	s.tellEnd()
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// add counts c as arriving or running, unless the server is shutting down.
func (s *Server) add(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.live++
	s.waited++
	if s.Handshake != nil {
		s.arriving.push(c)
	} else {
		s.running.push(c)
	}
	s.arm()
	return true
}

// left takes out c, whose handler has returned and whose connection is closed.
func (s *Server) left(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.queue.remove(c)
	s.live--
	if !c.abandoned {
		s.waited--
	}
	s.tellEnd()
}

// abandon lets Shutdown end without c, whose connection is closed while its handler still runs.
func (s *Server) abandon(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.over.Load() {
		return
	}
	c.abandoned = true
	s.waited--
	s.tellEnd()
	c.logger.Warn("handler does not return", "cause", context.Cause(&c.ctx), "running", time.Since(c.Started))
}

// tellEnd closes the channels that say how far the end of the server has come; mu is held.
func (s *Server) tellEnd() {
	if s.closing && s.waited == 0 {
		closeOnce(s.settled)
	}
	if s.closing && s.live == 0 {
		closeOnce(s.drained)
		if s.timer != nil {
			s.timer.Stop()
		}
	}
}

// closeOnce closes c unless it is closed; the caller sees to it that nobody else does at the same time.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// cutAll ends every session, and shortens the lingering of all that are over.
func (s *Server) cutAll() {
	s.hurry.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	soon := now.Add(hurryLinger)
	for conn := range s.refusals {
		conn.SetDeadline(soon)
	}
	// Counted before any is ended: whose handler then returns at once has been cut all the same.
	for _, q := range []*queue{&s.running, &s.ending, &s.beyond} {
		for c := q.head; c != nil; c = c.next {
			over := c.over.Load()
			if !over && !c.counted && !c.Started.IsZero() {
				c.counted = true
				s.cuts++
			}
			if over || q == &s.beyond { // its handler has returned, or its connection is being closed under it
				c.conn.SetDeadline(soon)
			}
		}
	}
	for c := s.running.head; c != nil; c = s.running.head {
		s.end(c, ErrShutdown, now)
	}
	s.arm()
}

// end ends c's context for cause; mu is held. The handler has until cutGrace from now.
func (s *Server) end(c *session, cause error, now time.Time) {
	if !c.over.Load() {
		c.ctx.cancel(cause)
	}
	c.due = now.Add(cutGrace)
	c.queue.remove(c)
	s.ending.push(c)
	s.unpark(c)
}

// arm sets the timer for the next session that is due; mu is held. One timer serves them all: every
// session gets the same time, so each queue is in order.
func (s *Server) arm() {
	next := s.running.next()
	for _, q := range []*queue{&s.arriving, &s.ending} {
		if t := q.next(); next.IsZero() || !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if next.IsZero() || !s.timerAt.IsZero() && !s.timerAt.After(next) {
		return // it fires early enough, and will look again
	}
	s.timerAt = next
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(next), s.expire)
	} else {
		s.timer.Reset(time.Until(next))
	}
}

// expire is the timer: it ends the sessions whose time is up, and cuts those that did not heed that.
func (s *Server) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timerAt = time.Time{}
	now := time.Now()
	for c := s.arriving.due(now); c != nil; c = s.arriving.due(now) {
		s.end(c, ErrLate, now)
	}
	for c := s.running.due(now); c != nil; c = s.running.due(now) {
		s.end(c, ErrTimeUp, now)
	}
	for c := s.ending.due(now); c != nil; c = s.ending.due(now) {
		s.ending.remove(c)
		s.beyond.push(c)
		if !c.over.Load() {
			s.wg.Go(c.cut)
		}
	}
	s.arm()
}

// queue is a list of sessions in the order in which they are due. Its sessions have all a time to be due,
// or none has.
type queue struct {
	head, tail *session
	n          int
}

func (q *queue) push(c *session) {
	c.queue, c.prev, c.next = q, q.tail, nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	q.n++
}

func (q *queue) remove(c *session) {
	if c.prev == nil {
		q.head = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.tail = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.queue, c.prev, c.next = nil, nil, nil
	q.n--
}

// next returns when the first session is due, or zero.
func (q *queue) next() time.Time {
	if q.head == nil {
		return time.Time{}
	}
	return q.head.due
}

// due returns the first session if it is due, or nil.
func (q *queue) due(now time.Time) *session {
	if q.head == nil || q.head.due.IsZero() || q.head.due.After(now) {
		return nil
	}
	return q.head
}
