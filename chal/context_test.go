package chal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestSessionContext: functions wait for the end of a session's context as for any other's, however many there are.
func TestSessionContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c sessionContext
		c.Context, c.end = context.WithCancelCause(t.Context())
		ran := make(chan string, 4)
		tell := func(s string) func() { return func() { ran <- s } }

		stopStopped := c.AfterFunc(tell("stopped"))
		if !stopStopped() || stopStopped() {
			t.Error("a function that waits is stopped once")
		}
		stopFirst := c.AfterFunc(tell("first"))
		if stopStopped() {
			t.Error("stopped again, it stopped another")
		}
		c.AfterFunc(tell("second"))
		stop := context.AfterFunc(&c, tell("third"))
		if !stop() {
			t.Error("context.AfterFunc: not stopped")
		}
		child, cancel := context.WithTimeout(&c, 1e9)
		defer cancel()

		cause := errors.New("enough")
		c.cancel(cause)
		synctest.Wait()
		if got := context.Cause(child); got != cause {
			t.Errorf("cause of a context made from it: %v, want %v", got, cause)
		}
		c.AfterFunc(tell("late"))
		c.cancel(nil)
		synctest.Wait()
		if stopFirst() {
			t.Error("stopped after it ran")
		}
		close(ran)
		got := map[string]int{}
		for s := range ran {
			got[s]++
		}
		if len(got) != 3 || got["first"] != 1 || got["second"] != 1 || got["late"] != 1 {
			t.Errorf("ran %v, want first, second and late once each", got)
		}
	})
}
