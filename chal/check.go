package chal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// checkTime is how long a solver may take when its challenge does not say how long a session may.
const checkTime = time.Minute

// checkGrace is how long a handler may take to return after the solver has left.
const checkGrace = time.Second

// Check plays c.Solve against c.Handler over a loopback connection, and returns nil when the solver
// brings back the flag and the handler does not fail or panic, in the second after that either. An empty flag stands for
// one made up. The solver's tube and context end with ctx and, when the challenge has a SessionTimeout, that, else one minute.
func Check(ctx context.Context, c Challenge, flag string) error {
	if c.Handler == nil {
		return errNoHandler
	}
	if c.Solve == nil {
		return &hintError{fmt.Errorf("challenge %q has no solver", c.Name), "set Challenge.Solve to a function that plays it and returns the flag"}
	}
	if flag == "" {
		flag = RandomFlag()
	}
	l, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	d := c.SessionTimeout
	if d <= 0 {
		d = checkTime
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("not solved in %v", d))
	defer cancel()
	s := c.Server(flag)
	var ended atomic.Value // the Reason
	s.Ledger = func(e Entry) {
		if e.What == EntryEnd {
			ended.Store(e.Reason)
		}
	}
	ran := make(chan error, 1)
	server, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() { ran <- s.Run(server, l, checkGrace) }()

	got, err := play(ctx, c, l.Addr())
	stop()
	runErr := <-ran
	reason := ended.Load()
	var cut *CutError
	switch {
	case err != nil:
		return fmt.Errorf("solve %s: %w", c.Name, err)
	case got != flag:
		return fmt.Errorf("solve %s: got flag %q, want %q", c.Name, got, flag)
	case reason == ReasonPanicked:
		return &hintError{fmt.Errorf("solve %s: the solver got the flag, but the handler panicked", c.Name), "the log has the stack"}
	case reason == ReasonFailed:
		return &hintError{fmt.Errorf("solve %s: the solver got the flag, but the handler failed", c.Name), "the log has its error"}
	case errors.As(runErr, &cut):
		return nil // the solver left before the handler had done
	}
	return runErr
}

// play dials addr and runs the solver.
func play(ctx context.Context, c Challenge, addr net.Addr) (string, error) {
	t, err := tube.Dial(ctx, addr.Network(), addr.String(), tube.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer t.Close()
	return c.Solve(ctx, t)
}
