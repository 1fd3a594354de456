package nc

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// scanAtOnce is how many ports are looked at together: enough that a thousand
// silent ones take one timeout, few enough for the usual limit of 1,024
// descriptors.
const scanAtOnce = 900

// errClosed ends a scan that found no open port: told by -v, and by the status.
var errClosed = report.Told{Err: errors.New("no port is open")}

// scanPorts looks which ports are open, many at once, and tells in the ports' order.
func (n *netcat) scanPorts(ctx context.Context) error {
	addrs, err := n.addresses(ctx, n.c.Host)
	if err != nil {
		return err
	}
	var ports []int
	for _, r := range n.c.Ports {
		for p := r.Lo; p <= r.Hi; p++ {
			if p > 0 {
				ports = append(ports, p)
			}
		}
	}
	if n.c.Randomize {
		rand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	}
	open := false
	n.eachPort(ctx, addrs, ports, func(port int, r outcome) {
		for _, f := range r.failed {
			n.tellFailed(n.c.Host, f.addr, port, f.err)
			n.r.Event("port", "port", port, "state", stateWord(f.err), "address", f.addr.String())
		}
		if !r.open {
			return
		}
		open = true
		if n.c.UDP {
			n.r.Say("No answer from %s %d port [udp/%s]: open, or filtered; UDP does not tell", destination(n.c.Host, r.addr, n.c.NoDNS), port, n.service(port))
			n.r.Event("port", "port", port, "state", "open|filtered", "address", r.addr.String())
			return
		}
		n.saySucceeded(n.c.Host, r.addr, port)
		n.r.Event("port", "port", port, "state", "open", "address", r.addr.String())
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !open:
		return errClosed
	}
	return nil
}

func (n *netcat) service(port int) string {
	if n.c.NoDNS {
		return "*"
	}
	return cmdline.ServiceName(port, n.c.Proto())
}

func stateWord(err error) string {
	if report.TimedOut(err) {
		return "filtered"
	}
	return "closed"
}

// probe is one address of a port that did not connect.
type probe struct {
	addr netip.Addr
	err  error
}

// outcome is what is known of a port.
type outcome struct {
	open   bool
	addr   netip.Addr // where it is open
	failed []probe
	left   int // addresses not tried yet
}

// eachPort probes the ports, address after address until one is open, and
// calls tell for each in order, as soon as it and those before it are known.
func (n *netcat) eachPort(ctx context.Context, addrs []netip.Addr, ports []int, tell func(int, outcome)) {
	results := make([]outcome, len(ports))
	for i := range results {
		results[i].left = len(addrs)
	}
	var mu sync.Mutex
	next := 0
	for _, a := range addrs {
		var todo []int // indices
		var some []int // their ports
		for i, r := range results {
			if !r.open {
				todo, some = append(todo, i), append(some, ports[i])
			}
		}
		landed := func(k int, err error) {
			mu.Lock()
			defer mu.Unlock()
			r := &results[todo[k]]
			if r.left--; err != nil {
				r.failed = append(r.failed, probe{a, err})
			} else {
				r.open, r.addr = true, a
			}
			for next < len(ports) && (results[next].open || results[next].left == 0) && ctx.Err() == nil {
				tell(ports[next], results[next])
				next++
			}
		}
		if !n.probeMany(ctx, a, some, landed) {
			n.dialMany(ctx, a, some, landed)
		}
	}
}

// dialMany probes with a dialer and a goroutine for each port in flight.
func (n *netcat) dialMany(ctx context.Context, a netip.Addr, ports []int, landed func(int, error)) {
	workers := min(scanAtOnce, len(ports))
	if n.c.Interval > 0 {
		workers = 1
	}
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for k := range queue {
				conn, err := n.probe(ctx, a, ports[k])
				if err == nil {
					conn.Close()
				}
				landed(k, err)
			}
		})
	}
	for k := range ports {
		if k > 0 && n.c.Interval > 0 {
			select {
			case <-time.After(n.c.Interval):
			case <-ctx.Done():
			}
		}
		queue <- k
	}
	close(queue)
	wg.Wait()
}

// probe connects, or for UDP sends an empty datagram and waits for a refusal.
func (n *netcat) probe(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := n.attempt(ctx, a, port)
	if err != nil || !n.c.UDP {
		return conn, err
	}
	wait := n.c.Timeout
	if wait == 0 {
		wait = time.Second
	}
	conn.SetReadDeadline(time.Now().Add(wait))
	// A closed port answers the first datagram; the error comes with the second call.
	buf := make([]byte, 1)
	if _, err := conn.Write(nil); err == nil {
		_, err = conn.Read(buf)
		if report.Refused(err) {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}
