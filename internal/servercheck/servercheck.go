// Package servercheck plays a learner's own server and says what is wrong with
// it: the command flagstaff check-server.
//
//	passed, err := servercheck.Run(ctx, "echo", "127.0.0.1:5001", os.Stdout, servercheck.Options{})
//
// There are five kinds of servers, each with a specification in docs/servers.
// A kind is an ordered list of checks; a check forces one idea, has a deadline
// of its own, and ends in nothing or in the first cause of the failure, with
// the bytes that were sent, expected and received.
//
// The server is taken to be wrong in any way at all, and hostile: what is held
// of what it sends is bounded, and so is the time it can take. Nothing is ever
// sent to another address than the one given.
package servercheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// ErrUsage is wrapped by the errors of Run and Checks that say that they were
// asked for something that is not there.
var ErrUsage = errors.New("usage")

// usage is an ErrUsage that says what is wrong, and nothing else.
type usage string

func usagef(format string, args ...any) error { return usage(fmt.Sprintf(format, args...)) }

func (u usage) Error() string        { return string(u) }
func (u usage) Is(target error) bool { return target == ErrUsage }

// Info describes a check.
type Info struct {
	Name   string // one word, unique in its kind
	Forces string // one sentence: what a server that passes does
}

// check is one step: it returns a *failure, or ctx's error.
type check struct {
	Info
	run func(ctx context.Context, p *player) error
}

type kind struct {
	name    string
	network string
	checks  []check
}

// kinds is in the order in which the specifications build on each other.
var kinds = []kind{
	{"echo", "tcp", echoChecks},
	{"prime", "tcp", primeChecks},
	{"prices", "tcp", pricesChecks},
	{"chat", "tcp", chatChecks},
	{"kv", "udp", kvChecks},
}

// Kinds returns the kinds of servers, the simplest first.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Checks returns the checks of a kind in their order.
func Checks(kind string) ([]Info, error) {
	k, err := find(kind)
	if err != nil {
		return nil, err
	}
	var all []Info
	for _, c := range k.checks {
		all = append(all, c.Info)
	}
	return all, nil
}

func find(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, usagef("no kind of server is called %q: choose one of %s", name, strings.Join(Kinds(), ", "))
}

// Options says how Run plays and reports. The zero value is what a learner
// wants.
type Options struct {
	JSON    bool          // one JSON object a line instead of text
	All     bool          // go on after the first check that failed
	Only    []string      // the names of the checks to run; empty for all
	Timeout time.Duration // what one check may take; 0 for 5 seconds
	Seed    uint64        // what the random bytes and numbers come from; 0 for another each time

	// dial stands for the network in tests.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// linger is how long the end of a check waits for a server to close its side.
const linger = 200 * time.Millisecond

// Run plays the server at addr, "HOST:PORT", and writes the report to out. It
// stops at the first check that fails unless o.All is set, since what comes
// after is seldom anything but a consequence. passed says whether all checks
// passed; err is about Run itself: ErrUsage, the end of ctx, or out.
func Run(ctx context.Context, kind, addr string, out io.Writer, o Options) (passed bool, err error) {
	k, err := find(kind)
	if err != nil {
		return false, err
	}
	if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
		return false, usagef("%q is no HOST:PORT: write it like 127.0.0.1:5001", addr)
	}
	for _, name := range o.Only {
		if !slices.ContainsFunc(k.checks, func(c check) bool { return c.Name == name }) {
			var names []string
			for _, c := range k.checks {
				names = append(names, c.Name)
			}
			return false, usagef("%s has no check called %q: its checks are %s", kind, name, strings.Join(names, ", "))
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	for o.Seed == 0 {
		o.Seed = uint64(rand.Uint32())
	}
	if o.dial == nil {
		o.dial = new(net.Dialer).DialContext
	}
	r := newReport(out, k, addr, o)
	passed = true
	for i, c := range k.checks {
		if len(o.Only) > 0 && !slices.Contains(o.Only, c.Name) {
			continue
		}
		if !passed && !o.All {
			r.skip(c)
			continue
		}
		start := time.Now()
		f, err := play(ctx, k, addr, c, o, uint64(i))
		if err != nil {
			return false, err
		}
		passed = passed && f == nil
		r.check(c, f, time.Since(start))
	}
	return passed, r.end(passed)
}

// play runs one check on connections of its own.
func play(ctx context.Context, k kind, addr string, c check, o Options, n uint64) (*failure, error) {
	inner, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	p := &player{
		network: k.network, addr: addr, timeout: o.Timeout, dialer: o.dial,
		rng: rand.New(rand.NewPCG(o.Seed, n)),
	}
	err := c.run(inner, p)
	p.hangUp()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err == nil {
		return nil, nil
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{cause: err.Error()}
	}
	return f, nil
}
