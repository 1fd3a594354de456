package nc

import (
	"fmt"
	"strings"
)

// explanation says in words what a command line will do.
func explanation(c *config, options []given) string {
	var b strings.Builder
	b.WriteString(c.purpose())
	for _, g := range options {
		o := g.opt
		if o.explain == "" || o.long == "listen" || o.long == "zero" {
			continue
		}
		words := o.explain
		if strings.Contains(words, "%s") {
			words = fmt.Sprintf(words, g.value)
		}
		name := g.as
		if g.value != "" {
			name += " " + g.value
		}
		fmt.Fprintf(&b, "  %-22s %s\n", name, words)
	}
	b.WriteString(c.ending())
	return b.String()
}

func (c *config) purpose() string {
	var ports []string
	for _, r := range c.ports {
		if r.one() {
			ports = append(ports, fmt.Sprint(r.lo))
		} else {
			ports = append(ports, fmt.Sprintf("%d to %d", r.lo, r.hi))
		}
	}
	port := strings.Join(ports, ", ")
	kind := strings.ToUpper(c.proto())
	switch {
	case c.unix && c.listen:
		return fmt.Sprintf("nc listens on the Unix socket %s.\n", c.host)
	case c.unix:
		return fmt.Sprintf("nc connects to the Unix socket %s.\n", c.host)
	case c.vsock && c.listen:
		return fmt.Sprintf("nc listens on vsock port %s.\n", port)
	case c.scan:
		return fmt.Sprintf("nc looks which of the %s ports %s of %s are open.\n", kind, port, c.host)
	case c.listen:
		where := "every IPv4 address of this machine"
		if c.ipv6 {
			where = "every IPv6 address of this machine"
		}
		if c.host != "" {
			where = c.host
		}
		return fmt.Sprintf("nc listens on %s port %s of %s.\n", kind, port, where)
	}
	return fmt.Sprintf("nc connects to %s port %s of %s.\n", kind, port, c.host)
}

// ending says when it will be over.
func (c *config) ending() string {
	switch {
	case c.scan:
		return "It ends when all ports have been looked at; the status is 0 if one is open.\n"
	case c.broker || c.chat || c.listen && (c.proxy.kind != "" || c.runs() && c.keepOpen):
		return "It goes on until it is stopped.\n"
	case c.runs():
		return "It ends when the program has ended and its output is sent.\n"
	}
	var b strings.Builder
	switch {
	case c.recvOnly || c.noStdin:
	case c.sendOnly:
		b.WriteString("It ends at the end of the input.\n")
	case c.noShutdown:
		b.WriteString("At the end of the input it tells the peer nothing and goes on receiving.\n")
	case c.udp:
		b.WriteString("At the end of the input it goes on receiving.\n")
	default:
		b.WriteString("At the end of the input it tells the peer (FIN) and goes on receiving.\n")
	}
	if c.quitAfter >= 0 {
		fmt.Fprintf(&b, "It ends %v after the end of the input at the latest.\n", c.quitAfter)
	}
	switch {
	case c.udp && c.timeout == 0 && c.idleTimeout == 0 && c.quitAfter < 0:
		b.WriteString("Datagrams have no end: stop it with Ctrl-C, or add -w TIME.\n")
	case c.keepOpen:
		b.WriteString("When the peer has finished, it waits for the next connection.\n")
	case c.halfOpen:
		b.WriteString("It ends when both sides have finished.\n")
	case !c.udp:
		b.WriteString("It ends when the peer has finished and everything is written.\n")
	}
	return b.String()
}
