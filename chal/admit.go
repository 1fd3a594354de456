package chal

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Admitter decides who may have a session now. Its methods are called by several goroutines at once.
//
// Server.Admitter is asked on the goroutine that accepts, so it must answer at once. [Limit] asks one
// from the session's goroutine, where it may take its time.
type Admitter interface {
	// Admit takes a slot for a player, or says why there is none: with a *[Refusal] the player is
	// told its Text. release gives the slot back; it is called once, when the session is over.
	Admit(ctx context.Context, remote netip.AddrPort) (release func(), err error)
}

// Refusal is the error that tells a player why there is no session.
type Refusal struct {
	Reason Reason // for the ledger; "" is ReasonDenied
	Text   string // for the player: one line; "" for nothing, where a line could not be read
	Err    error  // for the log: what is behind it, if anything
}

// Error returns what the log shall say.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return string(r.reason()) + ": " + r.Err.Error()
	}
	return cmp.Or(strings.TrimSpace(r.Text), string(r.reason()))
}

func (r *Refusal) reason() Reason { return cmp.Or(r.Reason, ReasonDenied) }

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Source returns whom limits count addr for: an IPv4 address alone (also when mapped into IPv6), an IPv6
// address with the whole /64 its owner has. The zero Addr has the zero source.
func Source(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

const (
	defaultMaxSessions  = 1024
	defaultMaxPerSource = 64

	claimTime = 30 * time.Second
)

// Slots is an [Admitter] in memory: at most Max sessions, and at most PerSource of one source
// ([Source]). A player without a valid address (a Unix socket) counts for Max only. The fields must not
// change once it is in use.
//
// When all slots are taken it is fair: a source that holds none and is refused has for 30 seconds a
// claim to the next free slot before any source that holds some. So one source with many sessions does
// not shut the others out by being quicker to come back.
type Slots struct {
	Max       int // zero: 1024; negative: no limit
	PerSource int // zero: 64; negative: no limit

	mu      sync.Mutex
	used    int
	held    map[netip.Prefix]int
	claims  map[netip.Prefix]time.Time // until when
	claimed []claim                    // all claims made, oldest first; some are used up
}

// claim is a promise to src that ends at until.
type claim struct {
	src   netip.Prefix
	until time.Time
}

// Admit takes a slot for remote's source at once, or returns a *[Refusal] with [ReasonFull] or [ReasonPerSource].
func (a *Slots) Admit(_ context.Context, remote netip.AddrPort) (release func(), err error) {
	most, each := limit(a.Max, defaultMaxSessions), limit(a.PerSource, defaultMaxPerSource)
	src := Source(remote.Addr())

	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.held[src]
	if src.IsValid() && held >= each {
		return nil, &Refusal{Reason: ReasonPerSource, Text: fmt.Sprintf("Sorry, your address has %d sessions open, and may have no more. Close one first.", held)}
	}
	if a.used >= most || held > 0 && most-a.used <= a.liveClaims() {
		if held == 0 {
			a.claim(src, most)
		}
		return nil, &Refusal{Reason: ReasonFull, Text: "Sorry, all places on this server are taken. Try again in a few seconds."}
	}
	if a.held == nil {
		a.held = make(map[netip.Prefix]int)
	}
	a.used++
	a.held[src] = held + 1
	if len(a.claims) > 0 {
		delete(a.claims, src)
	}
	return func() { a.release(src) }, nil
}

func (a *Slots) release(src netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used--
	if a.held[src]--; a.held[src] == 0 {
		delete(a.held, src)
	}
}

// Open returns how many slots are taken.
func (a *Slots) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// claim remembers that src was refused while it held nothing. Claims are few (an eighth of the slots), so
// that addresses that never come back cannot keep the server empty.
func (a *Slots) claim(src netip.Prefix, most int) {
	if !src.IsValid() || a.liveClaims() > most/8 {
		return
	}
	if a.claims == nil {
		a.claims = make(map[netip.Prefix]time.Time)
	}
	if _, ok := a.claims[src]; !ok {
		until := time.Now().Add(claimTime)
		a.claims[src] = until
		a.claimed = append(a.claimed, claim{src, until})
	}
}

// liveClaims forgets the claims that are over or used, and counts the others.
func (a *Slots) liveClaims() int {
	for len(a.claimed) > 0 {
		first := a.claimed[0]
		if until, ok := a.claims[first.src]; ok && until.Equal(first.until) {
			if time.Now().Before(until) {
				break
			}
			delete(a.claims, first.src)
		}
		a.claimed = a.claimed[1:]
	}
	return len(a.claims)
}

// limit reads a limit that may be left at its default or switched off.
func limit(n, byDefault int) int {
	switch {
	case n < 0:
		return int(^uint(0) >> 1)
	case n == 0:
		return byDefault
	}
	return n
}
