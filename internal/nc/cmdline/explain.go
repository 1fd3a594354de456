package cmdline

import (
	"fmt"
	"strings"
	"unicode"
)

// Explanation says in words what a command line will do.
func Explanation(c *Config, options []Given) string {
	var b strings.Builder
	b.WriteString(c.purpose())
	for _, g := range options {
		o := g.opt
		if o.explain == "" || o.long == "listen" || o.long == "zero" {
			continue
		}
		words := c.means(o)
		if words == "" {
			words = o.explain
		}
		value := g.value
		switch {
		case o.long == "proxy":
			value = withoutLogins(value)
		case o.long == "proxy-auth":
			user, _, _ := strings.Cut(value, ":")
			value = user + ":…"
		case o.arg == "TIME" && unicode.IsDigit(rune(value[len(value)-1])):
			value += " s"
		}
		if strings.Contains(words, "%s") {
			words = fmt.Sprintf(words, value)
		}
		name := g.as
		if value != "" {
			name += " " + value
		}
		fmt.Fprintf(&b, "  %-22s %s\n", name, words)
	}
	b.WriteString(c.ending())
	return b.String()
}

// withoutLogins leaves out what stands before the addresses of proxies.
func withoutLogins(chain string) string {
	hops := strings.Split(chain, ",")
	for i, hop := range hops {
		scheme := strings.Index(hop, "://") + len("://")
		if scheme < len("://") {
			scheme = 0
		}
		if at := strings.LastIndexByte(hop, '@'); at >= scheme {
			hops[i] = hop[:scheme] + hop[at+1:]
		}
	}
	return strings.Join(hops, ",")
}

// means says what an option means beside the others, where that is not what it means alone.
func (c *Config) means(o *option) string {
	switch o.long {
	case "ssl", "ssl-insecure":
		switch {
		case c.Listen && c.TLS.AsksClient():
			return "uses TLS"
		case c.Listen:
			return "uses TLS; clients need no certificate"
		case o.long == "ssl" && (c.TLS.Insecure || c.TLS.Fingerprint != ""):
			return "uses TLS"
		}
	case "ssl-fingerprint":
		if c.Listen {
			return "wants the client's certificate to be exactly the one with the SHA-256 fingerprint %s"
		}
	case "ssl-verify":
		if c.Listen {
			return "wants a certificate of the client, and verifies it"
		}
	case "ssl-trustfile":
		if c.Listen {
			return "wants a certificate of the client, from one that is in %s"
		}
	case "udp":
		if c.Scan {
			return "looks at UDP ports; one that does not answer is open or filtered"
		}
		if c.Unix {
			return "uses Unix datagrams: every read of the input is sent as one"
		}
	case "timeout":
		switch {
		case c.Listen:
			return "ends when nothing moved for %s"
		case c.Scan:
			return "gives up on a port after %s"
		}
	case "wait", "connect-timeout":
		switch {
		case c.Listen && c.TLS.On:
			return "gives a client that long for its TLS handshake (%s)"
		case c.Listen:
			return "nothing: it makes no connection"
		}
	case "quit-after":
		if c.QuitAfter < 0 {
			return "waits for the peer, as without it"
		}
		if c.NoStdin || c.RecvOnly {
			return "nothing: the input is not read"
		}
	case "interval":
		if c.Scan {
			return "waits %s between ports"
		}
	case "proxy-type":
		if c.Listen {
			return "is a proxy (%s) for who connects"
		}
	case "proxy-dns":
		return map[string]string{
			"local": "looks the destination's name up here (%s)", "remote": "leaves it to the proxy to look the destination's name up (%s)",
			"both": "leaves it to the proxy to look the destination's name up, where it can (%s)", "none": "looks no name up: the destination is an address (%s)",
		}[c.Proxy.DNS]
	case "half-open":
		if c.RecvOnly {
			return "nothing: it sends nothing"
		}
	}
	return ""
}

