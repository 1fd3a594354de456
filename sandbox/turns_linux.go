package sandbox

import (
	"context"
	"sync"
)

// maxStarting is how many slots are made at once. Each needs several descriptors meanwhile, and the launcher makes one
// after the other anyway: thousands who come at once would use up all descriptors there are.
const maxStarting = 32

// turns lets some do what many want.
type turns chan struct{}

// take waits for a turn, which the caller gives back.
func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turns) giveBack() { <-t }

// maxRemoving is how many slots are taken away at once. Removing a control group blocks a thread of the system's, and
// the kernel removes one after the other: when thousands of sessions end at once, more would only wait.
const maxRemoving = 4

// backlog does things in turn, a few at once. It has goroutines only while there is something to do.
type backlog struct {
	mu      sync.Mutex
	waiting []func()
	working int
	done    sync.WaitGroup
}

// add does f soon.
func (b *backlog) add(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, f)
	if b.working < maxRemoving {
		b.working++
		b.done.Go(b.work)
	}
}

func (b *backlog) work() {
	for {
		b.mu.Lock()
		if len(b.waiting) == 0 {
			b.waiting = nil
			b.working--
			b.mu.Unlock()
			return
		}
		f := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.mu.Unlock()
		f()
	}
}

// wait waits until everything is done. Nothing may be added meanwhile.
func (b *backlog) wait() { b.done.Wait() }
