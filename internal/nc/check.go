package nc

import (
	"strings"
)

// bad is one combination that makes no sense, with the way out.
type bad struct {
	when      func(c *config) bool
	msg, hint string
}

// combinations are checked in order; the first that holds is told.
var combinations = []bad{
	{func(c *config) bool { return c.ipv4 && c.ipv6 }, "-4 and -6 exclude each other", "leave both out: IPv6 and IPv4 are both tried"},
	{func(c *config) bool { return c.unix && c.vsock }, "-U and --vsock exclude each other", "choose one"},
	{func(c *config) bool { return (c.unix || c.vsock) && (c.ipv4 || c.ipv6) }, "-4 and -6 are for the internet, not for -U or --vsock", "leave them out"},
	{func(c *config) bool { return c.vsock && c.udp }, "--vsock is for streams only", "leave -u out"},
	{func(c *config) bool { return c.scan && c.listen }, "-z looks for open ports, -l opens one", "leave one of them out"},
	{func(c *config) bool { return c.scan && (c.unix || c.vsock) }, "-z looks for open ports, and this kind of socket has none", "connect without -z"},
	{func(c *config) bool { return c.scan && (c.runs() || c.tls.on || c.proxy.addr != "") }, "-z only looks which ports are open; it sends nothing", "leave out -z, or the program, TLS and proxy options"},
	{func(c *config) bool { return c.keepOpen && !c.listen }, "-k keeps on listening, and there is no -l", "add -l; to connect again and again, use a loop in the shell"},
	{func(c *config) bool { return c.maxConns > 0 && !c.listen }, "-m is the greatest number of connections, and there is no -l", "for the lowest TTL accepted (OpenBSD's -m), write --min-ttl"},
	{func(c *config) bool {
		return !c.listen && (c.allowFile != "" || c.denyFile != "" || len(c.allow)+len(c.deny) > 0)
	}, "--allow and --deny choose who may connect, and there is no -l", "add -l, or leave them out"},
	{func(c *config) bool { return !c.listen && (c.broker || c.chat) }, "--broker and --chat wait for connections, and there is no -l", "add -l"},
	{func(c *config) bool { return (c.broker || c.chat) && c.udp }, "--broker and --chat need connections, and UDP has none", "leave -u out"},
	{func(c *config) bool { return (c.broker || c.chat) && c.runs() }, "--broker and --chat pass bytes between connections, not to a program", "leave out -e and -c, or the broker"},
	{func(c *config) bool { return c.exec != "" && c.shExec != "" }, "-e and -c both name a program", "choose one: -e runs it, -c gives it to the shell"},
	{func(c *config) bool { return c.pty && !c.runs() }, "--pty gives a program a terminal, and no program is named", "add -e or -c"},
	{func(c *config) bool { return c.pty && c.udp }, "--pty needs a stream", "leave -u out"},
	{func(c *config) bool { return c.sendOnly && c.recvOnly }, "--send-only and --recv-only leave nothing to do", "choose one"},
	{func(c *config) bool { return c.noStdin && c.sendOnly }, "-d does not read the input, and --send-only does nothing else", "choose one"},
	{func(c *config) bool { return c.noStdin && c.hexInput }, "-d does not read the input that --hex is about", "choose one"},
	{func(c *config) bool { return c.tls.on && c.udp }, "TLS needs a stream, and -u sends datagrams", "leave -u out"},
	{func(c *config) bool { return c.tls.verify && c.tls.insecure }, "--ssl-verify and --ssl-insecure exclude each other", "choose one; --ssl-fingerprint accepts one certificate without trusting all"},
	{func(c *config) bool { return c.tls.fingerprint != "" && c.tls.insecure }, "--ssl-fingerprint accepts one certificate, --ssl-insecure all", "leave --ssl-insecure out"},
	{func(c *config) bool { return c.tls.key != "" && c.tls.cert == "" }, "--ssl-key without --ssl-cert", "give the certificate too: --ssl-cert FILE"},
	{func(c *config) bool { return c.listen && c.proxy.addr != "" }, "a proxy connects out, and -l waits for connections", "to be a proxy: nc -lk --proxy-type http PORT"},
	{func(c *config) bool {
		return c.listen && c.proxy.kind != "" && c.proxy.kind != "http" && c.proxy.kind != "socks5"
	}, "nc can be an HTTP or a SOCKS5 proxy", "--proxy-type http or --proxy-type socks5"},
	{func(c *config) bool {
		return c.listen && c.proxy.kind != "" && (c.runs() || c.broker || c.chat || c.udp || c.unix)
	}, "a proxy server passes on TCP connections, nothing else", "leave out -e, -c, --broker, --chat, -u and -U"},
	{func(c *config) bool { return !c.listen && c.proxy.kind != "" && c.proxy.addr == "" }, "-X names a kind of proxy, but not where it is", "add -x ADDR:PORT"},
	{func(c *config) bool { return (c.proxy.user != "" || c.proxy.dns != "") && c.proxy.addr == "" }, "a user or a place for look-ups is given, but no proxy", "add -x ADDR:PORT"},
	{func(c *config) bool { return c.proxy.auth != "" && c.proxy.addr == "" && c.proxy.kind == "" }, "--proxy-auth is given, but no proxy", "add -x ADDR:PORT, or with -l --proxy-type"},
	{func(c *config) bool { return c.proxy.auth != "" && !strings.Contains(c.proxy.auth, ":") }, "--proxy-auth is USER:PASS", "for a user without a password, end with a colon"},
	{func(c *config) bool { return c.proxy.addr != "" && (c.udp || c.unix || c.vsock) }, "a proxy carries TCP", "leave out -u, -U and --vsock"},
	{func(c *config) bool { return c.proxy.header > 0 && (c.udp || c.unix || c.vsock) }, "the PROXY protocol is for TCP", "leave out -u, -U and --vsock"},
	{func(c *config) bool { return c.passFD && c.listen }, "-F passes a connection that nc makes", "leave out -l"},
	{func(c *config) bool { return c.passFD && (c.runs() || c.tls.on) }, "-F passes the bare socket on", "leave out the program and TLS options"},
	{func(c *config) bool { return c.sock.broadcast && !c.udp }, "-b is about UDP", "add -u"},
	{func(c *config) bool { return c.sock.md5 && c.udp }, "-S signs TCP segments", "leave -u out"},
	{func(c *config) bool { return c.appendOutput && c.output == "" && c.hexDump == "" }, "--append-output, but no file to append to", "add --output FILE or --hex-dump FILE"},
	{func(c *config) bool { return c.output != "" && c.output == c.hexDump }, "--output and --hex-dump name the same file", "name two"},
	{func(c *config) bool { return c.resolve != nil && (c.unix || c.vsock) }, "--resolve is for names of hosts", "leave it out"},
	{func(c *config) bool { return c.iface != "" && (c.unix || c.vsock) }, "--interface is for the internet", "leave it out"},
	{func(c *config) bool { return len(c.steps) > 0 && (c.listen || c.runs() || c.scan) }, "--wait-for and --send are steps of a client", "leave out -l, -z, -e and -c"},
	{func(c *config) bool { return len(c.steps) > 0 && c.recvOnly }, "--recv-only sends nothing, so it has no steps", "leave out --recv-only; -d does without the input"},
	{func(c *config) bool {
		return c.pow && (c.listen || c.runs() || c.scan || c.recvOnly || c.sendOnly || c.passFD)
	}, "--pow reads what a server asks, and answers it", "leave out -l, -z, -e, -c, -F, --recv-only and --send-only"},
	{func(c *config) bool { return c.powWait > 0 && !c.pow }, "--pow-wait is how long --pow keeps the input back, and there is no --pow", "add --pow"},
	{func(c *config) bool { return c.pow && c.udp }, "--pow needs a stream", "leave -u out"},
	{func(c *config) bool { return c.retry > 0 && (c.listen || c.scan) }, "--retry is about connecting", "leave out -l and -z"},
	{func(c *config) bool {
		return c.runs() && (c.hexInput || c.sendOnly || c.recvOnly || c.noStdin || c.timestamps || c.progress)
	}, "with -e and -c the program is at the other end, not your terminal", "leave out --hex, --send-only, --recv-only, -d, --timestamps and --progress"},
	{func(c *config) bool {
		return c.runs() && (c.crlf || c.telnet || c.interval > 0 || c.limitRate > 0 || c.recvLimit > 0 || c.halfOpen || c.noShutdown || c.transcript != "")
	}, "-C, -t, -i, -W, --limit-rate, --half-open, --no-shutdown and --transcript are for nc's own input and output, not a program's", "leave them out; --hex-dump and --output work with programs"},
	{func(c *config) bool {
		return (c.broker || c.chat || c.listen && c.proxy.kind != "") && (c.crlf || c.telnet || c.hexInput || c.interval > 0 || c.recvLimit > 0 || c.sendOnly || c.recvOnly || c.transcript != "" || c.timestamps || c.progress || c.limitRate > 0 || c.delay > 0 || c.hexDump != "" || c.output != "" || c.halfOpen || c.noShutdown || c.quitAfter >= 0)
	}, "a broker or proxy only passes bytes between its connections", "leave out the options about nc's own input and output"},
	{func(c *config) bool {
		return c.scan && (len(c.steps) > 0 || c.hexInput || c.crlf || c.transcript != "")
	}, "-z sends and receives nothing", "leave out the options about the bytes"},
	{func(c *config) bool { return c.maxConns > 0 && !c.broker && !c.chat && !c.runs() && c.proxy.kind == "" }, "without a program, a broker or a proxy, connections are served one after another", "leave -m out, or add -e, -c, --broker, --chat or --proxy-type"},
	{func(c *config) bool { return c.runs() && c.keepOpen && c.udp }, "datagrams have no connections to run a program for", "leave -k out: the program then serves the peer that speaks first"},
	{func(c *config) bool { return c.noEdit && c.history != "" }, "--no-edit keeps no history", "leave out --history"},
	{func(c *config) bool { return c.telnet && c.udp }, "TELNET needs a stream", "leave -u out"},
	{func(c *config) bool { return c.noShutdown && c.sendOnly }, "--send-only ends with its input, and --no-shutdown does not tell that", "choose one"},
}

