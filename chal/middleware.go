package chal

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limit makes sessions take a slot of a too, before the next handler: a limit that several servers share,
// or one whose answer takes time. A player who gets none is told why.
func Limit(a Admitter) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, s *Session) error {
			release, err := a.Admit(ctx, s.Remote)
			if err != nil {
				return err
			}
			defer release()
			return next.ServeChal(ctx, s)
		})
	}
}

// Timeout ends the next handler after d, sooner than the server's SessionTimeout would: its context and its tube's
// calls end with [ErrTimeUp].
func Timeout(d time.Duration) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, s *Session) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, ErrTimeUp)
			defer cancel()
			inner := *s
			inner.Tube = s.Tube.With(ctx)
			if end := time.Now().Add(d); s.Ends.IsZero() || end.Before(s.Ends) {
				inner.Ends = end
			}
			err := next.ServeChal(ctx, &inner)
			if err != nil && context.Cause(ctx) == ErrTimeUp && !errors.Is(err, ErrTimeUp) {
				// Who waits for something else than the tube returns ctx.Err(), or that a program was killed. As at the
				// server's own SessionTimeout the cause counts, whatever became of it.
				err = fmt.Errorf("%w: %w", ErrTimeUp, err)
			}
			return err
		})
	}
}

// LogSessions logs, at level info, each session's start, and its end with how long it took and the handler's
// error.
func LogSessions() Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, s *Session) (err error) {
			s.Log.InfoContext(ctx, "session started")
			defer func() {
				args := []any{"took", time.Since(s.Started)}
				if s.Team != (Team{}) {
					args = append(args, "team", s.Team.ID)
				}
				if err != nil {
					args = append(args, "error", err)
				}
				s.Log.InfoContext(ctx, "session over", args...)
			}()
			return next.ServeChal(ctx, s)
		})
	}
}
