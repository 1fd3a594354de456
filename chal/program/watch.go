package program

import (
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// meter says how many bytes have passed, to the program and from it, and whether the player may still be there.
type meter func() (in, out uint64, alive bool)

// watcher ends sessions that are idle, that write too much, or whose player is gone. Programs hold their
// connections themselves, so it asks the system how much has passed. One goroutine serves all sessions,
// and there is one only while there are some.
type watcher struct {
	idle   time.Duration // zero or less: no limit
	output int64         // the same

	mu      sync.Mutex
	watched map[*watched]struct{}
	wake    chan struct{} // closed when the last session has ended
	running sync.WaitGroup
}

// watched is one session.
type watched struct {
	process killer
	meter   meter
	in, out uint64 // when last asked
	start   uint64 // out when it began
	active  time.Time
}

type killer interface{ Kill(sandbox.Reason) }

const (
	lookEvery = time.Second           // at most
	lookSoon  = 20 * time.Millisecond // when a session writes a lot
)

// add watches a session until the function it returns is called.
func (w *watcher) add(p killer, m meter) (remove func()) {
	s := &watched{process: p, meter: m, active: time.Now()}
	s.in, s.out, _ = m()
	s.start = s.out
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched == nil {
		w.watched = make(map[*watched]struct{})
	}
	w.watched[s] = struct{}{}
	if len(w.watched) == 1 {
		wake := make(chan struct{})
		w.wake = wake
		w.running.Go(func() { w.run(wake) })
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watched, s)
		if len(w.watched) == 0 {
			close(w.wake)
		}
	}
}

// wait waits until nobody is watched any more.
func (w *watcher) wait() { w.running.Wait() }

func (w *watcher) run(done chan struct{}) {
	every := lookEvery
	if w.idle > 0 {
		every = max(min(every, w.idle/4), lookSoon)
	}
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-timer.C:
			if w.look(now) {
				timer.Reset(lookSoon)
			} else {
				timer.Reset(every)
			}
		}
	}
}

// look looks at every session; soon says that one may reach its limit of output before long.
func (w *watcher) look(now time.Time) (soon bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.watched {
		in, out, alive := s.meter()
		if in != s.in || out != s.out {
			s.active = now
		}
		step := out - s.out
		s.in, s.out = in, out
		total := out - s.start
		switch {
		case !alive:
			s.process.Kill(sandbox.ReasonLeft)
		case w.output > 0 && total > uint64(w.output):
			s.process.Kill(sandbox.ReasonOutput)
		case w.idle > 0 && now.Sub(s.active) >= w.idle:
			s.process.Kill(sandbox.ReasonIdle)
		case w.output > 0 && step > uint64(w.output)/8:
			soon = true
		}
	}
	return soon
}
