package nc

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// scanAtOnce is how many ports are looked at together: enough that a thousand
// silent ones take one timeout, few enough for the usual limit of 1,024
// descriptors.
const scanAtOnce = 900

// errClosed ends a scan that found no open port: told by -v, and by the status.
var errClosed = told{errors.New("no port is open")}

// scanPorts looks which ports are open, many at once, and tells in the ports' order.
func (n *netcat) scanPorts(ctx context.Context) error {
	addrs, err := n.addresses(ctx, n.c.host)
	if err != nil {
		return err
	}
	var ports []int
	for _, r := range n.c.ports {
		for p := r.lo; p <= r.hi; p++ {
			if p > 0 {
				ports = append(ports, p)
			}
		}
	}
	if n.c.randomize {
		rand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	}
	open := false
	n.eachPort(ctx, addrs, ports, func(port int, a netip.Addr, conn net.Conn, failed []probe) {
		for _, f := range failed {
			n.tellFailed(n.c.host, f.addr, port, f.err)
			n.r.event("port", "port", port, "state", stateWord(f.err), "address", f.addr.String())
		}
		if conn == nil {
			return
		}
		open = true
		if n.c.udp {
			n.r.say("No answer from %s %d port [udp/%s]: open, or filtered; UDP does not tell", destination(n.c.host, a, n.c.noDNS), port, n.service(port))
			n.r.event("port", "port", port, "state", "open|filtered", "address", a.String())
		} else {
			n.tellConnected(n.c.host, conn, port)
			n.r.event("port", "port", port, "state", "open", "address", a.String())
		}
		conn.Close()
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
	if n.c.noDNS {
		return "*"
	}
	return serviceName(port, n.c.proto())
}

func stateWord(err error) string {
	if timedOut(err) {
		return "filtered"
	}
	return "closed"
}

// probe is one address of a port that did not connect.
type probe struct {
	addr netip.Addr
	err  error
}

// eachPort probes the ports and calls tell for each, in order.
func (n *netcat) eachPort(ctx context.Context, addrs []netip.Addr, ports []int, tell func(port int, a netip.Addr, conn net.Conn, failed []probe)) {
	type result struct {
		conn   net.Conn
		addr   netip.Addr
		failed []probe
		ready  chan struct{}
	}
	results := make([]result, len(ports))
	for i := range results {
		results[i].ready = make(chan struct{})
	}
	workers := min(scanAtOnce, len(ports))
	if n.c.interval > 0 {
		workers = 1
	}
	var next int
	var mu sync.Mutex
	var wg sync.WaitGroup
	// One worker too few ends the scan no later, and one for each port costs more than it saves on a fast network.
	work := func() {
		defer wg.Done()
		for {
			mu.Lock()
			i := next
			next++
			mu.Unlock()
			if i >= len(ports) {
				return
			}
			r := &results[i]
			if i > 0 && n.c.interval > 0 {
				select {
				case <-time.After(n.c.interval):
				case <-ctx.Done():
				}
			}
			for _, a := range addrs {
				conn, err := n.probe(ctx, a, ports[i])
				if err == nil {
					r.conn, r.addr = conn, a
					break
				}
				r.failed = append(r.failed, probe{a, err})
			}
			close(r.ready)
		}
	}
	wg.Add(workers)
	for range workers {
		go work()
	}
	for i := range results {
		r := &results[i]
		<-r.ready
		tell(ports[i], r.addr, r.conn, r.failed)
		r.conn = nil
	}
	wg.Wait()
}

// probe connects, or for UDP sends an empty datagram and waits for a refusal.
func (n *netcat) probe(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := n.attempt(ctx, a, port)
	if err != nil || !n.c.udp {
		return conn, err
	}
	wait := n.c.timeout
	if wait == 0 {
		wait = time.Second
	}
	conn.SetReadDeadline(time.Now().Add(wait))
	// A closed port answers the first datagram; the error comes with the second call.
	buf := make([]byte, 1)
	if _, err := conn.Write(nil); err == nil {
		_, err = conn.Read(buf)
		if refused(err) {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}
