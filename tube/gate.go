package tube

import (
	"sync"
	"sync/atomic"
	"time"
)

// gate is a mutex that can be waited for with a deadline and a context.
// Taken without contention it costs what a mutex costs.
type gate struct {
	mu      sync.Mutex
	waiters atomic.Int32
	once    sync.Once
	freed   chan struct{} // one token: the gate was opened while somebody waited
}

func (g *gate) init() { g.once.Do(func() { g.freed = make(chan struct{}, 1) }) }

// enter takes the gate, or returns why the call may wait no longer; user
// returns the deadline that was set on the stream itself.
func (g *gate) enter(c *call, user func() time.Time) error {
	if g.mu.TryLock() {
		return nil
	}
	g.init()
	g.waiters.Add(1)
	defer g.waiters.Add(-1)
	for !g.mu.TryLock() {
		if err := c.wait(g.freed, user); err != nil {
			return err
		}
	}
	return nil
}

func (g *gate) leave() {
	g.mu.Unlock()
	if g.waiters.Load() > 0 {
		g.init()
		select {
		case g.freed <- struct{}{}:
		default:
		}
	}
}

// enterUntil takes the gate, also that of a closed stream, unless it takes
// longer than end.
func (g *gate) enterUntil(end time.Time) bool {
	if g.mu.TryLock() {
		return true
	}
	g.init()
	g.waiters.Add(1)
	defer g.waiters.Add(-1)
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	for !g.mu.TryLock() {
		select {
		case <-g.freed:
		case <-timer.C:
			return false
		}
	}
	return true
}