func (c *Config) purpose() string {
	var ports []string
	for _, r := range c.Ports {
		if r.One() {
			ports = append(ports, fmt.Sprint(r.Lo))
		} else {
			ports = append(ports, fmt.Sprintf("%d to %d", r.Lo, r.Hi))
		}
	}
	port := strings.Join(ports, ", ")
	kind := strings.ToUpper(c.Proto())
	switch {
	case c.Unix && c.Listen:
		return fmt.Sprintf("nc listens on the Unix socket %s.\n", c.Host)
	case c.Unix:
		return fmt.Sprintf("nc connects to the Unix socket %s.\n", c.Host)
	case c.Vsock && c.Listen:
		return fmt.Sprintf("nc listens on vsock port %s.\n", port)
	case c.Vsock:
		return fmt.Sprintf("nc connects to vsock port %s of %s.\n", port, c.Host)
	case c.Scan && len(ports) == 1 && c.Ports[0].One():
		return fmt.Sprintf("nc looks whether %s port %s of %s is open.\n", kind, port, c.Host)
	case c.Scan:
		return fmt.Sprintf("nc looks which of the %s ports %s of %s are open.\n", kind, port, c.Host)
	case c.Listen:
		where := "every IPv4 address of this machine"
		switch {
		case c.IPv6:
			where = "every IPv6 address of this machine"
		case c.Ncat() && !c.IPv4:
			where = "every address of this machine"
		}
		if c.Host != "" {
			where = c.Host
		}
		return fmt.Sprintf("nc listens on %s port %s of %s.\n", kind, port, where)
	}
	return fmt.Sprintf("nc connects to %s port %s of %s.\n", kind, port, c.Host)
}

// ending says when it will be over.
func (c *Config) ending() string {
	switch {
	case c.Scan:
		return "It ends when all ports have been looked at; the status is 0 if one is open.\n"
	case c.Broker || c.Chat || c.Listen && (c.Proxy.Kind != "" || c.Runs() && c.KeepOpen):
		return "It goes on until it is stopped.\n"
	case c.PassFD:
		return "It ends when the connection is made and handed on.\n"
	case c.Runs():
		return "It ends when the program has ended and its output is sent.\n"
	}
	var b strings.Builder
	switch {
	case len(c.Steps) > 0 && c.NoStdin && !c.NoShutdown && !c.UDP:
		b.WriteString("When the steps are done it tells the peer (FIN) and goes on receiving.\n")
	case c.RecvOnly || c.NoStdin:
	case c.SendOnly:
		return "It ends at the end of the input, or when the peer has finished.\n"
	case c.NoShutdown:
		b.WriteString("At the end of the input it tells the peer nothing and goes on receiving.\n")
	case c.UDP:
		b.WriteString("At the end of the input it goes on receiving.\n")
	default:
		b.WriteString("At the end of the input it tells the peer (FIN) and goes on receiving")
		switch {
		case c.Listen:
			b.WriteString("; an empty input is no end.\n")
		case c.Proxy.Addr != "":
			b.WriteString("; behind a proxy, when the peer has been quiet for a second.\n")
		default:
			b.WriteString("; of an empty input, when the peer has been quiet for a second.\n")
		}
	}
	if c.QuitAfter >= 0 && !c.NoStdin && !c.RecvOnly {
		fmt.Fprintf(&b, "It ends %v after the end of the input at the latest.\n", c.QuitAfter)
	}
	switch {
	case c.RecvLimit > 0:
		fmt.Fprintf(&b, "It ends when %d packets have come.\n", c.RecvLimit)
	case c.UDP && c.Timeout == 0 && c.IdleTimeout == 0 && c.QuitAfter < 0:
		b.WriteString("Datagrams have no end: stop it with Ctrl-C, or add -w TIME.\n")
	case c.Crowd():
		b.WriteString("It serves many peers at once, and goes on until it is stopped.\n")
	case c.KeepOpen:
		b.WriteString("When the peer has finished, it waits for the next connection.\n")
	case c.HalfOpen:
		b.WriteString("It ends when both sides have finished.\n")
	case !c.UDP:
		b.WriteString("It ends when the peer has finished and everything is written.\n")
	}
	return b.String()
}
