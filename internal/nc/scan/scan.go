// Package scan looks which ports are open, many at once.
//
//	s := scan.Scanner{Dial: dial, Limit: time.Second}
//	s.Each(ctx, addrs, ports, func(port int, o scan.Outcome) { … })
//
// On Linux one thread starts the connections itself and waits for them with
// poll(2): a closed port costs three calls. Elsewhere, and for what only a dialer
// does, each port in flight has a goroutine.
package scan

import (
	"context"
	"errors"
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
// descriptors.
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
func (s *Scanner) Each(ctx context.Context, addrs []netip.Addr, ports []int, tell func(int, Outcome)) {
	results := make([]Outcome, len(ports))
	for i := range results {
		results[i].left = len(addrs)
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
		if !s.probeMany(ctx, a, some, landed) {
			s.dialMany(ctx, a, some, landed)
		}
	}
}

// dialMany probes with a dialer and a goroutine for each port in flight.
func (s *Scanner) dialMany(ctx context.Context, a netip.Addr, ports []int, landed func(int, error)) {
	workers := min(atOnce, len(ports))
	if s.Interval > 0 {
		workers = 1
	}
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for k := range queue {
				conn, err := s.probe(ctx, a, ports[k])
				if err == nil {
					conn.Close()
				}
				landed(k, err)
			}
		})
	}
	for k := range ports {
		if k > 0 && s.Interval > 0 {
			select {
			case <-time.After(s.Interval):
			case <-ctx.Done():
			}
		}
		queue <- k
	}
	close(queue)
	wg.Wait()
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
	if _, err := conn.Write(s.Payload); err == nil {
		_, err = conn.Read(buf)
		if errors.Is(err, syscall.ECONNREFUSED) {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}
