package levels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	crowdSize      = 5
	crowdTime      = time.Minute // from a room's first connection until all five are there
	crowdRooms     = 256
	crowdPerSource = 16      // rooms that one source may have opened
	crowdEarly     = 1 << 10 // bytes that may come before the room is full
)

// rooms holds the rooms that are open: a room lives while somebody is in it, and at most crowdTime
// before it is full.
type rooms struct {
	mu       sync.Mutex
	byName   map[string]*room
	bySource map[netip.Prefix]int
}

// room is five connections that are to be open together.
type room struct {
	name   string
	source netip.Prefix // who opened it
	words  [crowdSize]string
	ends   time.Time
	full   chan struct{} // closed when all five are there

	// guarded by rooms.mu
	inside [crowdSize]bool
	seats  int // taken
	closed bool
}

// crowd: several connections at once.
func crowd(Options) Level {
	all := &rooms{byName: map[string]*room{}, bySource: map[netip.Prefix]int{}}
	return tcp(crowdText, func(ctx context.Context, p *player) error {
		if err := p.greet("ROOM? Send new, or the name of a room"); err != nil {
			return err
		}
		name, err := p.answer()
		if err != nil {
			return err
		}
		r, seat, why := all.enter(strings.ToLower(strings.TrimSpace(name)), chal.Source(p.Remote.Addr()))
		if why != "" {
			return p.no("%s", why)
		}
		defer all.leave(r, seat)
		if err := p.Say("ROOM " + r.name); err != nil {
			return err
		}
		if why, err := waitForCrowd(ctx, p, all, r); err != nil || why != "" {
			if why != "" {
				p.no("%s", why)
			}
			return err
		}
		if err := p.Sayf("SHARE %d %s", seat+1, r.words[seat]); err != nil {
			return err
		}
		got, err := p.answer()
		switch want := strings.Join(r.words[:], " "); {
		case err != nil:
			return err
		case strings.Join(strings.Fields(got), " ") != want:
			return p.no("You sent %s; I want the words of all five connections on one line, 1 to 5, with blanks between.", quote(got))
		}
		return p.won()
	})
}

// enter gives a connection a seat in the room called name, or in a new one.
func (a *rooms) enter(name string, src netip.Prefix) (r *room, seat int, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "new" {
		if a.bySource[src] >= crowdPerSource {
			return nil, 0, fmt.Sprintf("Your address has %d rooms open; one is enough.", crowdPerSource)
		}
		if len(a.byName) >= crowdRooms {
			return nil, 0, fmt.Sprintf("All %d rooms are taken; one is free again in a minute at most.", crowdRooms)
		}
		r = a.open(src)
	} else if r = a.byName[name]; r == nil {
		return nil, 0, fmt.Sprintf("There is no room %s: a room is there only while a connection is in it, and is full within %v.", quote(name), crowdTime)
	}
	if r.seats == crowdSize {
		return nil, 0, "Room " + name + " is full: five connections are in it."
	}
	for r.inside[seat] {
		seat++
	}
	r.inside[seat] = true
	if r.seats++; r.seats == crowdSize {
		close(r.full)
		a.close(r) // nobody else can come in
	}
	return r, seat, ""
}

// open makes a room; mu is held.
func (a *rooms) open(src netip.Prefix) *room {
	r := &room{source: src, ends: time.Now().Add(crowdTime), full: make(chan struct{})}
	rnd := newRand()
	for i := range r.words {
		r.words[i] = word(rnd)
	}
	for r.name == "" || a.byName[r.name] != nil {
		r.name = word(rnd) + fmt.Sprint(10+rand.IntN(90))
	}
	a.byName[r.name] = r
	a.bySource[src]++
	return r
}

// close takes r out of the list; mu is held.
func (a *rooms) close(r *room) {
	if r.closed {
		return
	}
	r.closed = true
	delete(a.byName, r.name)
	if a.bySource[r.source]--; a.bySource[r.source] == 0 {
		delete(a.bySource, r.source)
	}
}

// leave frees a seat; the room goes with the last one.
func (a *rooms) leave(r *room, seat int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.inside[seat] = false
	if r.seats--; r.seats == 0 {
		a.close(r)
	}
}

// expire takes a room out of the list and says how many are in it; 0 when it was full.
func (a *rooms) expire(r *room) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-r.full:
		return 0
	default:
	}
	a.close(r)
	return r.seats
}

var errFull = errors.New("the room is full")

// waitForCrowd waits until the room is full, and notices meanwhile when the player leaves: who has
// left does not count.
func waitForCrowd(ctx context.Context, p *player, all *rooms, r *room) (why string, err error) {
	until, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-r.full:
			stop(errFull)
		case <-until.Done():
		}
	}()
	view := p.Within(time.Until(r.ends)).With(until)
	for n := 1; ; n = p.Buffered() + 1 { // what the player says already stays for later
		_, err := view.Peek(n)
		switch {
		case n > crowdEarly:
			return fmt.Sprintf("You sent more than %d bytes before the room was full; wait for SHARE.", crowdEarly), nil
		case errors.Is(err, errFull):
			return "", nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if n := all.expire(r); n > 0 {
				return fmt.Sprintf("Room %s is closed: after %v only %d of %d connections are in it.", r.name, crowdTime, n, crowdSize), nil
			}
			return "", nil // the fifth came in that moment
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return "You ended what you send before the room was full, which I take for leaving; keep all five open.", nil
		case err != nil:
			return "", err
		}
	}
}

func solveCrowd(ctx context.Context, t *tube.Tube) (string, error) {
	if _, err := await(t, "ROOM?"); err != nil {
		return "", err
	}
	if err := t.SendLine("new"); err != nil {
		return "", err
	}
	room, err := await(t, "ROOM")
	if err != nil {
		return "", err
	}
	all := []*tube.Tube{t}
	for len(all) < crowdSize {
		c, err := again(ctx, t)
		if err != nil {
			return "", err
		}
		other := solverTube(ctx, c)
		defer other.Close()
		if err := other.SendLine(room); err != nil {
			return "", err
		}
		all = append(all, other)
	}
	words := make([]string, crowdSize)
	for _, t := range all {
		share, err := await(t, "SHARE")
		if err != nil {
			return "", err
		}
		var i int
		var w string
		if _, err := fmt.Sscan(share, &i, &w); err != nil || i < 1 || i > crowdSize {
			return "", fmt.Errorf("read share %q", share)
		}
		words[i-1] = w
	}
	if err := t.SendLine(strings.Join(words, " ")); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
