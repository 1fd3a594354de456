package levels

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	ticketTime      = 5 * time.Minute
	ticketMost      = 4096
	ticketPerSource = 256             // many players may share an address
	goodbyeMost     = 4 << 10         // bytes after "new"
	ticketWait      = 3 * time.Second // for a connection whose end is still on its way
)

// goodbye: FIN and RST. The first connection gives a ticket and watches how it ends; the second is told.
func goodbye(Options) Level {
	all := &tickets{byName: map[string]*ticket{}, bySource: map[netip.Prefix]int{}}
	return tcp(goodbyeText, func(ctx context.Context, p *player) error {
		if err := p.greet("TICKET? Send new, or your ticket"); err != nil {
			return err
		}
		line, err := p.answer()
		if err != nil {
			return err
		}
		if name := strings.ToLower(strings.TrimSpace(line)); name != "new" {
			return punch(ctx, p, all, name)
		}
		t := all.issue(chal.Source(p.Remote.Addr()))
		defer t.punch(errNeither)
		// The lines after the ticket are for those who close with them unread.
		err = p.Say("TICKET "+t.name, "BYE", "This line is here to be left unread.")
		if err == nil {
			_, err = p.RecvAll(goodbyeMost)
		}
		t.punch(err)
		switch {
		case err == nil: // a half-close: the player may still be reading
			return p.no("That was a FIN.")
		case errors.Is(err, tube.ErrTooLong):
			return p.no("You go on sending instead of ending.")
		}
		return err
	})
}

// punch tells the player how the ticket's connection ended.
func punch(ctx context.Context, p *player, all *tickets, name string) error {
	t := all.find(name)
	if t == nil {
		return p.no("I do not know the ticket %s, or no longer: it is good for %v.", quote(name), ticketTime)
	}
	wait := time.NewTimer(ticketWait)
	defer wait.Stop()
	select {
	case <-t.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wait.C:
		return p.no("That connection is still open: end it first, then come with its ticket.")
	}
	switch {
	case t.how == nil:
		return p.no("That connection ended with FIN, the orderly goodbye: I read end of file.")
	case errors.Is(t.how, tube.ErrReset):
		return p.won()
	case errors.Is(t.how, os.ErrDeadlineExceeded):
		return p.no("That connection did not end at all: I gave up waiting.")
	}
	return p.no("That connection ended with neither FIN nor RST of yours.")
}

// tickets remembers how connections ended: a bounded number of them, of each source too, for a while.
type tickets struct {
	mu       sync.Mutex
	byName   map[string]*ticket
	bySource map[netip.Prefix]int
	inOrder  []*ticket // oldest first
}

type ticket struct {
	name   string
	source netip.Prefix
	until  time.Time
	once   sync.Once
	ended  chan struct{}
	how    error // set before ended is closed; nil is FIN
}

var errNeither = errors.New("ended by the server")

func (t *ticket) punch(how error) {
	t.once.Do(func() {
		if how == io.EOF {
			how = nil
		}
		t.how = how
		close(t.ended)
	})
}

// issue makes a ticket. When there are too many, the oldest goes: of the same source, so that nobody can
// push out those of others, and of all when many sources have many.
func (a *tickets) issue(src netip.Prefix) *ticket {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for len(a.inOrder) > 0 && now.After(a.inOrder[0].until) || len(a.inOrder) >= ticketMost {
		a.drop(0)
	}
	if a.bySource[src] >= ticketPerSource {
		a.drop(slices.IndexFunc(a.inOrder, func(t *ticket) bool { return t.source == src }))
	}
	t := &ticket{source: src, until: now.Add(ticketTime), ended: make(chan struct{})}
	for r := newRand(); t.name == "" || a.byName[t.name] != nil; {
		t.name = word(r) + word(r)
	}
	a.byName[t.name] = t
	a.bySource[src]++
	a.inOrder = append(a.inOrder, t)
	return t
}

// drop forgets the ith oldest ticket; mu is held.
func (a *tickets) drop(i int) {
	t := a.inOrder[i]
	a.inOrder = slices.Delete(a.inOrder, i, i+1)
	delete(a.byName, t.name)
	if a.bySource[t.source]--; a.bySource[t.source] == 0 {
		delete(a.bySource, t.source)
	}
}

func (a *tickets) find(name string) *ticket {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.byName[name]
	if t == nil || time.Now().After(t.until) {
		return nil
	}
	return t
}

func solveGoodbye(ctx context.Context, t *tube.Tube) (string, error) {
	if err := t.SendLine("new"); err != nil {
		return "", err
	}
	name, err := await(t, "TICKET")
	if err != nil {
		return "", err
	}
	if err := t.Abort(); err != nil {
		return "", err
	}
	c, err := again(ctx, t)
	if err != nil {
		return "", err
	}
	t = solverTube(ctx, c)
	defer t.Close()
	if err := t.SendLine(name); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