// check reads the operands and refuses what makes no sense together.
func (c *config) check(operands []string) error {
	for _, b := range combinations {
		if b.when(c) {
			return usage(b.hint, "%s", b.msg)
		}
	}
	if c.broker || c.chat || c.listen && c.proxy.kind != "" {
		c.keepOpen = true
	}
	if c.unix || c.vsock {
		return c.checkPath(operands)
	}
	if err := c.checkHostPort(operands); err != nil {
		return err
	}
	for _, b := range []bad{
		{func(c *config) bool { return !c.listen && !c.scan && (len(c.ports) != 1 || !c.ports[0].one()) }, "one connection goes to one port", "add -z to look at several"},
		{func(c *config) bool { return !c.listen && len(c.ports) > 0 && c.ports[0].lo == 0 }, "port 0 is nobody's", "0 means any free port, and only with -l"},
		{func(c *config) bool { return !c.sourcePorts.one() }, "-p is one port", "write one number"},
	} {
		if b.when(c) {
			return usage(b.hint, "%s", b.msg)
		}
	}
	return nil
}

// checkPath reads the operands of -U and --vsock.
func (c *config) checkPath(operands []string) error {
	if c.vsock {
		return c.checkVsock(operands)
	}
	switch {
	case len(operands) == 0:
		return usage("nc -U /run/thing.sock", "-U needs the path of a socket")
	case len(operands) > 1:
		return usage("nc -U PATH", "-U takes one path, and there is %q too", operands[1])
	case c.sourcePorts != portRange{}:
		return usage("leave -p out", "-p is a port, and -U has none")
	}
	c.host = operands[0]
	return nil
}

