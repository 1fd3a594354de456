// Package spool writes a log or a stream of events for whoever reads it, or does not: who writes to a [Spool] never waits.
package spool

import (
	"io"
	"sync"
	"time"
)

// limit is how many bytes a spool holds for a reader who does not read: some hundred thousand events or lines of the log.
const limit = 32 << 20

// gather is how long what is written is collected after something was: to wake a goroutine and to call the system for each event
// costs more than the event. The first after a pause is not held back.
const gather = 5 * time.Millisecond

// Spool writes from a goroutine of its own, in order, so that nobody waits for who reads it: a log or an event stream
// whose reader has stopped must not stop the sessions. What is too much is lost, whole writes at a time, and counted. So is
// what cannot be written, as on a full disk; what comes later is tried again.
type Spool struct {
	Limit int // how many bytes are held; to be set before the first Write

	w       io.Writer
	failed  func(error)
	resumed func(lost int)

	mu      sync.Mutex
	wake    *sync.Cond
	pending []byte
	writes  int // in pending
	lost    int // writes
	told    int // of the lost
	err     error
	closed  bool
	done    chan struct{}
}

// New returns a spool before w; it must be closed. Of failed it is told the first error of w, and of resumed, between two writes to w when one has come
// through, how many writes were lost since it was last told. Either may be nil.
func New(w io.Writer, failed func(error), resumed func(lost int)) *Spool {
	if failed == nil {
		failed = func(error) {}
	}
	if resumed == nil {
		resumed = func(int) {}
	}
	s := &Spool{Limit: limit, w: w, failed: failed, resumed: resumed, done: make(chan struct{})}
	s.wake = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Write keeps p to be written. It never fails and never waits.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending)+len(p) > s.Limit || s.closed {
		s.lost++
		return len(p), nil
	}
	s.pending = append(s.pending, p...)
	s.writes++
	s.wake.Signal()
	return len(p), nil
}

func (s *Spool) run() {
	defer close(s.done)
	var writing []byte
	var last time.Time
	for {
		s.mu.Lock()
		for len(s.pending) == 0 && !s.closed {
			s.wake.Wait()
		}
		if early := gather - time.Since(last); early > 0 && !s.closed {
			s.mu.Unlock()
			time.Sleep(early)
			s.mu.Lock()
		}
		last = time.Now()
		writing, s.pending = s.pending, writing[:0]
		writes := s.writes
		s.writes = 0
		s.mu.Unlock()
		if len(writing) == 0 {
			return
		}
		if _, err := s.w.Write(writing); err != nil {
			s.fail(err, writes)
		} else {
			s.tell()
		}
	}
}

// tell tells how many writes were lost since it last did.
func (s *Spool) tell() {
	s.mu.Lock()
	lost := s.lost - s.told
	s.told = s.lost
	s.mu.Unlock()
	if lost > 0 {
		s.resumed(lost)
	}
}

// fail counts what could not be written.
func (s *Spool) fail(err error, writes int) {
	s.mu.Lock()
	first := s.err == nil
	s.err = err
	s.lost += writes
	s.mu.Unlock()
	if first {
		s.failed(err)
	}
}

// Close waits until everything is written, but no longer than d, and says how many writes were lost, and the last error.
func (s *Spool) Close(d time.Duration) (lost int, err error) {
	s.mu.Lock()
	s.closed = true
	s.wake.Signal()
	s.mu.Unlock()
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-s.done:
	case <-late.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost, s.err
}
