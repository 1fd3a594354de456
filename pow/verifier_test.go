package pow

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestVerifier(t *testing.T) {
	var v Verifier
	for _, vec := range vectors(t)[:12] {
		c, err := Parse(vec.KCTF)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(t.Context(), c, vec.Answer); err != nil {
			t.Errorf("Verify %s: %v", vec.KCTF, err)
		}
		if err := v.Verify(t.Context(), c, "s.AQID"); !errors.Is(err, ErrWrong) {
			t.Errorf("Verify %s, s.AQID: got %v, want %v", vec.KCTF, err, ErrWrong)
		}
		if err := v.Verify(t.Context(), c, "hello"); !errors.Is(err, ErrEncoding) {
			t.Errorf("Verify %s, hello: got %v, want %v", vec.KCTF, err, ErrEncoding)
		}
	}
}

// TestVerifierQueue fills the only place and the queue.
func TestVerifierQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Verifier{Workers: 1, Queue: 2}
		c, right := New(1), ""
		right, err := c.Solve(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		v.once.Do(v.init)
		v.turn <- struct{}{} // somebody verifies

		left, leave := context.WithCancel(t.Context())
		verdicts := make(chan error, 2)
		go func() { verdicts <- v.Verify(left, c, right) }()
		go func() { verdicts <- v.Verify(t.Context(), c, right) }()
		synctest.Wait()
		if err := v.Verify(t.Context(), c, right); err != ErrBusy {
			t.Errorf("the queue is full: got %v, want %v", err, ErrBusy)
		}
		if err := v.Verify(t.Context(), c, "hello"); !errors.Is(err, ErrEncoding) {
			t.Errorf("an answer that needs no turn: got %v, want %v", err, ErrEncoding)
		}
		leave()
		if err := <-verdicts; err != context.Canceled {
			t.Errorf("who left: got %v, want %v", err, context.Canceled)
		}
		<-v.turn
		if err := <-verdicts; err != nil {
			t.Errorf("who waited: %v", err)
		}
		if n := v.waiting.Load(); n != 0 || len(v.turn) != 0 {
			t.Errorf("%d wait and %d verify after all have been served", n, len(v.turn))
		}
	})
}

func TestVerifierWithoutQueue(t *testing.T) {
	v := &Verifier{Workers: 1, Queue: -1}
	c := New(1)
	v.once.Do(v.init)
	v.turn <- struct{}{}
	if err := v.Verify(t.Context(), c, "s.AAAA"); err != ErrBusy {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
}

func TestVerifierStopsWhenItsPlayerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var v Verifier
	if err := v.Verify(ctx, New(1<<31), "s.AAAA"); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestVerifierTogether(t *testing.T) {
	v := &Verifier{Workers: 2}
	c := New(2)
	right, err := c.Solve(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			answer, want := right, error(nil)
			if i%2 == 0 {
				answer, want = "s.AAAA", ErrWrong
			}
			if err := v.Verify(t.Context(), c, answer); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
	wg.Wait()
}