func (c *config) checkVsock(operands []string) error {
	if c.listen && len(operands) == 1 {
		operands = []string{"", operands[0]}
	}
	if len(operands) != 2 {
		return usage("nc --vsock CID PORT, or nc -l --vsock PORT", "--vsock needs a context ID and a port")
	}
	if _, err := parseUint32(operands[0]); err != nil && !(c.listen && operands[0] == "") {
		return usage("2 is the host, 1 this machine", "%q is no vsock context ID", operands[0])
	}
	port, err := parseUint32(operands[1])
	if err != nil {
		return usage("it is a number", "%q is no vsock port", operands[1])
	}
	c.host = operands[0]
	c.ports = []portRange{{lo: int(port), hi: int(port)}}
	return nil
}

// checkHostPort reads "host port…"; with -l "[host] port", where -p may give the port.
func (c *config) checkHostPort(operands []string) error {
	if c.listen {
		return c.checkListen(operands)
	}
	if len(operands) == 1 {
		if host, port, ok := splitHostPort(operands[0]); ok {
			operands = []string{host, port}
		} else if c.compat == compatNcat {
			operands = append(operands, "31337") // ncat's port when none is given
		}
	}
	switch len(operands) {
	case 0:
		return usage("nc HOST PORT connects, nc -l PORT listens, nc -h says more", "where to?")
	case 1:
		return usage("nc "+operands[0]+" PORT", "%s needs a port", operands[0])
	}
	c.host = strings.Trim(operands[0], "[]")
	return c.addPorts(operands[1:])
}

