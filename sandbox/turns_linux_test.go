package sandbox

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestBacklog does many things, a few at once.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backlog
		var begun, done atomic.Int32
		gate := make(chan struct{})
		const all = 100
		for range all {
			b.add(func() {
				begun.Add(1)
				<-gate
				done.Add(1)
			})
		}
		synctest.Wait()
		if n := begun.Load(); n != maxRemoving {
			t.Errorf("%d are done at once, want %d", n, maxRemoving)
		}
		close(gate)
		b.wait()
		if n := done.Load(); n != all {
			t.Errorf("%d were done, want %d", n, all)
		}
	})
}

// TestTurn has a session wait for its turn before it uses anything, and then take the slot of one that has ended meanwhile.
func TestTurn(t *testing.T) {
	r := prepare(t, Policy{}, "cat")
	first, err := r.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range maxStarting {
		if err := r.turns.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := r.take(ended)
		result <- err
	}()
	end()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("without a turn: got %v, want %v", err, context.Canceled)
	}
	if r.next != 1 {
		t.Errorf("%d slots were made without a turn", r.next-1)
	}
	// Not through take, which would look for a slot before it waits, too.
	got := make(chan *slot, 1)
	go func() {
		s, err := r.takeInTurn(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	r.release(first)
	for range maxStarting {
		r.turns.giveBack()
	}
	s := <-got
	if s != first {
		t.Error("a slot was made although one was free")
	}
	r.release(s)
}
