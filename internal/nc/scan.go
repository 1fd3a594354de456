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
	if n.c.Proxy.Addr != "" {
		p, err := n.proxies(ctx)
		if err != nil {
			return err
		}
		return p.scan(ctx, ports)
	}
	addrs, err := n.addresses(ctx, n.c.Host)
	if err != nil {
		return err
	}
	open := false
	s := scan.Scanner{
		Dial: n.attempt, Socket: n.c.Sock, Limit: n.c.ConnectTimeout(), Interval: n.c.Interval, UDP: n.c.UDP,
		Dialer: n.c.Source != "" || n.c.SourcePorts.Lo != 0,
	}
	if n.c.Ncat() {
		s.Payload = []byte{0} // as ncat does, and its users' listeners wait for
	}
	err = s.Each(ctx, addrs, ports, func(port int, r scan.Outcome) {
		for _, f := range r.Failed {
			n.tellFailed(n.c.Host, f.Addr, port, f.Err)
			n.tellState(port, f)
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
	case err != nil:
		return report.WithHint(err, "the ports that are not told of are unknown; ulimit -n shows how many files nc may open")
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

// tellState tells what a failed attempt says of a port. Only a refusal says that it is closed.
func (n *netcat) tellState(port int, f scan.Probe) {
	fields := []any{"port", port, "state", "unknown", "address", f.Addr.String()}
	switch {
	case report.Refused(f.Err):
		fields[3] = "closed"
	case report.TimedOut(f.Err):
		fields[3] = "filtered"
	default:
		fields = append(fields, "error", report.Cause(f.Err))
	}
	n.r.Event("port", fields...)
}