func (c *config) checkListen(operands []string) error {
	switch {
	case len(operands) == 0 && c.sourcePorts == portRange{}:
		if c.compat != compatNcat {
			return usage("nc -l PORT; 0 takes any free one, and -v tells which", "-l needs a port")
		}
		operands = []string{"31337"}
	case len(operands) == 1 && c.sourcePorts == portRange{}:
		if host, port, ok := splitHostPort(operands[0]); ok {
			operands = []string{host, port}
		}
	}
	switch {
	case c.sourcePorts != portRange{} && len(operands) == 1:
		// nc -l -p 4444 127.0.0.1; a lone number beside -p is a second port.
		if r, err := parsePorts(operands[0], c.proto(), true); err == nil && r.name == "" {
			return usage("nc -l PORT, or nc -l -p PORT", "two ports to listen on: %d and %s", c.sourcePorts.lo, operands[0])
		}
		c.host = operands[0]
	case c.sourcePorts != portRange{} && len(operands) > 1:
		return usage("nc -l -p PORT [HOST]", "-l takes one port, and -p has given it")
	case c.sourcePorts != portRange{}:
	case len(operands) == 1:
		if err := c.addPorts(operands); err != nil {
			return err
		}
	case len(operands) == 2:
		c.host = operands[0]
		if err := c.addPorts(operands[1:]); err != nil {
			return err
		}
	default:
		return usage("nc -l [HOST] PORT", "-l takes one port, and there is %q too", operands[2])
	}
	if len(c.ports) == 0 {
		c.ports = []portRange{c.sourcePorts}
		c.sourcePorts = portRange{}
	}
	if len(c.ports) != 1 || !c.ports[0].one() {
		return usage("run one nc for each port", "-l listens on one port")
	}
	if c.source != "" {
		if c.host != "" && c.host != c.source {
			return usage("give one of them", "two addresses to listen on: %s and %s", c.host, c.source)
		}
		c.host, c.source = c.source, ""
	}
	c.host = strings.Trim(c.host, "[]")
	return nil
}

func (c *config) addPorts(words []string) error {
	for _, w := range words {
		for part := range strings.SplitSeq(w, ",") {
			r, err := parsePorts(part, c.proto(), true)
			if err != nil {
				return usage(err.Error(), "%q is no port", part)
			}
			c.ports = append(c.ports, r)
		}
	}
	return nil
}

// splitHostPort reads host:port and [v6]:port; a bare IPv6 address is no such thing.
func splitHostPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	host, port = s[:i], s[i+1:]
	if strings.HasPrefix(host, "[") != strings.HasSuffix(host, "]") {
		return "", "", false
	}
	if !strings.HasPrefix(host, "[") && strings.Contains(host, ":") {
		return "", "", false
	}
	return strings.Trim(host, "[]"), port, true
}
