package program_test

import (
	"context"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// team says who plays.
func team(id string) chal.Middleware {
	return func(next chal.Handler) chal.Handler {
		return chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
			s.Team.ID = id
			return next.ServeChal(ctx, s)
		})
	}
}

// askFirst reads a line before the program starts.
func askFirst(next chal.Handler) chal.Handler {
	return chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		if _, err := s.RecvLine(); err != nil {
			return err
		}
		return next.ServeChal(ctx, s)
	})
}
