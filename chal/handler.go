package chal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Handler plays one session with one player. ServeChal is called once a session, on a goroutine of its
// own, by many sessions at once. The session ends when it returns: what it has written is delivered,
// then the connection is closed.
//
// ctx ends when the session must: context.Cause(ctx) is [ErrTimeUp] or [ErrShutdown] then, and every
// call on the session's tube fails with that cause. A handler has a second to return.
//
// A returned error is not shown to the player, with one exception: a *[Refusal] is, as its Text. An
// error of the session's tube, wrapped or not, says that the player left or was too slow, which is no fault; any
// other error is logged as one, and the player is told that something went wrong. So `return err` is the right end of
// every failed Ask. A handler must not use the session after it has returned.
//
// Which errors are the tube's, [tube.Tube.Own] says: an io.EOF or a timeout of a file or a backend is the handler's own
// failure. So is what the connection below the tube says to who uses that (s.Conn), and what one above makes up, as a
// timeout, unless its NetConn method leads to the tube. One io.EOF is like another, though: once Read on the tube has
// returned it, one that is in no *tube.Error is taken for the player's. A handler that knows better returns a Refusal:
// with [ReasonLeft] or [ReasonIdle] nothing is logged.
type Handler interface {
	ServeChal(ctx context.Context, s *Session) error
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(ctx context.Context, s *Session) error

// ServeChal calls f.
func (f HandlerFunc) ServeChal(ctx context.Context, s *Session) error { return f(ctx, s) }

// Middleware makes a handler that does something before, after or instead of another.
type Middleware func(Handler) Handler

// Chain wraps h in middleware, named in the order a session passes through it: the outermost first.
func Chain(h Handler, outermost ...Middleware) Handler {
	for _, m := range slices.Backward(outermost) {
		h = m(h)
	}
	return h
}

// Team is who a player plays for. The zero value is nobody known.
type Team struct {
	ID   string // stable, for programs
	Name string // for people
}

// Challenge is what an author writes: a handler and what people should know about it. It is a Handler
// itself.
type Challenge struct {
	Name        string // short, lower case, unique in an event: "double"
	Category    string // "crypto", "pwn", "misc", …
	Description string // for players
	Points      int

	// Handler plays the challenge.
	Handler Handler

	// Solve plays the other side as a player who knows the answer, and returns the flag it won.
	// It is the challenge's test: Main --check, Check and chaltest.Solve run it. Optional. The tube's
	// calls end with ctx.
	Solve func(ctx context.Context, t *tube.Tube) (flag string, err error)

	// SessionTimeout and IdleTimeout are what the challenge needs when the server's defaults are
	// wrong for it: zero is the default, negative is none.
	SessionTimeout, IdleTimeout time.Duration
}

var errNoHandler = errors.New("the challenge has no handler")

// ServeChal calls c.Handler.
func (c Challenge) ServeChal(ctx context.Context, s *Session) error {
	if c.Handler == nil {
		return errNoHandler
	}
	return c.Handler.ServeChal(ctx, s)
}

// Server returns a new server of the challenge that gives sessions the flag.
func (c Challenge) Server(flag string) *Server {
	return &Server{
		Name: c.Name, Handler: c, Flag: flag,
		SessionTimeout: c.SessionTimeout, IdleTimeout: c.IdleTimeout,
	}
}
