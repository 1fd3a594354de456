package nc

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/scan"
)

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
	s := scan.Scanner{
		Dial: n.attempt, Socket: n.c.Sock, Limit: n.c.ConnectTimeout(), Interval: n.c.Interval, UDP: n.c.UDP,
		Dialer: n.c.Source != "" || n.c.SourcePorts.Lo != 0,
	}
	if n.c.Ncat() {
		s.Payload = []byte{0} // as ncat does, and its users' listeners wait for
	}
	s.Each(ctx, addrs, ports, func(port int, r scan.Outcome) {
		for _, f := range r.Failed {
			n.tellFailed(n.c.Host, f.Addr, port, f.Err)
			n.r.Event("port", "port", port, "state", stateWord(f.Err), "address", f.Addr.String())
		}
		if !r.Open {
			return
		}
		open = true
		if n.c.UDP {
			n.r.Say("No answer from %s %d port [udp/%s]: open, or filtered; UDP does not tell", destination(n.c.Host, r.Addr, n.c.NoDNS), port, n.service(port))
			n.r.Event("port", "port", port, "state", "open|filtered", "address", r.Addr.String())
			return
		}
		n.saySucceeded(n.c.Host, r.Addr, port)
		n.r.Event("port", "port", port, "state", "open", "address", r.Addr.String())
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
