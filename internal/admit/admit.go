// Package admit decides who may connect now: it has the [chal.Admitter]s beyond slots, for one machine.
//
//	door := &admit.Door{
//		Players: admit.All(&admit.Rate{PerSecond: 2}, &chal.Slots{Max: 1000, PerSource: 8}),
//		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
//	}
//
// All types may be used by several goroutines at once; nothing waits for anybody.
package admit

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// ReasonRate is the reason of who comes too often.
const ReasonRate chal.Reason = "rate"

// All asks each admitter in turn, and takes back what the first ones gave when a later one refuses.
func All(admitters ...chal.Admitter) chal.Admitter { return all(admitters) }

type all []chal.Admitter

func (a all) Admit(ctx context.Context, remote netip.AddrPort) (func(), error) {
	releases := make([]func(), 0, len(a))
	release := func() {
		for _, f := range slices.Backward(releases) {
			f()
		}
	}
	for _, one := range a {
		f, err := one.Admit(ctx, remote)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, f)
	}
	return release, nil
}

// maxSources is how many sources a Rate tells apart; those beyond share one allowance. A source is forgotten
// when it has its whole allowance again, so only a flood from very many networks gets there.
const maxSources = 1 << 16

// Rate is how often one source ([chal.Source]) may come: PerSecond new sessions a second on average, Burst of them
// at once (zero: twice PerSecond, at least 5). A PerSecond of zero or less is no limit. The fields must not
// change once it is in use.
type Rate struct {
	PerSecond float64
	Burst     int

	mu      sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
	rest    *rate.Limiter
	sweepAt int       // as many sources as make it worth looking for those to forget
	swept   time.Time // when that was done
}

// Admit counts one session of remote's source, or returns a *[chal.Refusal] with [ReasonRate].
func (r *Rate) Admit(_ context.Context, remote netip.AddrPort) (func(), error) {
	src := chal.Source(remote.Addr())
	if r.PerSecond <= 0 || !src.IsValid() {
		return func() {}, nil
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.of(src, now); !l.AllowN(now, 1) {
		wait := time.Duration((1 - l.TokensAt(now)) / r.PerSecond * float64(time.Second))
		return nil, &chal.Refusal{Reason: ReasonRate, Text: fmt.Sprintf("Sorry, you connect too often. Try again in %s.", atLeastSeconds(wait))}
	}
	return func() {}, nil
}

func atLeastSeconds(d time.Duration) string {
	if n := int(math.Ceil(d.Seconds())); n > 1 {
		return fmt.Sprintf("%d seconds", n)
	}
	return "a second"
}

func (r *Rate) burst() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return max(5, int(math.Ceil(2*r.PerSecond)))
}

// of returns the limiter of src; mu is held.
func (r *Rate) of(src netip.Prefix, now time.Time) *rate.Limiter {
	if l := r.sources[src]; l != nil {
		return l
	}
	if r.sources == nil {
		r.sources, r.sweepAt = make(map[netip.Prefix]*rate.Limiter), 1024
		r.rest = r.limiter()
	}
	// Also under a flood from many networks the search must stay cheap: it is done once a second at most.
	if len(r.sources) >= r.sweepAt && now.Sub(r.swept) >= time.Second {
		for src, l := range r.sources {
			if l.TokensAt(now) >= float64(r.burst()) {
				delete(r.sources, src)
			}
		}
		r.sweepAt, r.swept = min(maxSources, max(1024, 2*len(r.sources))), now
	}
	if len(r.sources) >= maxSources {
		return r.rest
	}
	l := r.limiter()
	r.sources[src] = l
	return l
}

func (r *Rate) limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.PerSecond), r.burst()) }

// Door admits connections by the address they come from, and players by the address they have. Both are the same,
// except behind proxies: those may connect as often as they want, up to MaxProxied, because the players behind them are
// admitted one by one when the PROXY header has named them ([Door.AdmitPlayer]). With Proxies set nobody else
// gets in: who could go around the proxy could claim any address.
type Door struct {
	Players    chal.Admitter
	Proxies    []netip.Prefix
	MaxProxied int // zero: 8192; negative: no limit

	once    sync.Once
	proxied chal.Slots
}

// Admit is for the address a connection comes from.
func (d *Door) Admit(ctx context.Context, peer netip.AddrPort) (func(), error) {
	switch {
	case len(d.Proxies) == 0:
		return d.Players.Admit(ctx, peer)
	case !d.Trusts(peer.Addr()):
		return nil, &chal.Refusal{Reason: chal.ReasonDenied, Text: "Sorry, this port is reached through its proxy only."}
	}
	d.once.Do(func() {
		d.proxied.Max, d.proxied.PerSource = d.MaxProxied, -1
		if d.MaxProxied == 0 {
			d.proxied.Max = 8192
		}
	})
	return d.proxied.Admit(ctx, netip.AddrPort{})
}

// AdmitPlayer is for the address that the PROXY header names.
func (d *Door) AdmitPlayer(ctx context.Context, player netip.AddrPort) (func(), error) {
	return d.Players.Admit(ctx, player)
}

// Trusts says whether addr is one of the proxies.
func (d *Door) Trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(d.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
