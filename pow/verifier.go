package pow

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrBusy says that more answers wait to be verified than the queue holds.
var ErrBusy = errors.New("too many answers wait to be verified")

// Verifier verifies the answers of a server's players, a few at a time, so that
// wrong answers by the thousand cannot take every processor from the sessions that
// go on. It starts no goroutine: Verify runs in the session's, and not in the one
// that accepts. The zero value is ready; the fields are set before the first use.
type Verifier struct {
	// Workers is how many answers are verified at the same time; 0: half as many
	// as Go uses processors, at least one.
	Workers int
	// Queue is how many may wait for their turn; 0: 1024, negative: none.
	Queue int

	once    sync.Once
	turn    chan struct{}
	waiting atomic.Int64
}

func (v *Verifier) init() {
	workers := v.Workers
	if workers <= 0 {
		workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	v.turn = make(chan struct{}, workers)
}

func (v *Verifier) queue() int64 {
	switch {
	case v.Queue == 0:
		return 1024
	case v.Queue < 0:
		return 0
	}
	return int64(v.Queue)
}

// Verify is [Challenge.Verify] in its turn. An answer that is not well formed is
// refused at once. It returns ErrBusy when the queue is full, and ctx's error when
// that ends first.
func (v *Verifier) Verify(ctx context.Context, c Challenge, answer string) error {
	y, err := parseAnswer(answer)
	if err != nil {
		return err
	}
	v.once.Do(v.init)
	select {
	case v.turn <- struct{}{}:
	default:
		if v.waiting.Add(1) > v.queue() {
			v.waiting.Add(-1)
			return ErrBusy
		}
		select {
		case v.turn <- struct{}{}:
			v.waiting.Add(-1)
		case <-ctx.Done():
			v.waiting.Add(-1)
			return context.Cause(ctx)
		}
	}
	defer func() { <-v.turn }()
	return c.verify(ctx, y)
}
