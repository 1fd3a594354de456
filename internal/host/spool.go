package host

import (
	"io"
	"sync"
	"time"
)

// spoolBytes is how much a spool holds for a reader who does not read: some hundred thousand events or lines of the log.
const spoolBytes = 32 << 20

// gather is how long what is written is collected after something was: to wake a goroutine and to call the system for each event
// costs more than the event. The first after a pause is not held back.
const gather = 5 * time.Millisecond

// spool writes to w from a goroutine of its own, in order, so that nobody waits for who reads it: a log or an event stream
// whose reader has stopped must not stop the sessions. What is too much is lost, whole writes at a time, and counted. So is
// what cannot be written, as on a full disk; what comes later is tried again.
type spool struct {
	w       io.Writer
	limit   int
	failed  func(error)    // called once
	resumed func(lost int) // called between two writes to w, when one has come through: how many were lost since the last call

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

func newSpool(w io.Writer, failed func(error), resumed func(lost int)) *spool {
	s := &spool{w: w, limit: spoolBytes, failed: failed, resumed: resumed, done: make(chan struct{})}
	s.wake = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Write keeps p to be written. It never fails and never waits.
func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending)+len(p) > s.limit || s.closed {
		s.lost++
		return len(p), nil
	}
	s.pending = append(s.pending, p...)
	s.writes++
	s.wake.Signal()
	return len(p), nil
}

func (s *spool) run() {
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
func (s *spool) tell() {
	s.mu.Lock()
	lost := s.lost - s.told
	s.told = s.lost
	s.mu.Unlock()
	if lost > 0 {
		s.resumed(lost)
	}
}

// fail counts what could not be written.
func (s *spool) fail(err error, writes int) {
	s.mu.Lock()
	first := s.err == nil
	s.err = err
	s.lost += writes
	s.mu.Unlock()
	if first {
		s.failed(err)
	}
}

// close waits until everything is written, but no longer than d, and says how many writes were lost, and the last error.
func (s *spool) close(d time.Duration) (lost int, err error) {
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
