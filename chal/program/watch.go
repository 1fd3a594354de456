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
	timer   *time.Timer   // for the next look
	at      time.Time     // when that is
	running sync.WaitGroup
}

// watched is one session.
type watched struct {
	process killer
	meter   meter
	in, out uint64 // when last asked
	start   uint64 // out when it began
	active  time.Time
	next    time.Time     // when it is to be looked at
	pause   time.Duration // from then until it is again
}

type killer interface{ Kill(sandbox.Reason) }

// How often a session is looked at: soon after it has begun, and when it writes a lot; then less and less often.
const (
	lookEvery = time.Second
	lookSoon  = 20 * time.Millisecond
)

// add watches a session until the function it returns is called.
func (w *watcher) add(p killer, m meter) (remove func()) {
	now := time.Now()
	s := &watched{process: p, meter: m, active: now, next: now.Add(lookSoon), pause: lookSoon}
	s.in, s.out, _ = m()
	s.start = s.out
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched == nil {
		w.watched = make(map[*watched]struct{})
	}
	w.watched[s] = struct{}{}
	if len(w.watched) == 1 {
		wake, timer := make(chan struct{}), time.NewTimer(lookSoon)
		w.wake, w.timer, w.at = wake, timer, s.next
		w.running.Go(func() { w.run(wake, timer) })
	} else if s.next.Before(w.at) {
		w.timer.Reset(lookSoon)
		w.at = s.next
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

func (w *watcher) run(done chan struct{}, timer *time.Timer) {
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-timer.C:
			w.look(now, done)
		}
	}
}

// every is how often a session is looked at that has been there for a while.
func (w *watcher) every() time.Duration {
	if w.idle > 0 {
		return max(min(lookEvery, w.idle/4), lookSoon)
	}
	return lookEvery
}

// look looks at every session whose time has come, and sets the timer for the next, unless its sessions have all ended meanwhile.
func (w *watcher) look(now time.Time, done chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake != done {
		return
	}
	next := now.Add(w.every())
	for s := range w.watched {
		if !s.next.After(now) {
			w.lookAt(s, now)
		}
		if s.next.Before(next) {
			next = s.next
		}
	}
	wait := max(next.Sub(now), lookSoon)
	w.timer.Reset(wait)
	w.at = now.Add(wait)
}

// lookAt looks at one session.
func (w *watcher) lookAt(s *watched, now time.Time) {
	in, out, alive := s.meter()
	if in != s.in || out != s.out {
		s.active = now
	}
	step, total := out-s.out, out-s.start
	s.in, s.out = in, out
	switch {
	case !alive:
		s.process.Kill(sandbox.ReasonLeft)
	case w.output > 0 && total > uint64(w.output):
		s.process.Kill(sandbox.ReasonOutput)
	case w.idle > 0 && now.Sub(s.active) >= w.idle:
		s.process.Kill(sandbox.ReasonIdle)
	}
	if s.pause = min(2*s.pause, w.every()); w.output > 0 && step > uint64(w.output)/8 {
		s.pause = lookSoon // it may reach the limit before long
	}
	s.next = now.Add(s.pause)
}
