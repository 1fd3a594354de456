// Package scan looks which ports are open, many at once.
//
//	s := scan.Scanner{Dial: dial, Limit: time.Second}
//	err := s.Each(ctx, addrs, ports, func(port int, o scan.Outcome) { … })
//
// On Linux one thread starts the connections itself and waits for them with
// poll(2): a closed port costs three calls. Elsewhere, and for what only a dialer
// does, each port in flight has a goroutine.
package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/sockopt"
)

// A Scanner says how to look. Its fields are not changed while it is used.
type Scanner struct {
	// Dial connects to one address, with everything the user asks for.
	Dial func(ctx context.Context, a netip.Addr, port int) (net.Conn, error)
	// Socket is set on the sockets that are made without Dial.
	Socket sockopt.Options
	// Dialer says that only Dial will do.
	Dialer bool
	// Limit is how long a connection may take; 0 leaves it to the system.
	Limit time.Duration
	// Interval is waited between ports, which are then looked at one by one.
	Interval time.Duration
	// UDP sends a datagram and waits for a refusal, for Limit or a second.
	UDP bool
	// Payload is what that datagram holds.
	Payload []byte
}

// atOnce is how many ports are looked at together: enough that a thousand
// silent ones take one timeout, few enough for the usual limit of 1,024
// descriptors. Where the limit is lower they are fewer (room).
const atOnce = 900

// Probe is one address of a port that did not connect.
type Probe struct {
	Addr netip.Addr
	Err  error
}

// Outcome is what is known of a port.
type Outcome struct {
	Open   bool
	Addr   netip.Addr // where it is open
	Failed []Probe
	left   int // addresses not tried yet
}

// Each probes the ports, address after address until one is open, and
// calls tell for each in order, as soon as it and those before it are known.
// Its error is that a port could not be looked at, though no other was any more:
// the ports that were not told of are unknown.
func (s *Scanner) Each(ctx context.Context, addrs []netip.Addr, ports []int, tell func(int, Outcome)) error {
	results := make([]Outcome, len(ports))
	for i := range results {
		results[i].left = len(addrs)
	}
	if err := readyPoller(); err != nil && len(ports) > 0 {
		return fmt.Errorf("look at port %d: %w", ports[0], err)
	}
	var mu sync.Mutex
	next := 0
	for _, a := range addrs {
		var which []int // indices
		var some []int  // their ports
		for i, r := range results {
			if !r.Open {
				which, some = append(which, i), append(some, ports[i])
			}
		}
		landed := func(k int, err error) {
			mu.Lock()
			defer mu.Unlock()
			r := &results[which[k]]
			if r.left--; err != nil {
				r.Failed = append(r.Failed, Probe{a, err})
			} else {
				r.Open, r.Addr = true, a
			}
			for next < len(ports) && (results[next].Open || results[next].left == 0) && ctx.Err() == nil {
				tell(ports[next], results[next])
				next++
			}
		}
		done, err := s.probeMany(ctx, a, some, landed)
		if !done {
			err = s.dialMany(ctx, a, some, landed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dialMany probes with a dialer and a goroutine for each port in flight.
func (s *Scanner) dialMany(ctx context.Context, a netip.Addr, ports []int, landed func(int, error)) error {
	workers := min(room(), len(ports))
	if s.Interval > 0 {
		workers = 1
	}
	w := &work{ports: len(ports), running: workers}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for k, ok := w.take(); ok; k, ok = w.take() {
				if k > 0 && s.Interval > 0 {
					select {
					case <-time.After(s.Interval):
					case <-ctx.Done():
					}
				}
				before := w.ended()
				conn, err := s.probe(ctx, a, ports[k])
				if err == nil {
					conn.Close()
				}
				if lack := lacking(err); lack != nil {
					if w.putBack(k, before, fmt.Errorf("look at port %d: %w", ports[k], lack)) {
						continue
					}
					return
				}
				landed(k, err)
				w.end()
			}
		})
	}
	wg.Wait()
	return w.failed
}

// work is what the goroutines of dialMany have to do. One that lacks a
// descriptor puts its port back and leaves: the others take it when they have one.
type work struct {
	mu      sync.Mutex
	ports   int
	next    int   // the first index that nobody has taken
	back    []int // those put back
	running int   // goroutines
	landed  int   // ports
	failed  error
}

// take returns the next port's index; false when there is none, and the goroutine leaves.
func (w *work) take() (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.back); n > 0 {
		k := w.back[n-1]
		w.back = w.back[:n-1]
		return k, true
	}
	if w.next == w.ports {
		w.running--
		return 0, false
	}
	w.next++
	return w.next - 1, true
}

func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.landed++
}

func (w *work) ended() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.landed
}

// putBack says whether the goroutine goes on; before is what had landed when it began. The last one goes on when that has
// changed, and with it what there is to have; else it ends all.
func (w *work) putBack(k, before int, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back = append(w.back, k)
	switch {
	case w.running > 1:
		w.running--
		return false
	case w.landed > before:
		return true
	}
	w.failed = err
	return false
}

// probe connects, or for UDP sends an empty datagram and waits for a refusal.
func (s *Scanner) probe(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := s.Dial(ctx, a, port)
	if err != nil || !s.UDP {
		return conn, err
	}
	wait := s.Limit
	if wait == 0 {
		wait = time.Second
	}
	conn.SetReadDeadline(time.Now().Add(wait))
	// A closed port answers the first datagram; the error comes with the second call.
	buf := make([]byte, 1)
	_, err = conn.Write(s.Payload)
	if err == nil {
		if _, err = conn.Read(buf); !errors.Is(err, syscall.ECONNREFUSED) {
			return conn, nil
		}
	}
	conn.Close()
	return nil, err
}
