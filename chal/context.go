package chal

import (
	"context"
	"sync"
)

// sessionContext is a session's context. It has room for the one function that each session's tube registers, where
// context.AfterFunc takes 400 bytes and four allocations a session. It is what the standard library makes of it
// otherwise: context.Cause and contexts derived from it find the one inside.
type sessionContext struct {
	context.Context
	end context.CancelCauseFunc

	mu    sync.Mutex
	after func() // runs when the context has ended; nil: nobody asked for it
	stops uint   // how often after was set, so that a late stop does not stop another's
}

// cancel ends the context. The first cause counts.
func (c *sessionContext) cancel(cause error) {
	c.end(cause)
	c.mu.Lock()
	f := c.after
	c.after = nil
	c.mu.Unlock()
	if f != nil {
		go f()
	}
}

// AfterFunc does what [context.AfterFunc] does.
func (c *sessionContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after != nil || c.Err() != nil {
		return context.AfterFunc(c.Context, f)
	}
	c.after = f
	c.stops++
	n := c.stops
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stops != n || c.after == nil {
			return false
		}
		c.after = nil
		return true
	}
}
