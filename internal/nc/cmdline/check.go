package cmdline

import (
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// bad is one combination that makes no sense, with the way out.
type bad struct {
	when      func(c *Config) bool
	msg, hint string
}

// combinations are checked in order; the first that holds is told.
var combinations = []bad{
	{func(c *Config) bool { return c.IPv4 && c.IPv6 }, "-4 and -6 exclude each other", "leave both out: IPv6 and IPv4 are both tried"},
	{func(c *Config) bool { return c.Unix && c.Vsock }, "-U and --vsock exclude each other", "choose one"},
	{func(c *Config) bool { return (c.Unix || c.Vsock) && (c.IPv4 || c.IPv6) }, "-4 and -6 are for the internet, not for -U or --vsock", "leave them out"},
	{func(c *Config) bool { return c.Vsock && c.UDP }, "--vsock is for streams only", "leave -u out"},
	{func(c *Config) bool { return c.Scan && c.Listen }, "-z looks for open ports, -l opens one", "leave one of them out"},
	{func(c *Config) bool { return c.Scan && (c.Unix || c.Vsock) }, "-z looks for open ports, and this kind of socket has none", "connect without -z"},
	{func(c *Config) bool { return c.Scan && (c.Runs() || c.TLS.On || c.Proxy.Addr != "") }, "-z only looks which ports are open; it sends nothing", "leave out -z, or the program, TLS and proxy options"},
	{func(c *Config) bool { return c.KeepOpen && !c.Listen }, "-k keeps on listening, and there is no -l", "add -l; to connect again and again, use a loop in the shell"},
	{func(c *Config) bool { return c.MaxConns > 0 && !c.Listen }, "-m is the greatest number of connections, and there is no -l", "for the lowest TTL accepted (OpenBSD's -m), write --min-ttl"},
	{func(c *Config) bool {
		return !c.Listen && (c.AllowFile != "" || c.DenyFile != "" || len(c.Allow)+len(c.Deny) > 0)
	}, "--allow and --deny choose who may connect, and there is no -l", "add -l, or leave them out"},
	{func(c *Config) bool { return !c.Listen && (c.Broker || c.Chat) }, "--broker and --chat wait for connections, and there is no -l", "add -l"},
	{func(c *Config) bool { return (c.Broker || c.Chat) && c.UDP }, "--broker and --chat need connections, and UDP has none", "leave -u out"},
	{func(c *Config) bool { return (c.Broker || c.Chat) && c.Runs() }, "--broker and --chat pass bytes between connections, not to a program", "leave out -e and -c, or the broker"},
	{func(c *Config) bool { return c.Exec != "" && c.ShExec != "" }, "-e and -c both name a program", "choose one: -e runs it, -c gives it to the shell"},
	{func(c *Config) bool { return c.PTY && !c.Runs() }, "--pty gives a program a terminal, and no program is named", "add -e or -c"},
	{func(c *Config) bool { return c.PTY && c.UDP }, "--pty needs a stream", "leave -u out"},
	{func(c *Config) bool { return c.SendOnly && c.RecvOnly }, "--send-only and --recv-only leave nothing to do", "choose one"},
	{func(c *Config) bool { return c.NoStdin && c.SendOnly }, "-d does not read the input, and --send-only does nothing else", "choose one"},
	{func(c *Config) bool { return c.NoStdin && c.HexInput }, "-d does not read the input that --hex is about", "choose one"},
	{func(c *Config) bool { return c.TLS.On && c.UDP }, "TLS needs a stream, and -u sends datagrams", "leave -u out"},
	{func(c *Config) bool { return c.TLS.Verify && c.TLS.Insecure }, "--ssl-verify and --ssl-insecure exclude each other", "choose one; --ssl-fingerprint accepts one certificate without trusting all"},
	{func(c *Config) bool { return c.TLS.Fingerprint != "" && c.TLS.Insecure }, "--ssl-fingerprint accepts one certificate, --ssl-insecure all", "leave --ssl-insecure out"},
	{func(c *Config) bool { return c.TLS.Key != "" && c.TLS.Cert == "" }, "--ssl-key without --ssl-cert", "give the certificate too: --ssl-cert FILE"},
	{func(c *Config) bool { return c.Listen && c.Proxy.Addr != "" }, "a proxy connects out, and -l waits for connections", "to be a proxy: nc -lk --proxy-type http PORT"},
	{func(c *Config) bool {
		return c.Listen && c.Proxy.Kind != "" && c.Proxy.Kind != "http" && c.Proxy.Kind != "socks5"
	}, "nc can be an HTTP or a SOCKS5 proxy", "--proxy-type http or --proxy-type socks5"},
	{func(c *Config) bool {
		return c.Listen && c.Proxy.Kind != "" && (c.Runs() || c.Broker || c.Chat || c.UDP || c.Unix)
	}, "a proxy server passes on TCP connections, nothing else", "leave out -e, -c, --broker, --chat, -u and -U"},
	{func(c *Config) bool { return !c.Listen && c.Proxy.Kind != "" && c.Proxy.Addr == "" }, "-X names a kind of proxy, but not where it is", "add -x ADDR:PORT"},
	{func(c *Config) bool { return (c.Proxy.User != "" || c.Proxy.DNS != "") && c.Proxy.Addr == "" }, "a user or a place for look-ups is given, but no proxy", "add -x ADDR:PORT"},
	{func(c *Config) bool { return c.Proxy.Auth != nil && c.Proxy.Addr == "" && c.Proxy.Kind == "" }, "--proxy-auth is given, but no proxy", "add -x ADDR:PORT, or with -l --proxy-type"},
	{func(c *Config) bool { return c.Listen && c.Proxy.Auth != nil && !strings.Contains(*c.Proxy.Auth, ":") }, "--proxy-auth is USER:PASS", "for a user without a password, end with a colon"},
	{func(c *Config) bool { return c.Proxy.Addr != "" && (c.UDP || c.Unix || c.Vsock) }, "a proxy carries TCP", "leave out -u, -U and --vsock"},
	{func(c *Config) bool { return c.Proxy.Header > 0 && (c.UDP || c.Unix || c.Vsock) }, "the PROXY protocol is for TCP", "leave out -u, -U and --vsock"},
	{func(c *Config) bool { return c.PassFD && c.Listen }, "-F passes a connection that nc makes", "leave out -l"},
	{func(c *Config) bool { return c.PassFD && (c.Runs() || c.TLS.On) }, "-F passes the bare socket on", "leave out the program and TLS options"},
	{func(c *Config) bool { return c.Sock.Broadcast && !c.UDP }, "-b is about UDP", "add -u"},
	{func(c *Config) bool { return c.Sock.MD5 && c.UDP }, "-S signs TCP segments", "leave -u out"},
	{func(c *Config) bool { return c.AppendOutput && c.Output == "" && c.HexDump == "" }, "--append-output, but no file to append to", "add --output FILE or --hex-dump FILE"},
	{func(c *Config) bool { return c.Output != "" && c.Output == c.HexDump }, "--output and --hex-dump name the same file", "name two"},
	{func(c *Config) bool { return c.Resolve != nil && (c.Unix || c.Vsock) }, "--resolve is for names of hosts", "leave it out"},
	{func(c *Config) bool { return c.Sock.Interface != "" && (c.Unix || c.Vsock) }, "--interface is for the internet", "leave it out"},
	{func(c *Config) bool { return len(c.Steps) > 0 && (c.Listen || c.Runs() || c.Scan) }, "--wait-for and --send are steps of a client", "leave out -l, -z, -e and -c"},
	{func(c *Config) bool {
		return c.SendOnly && slices.ContainsFunc(c.Steps, func(s Step) bool { return !s.Send })
	}, "--send-only receives nothing, so there is nothing to wait for", "leave out --send-only"},
	{func(c *Config) bool {
		return c.Unix && (len(c.Allow) > 0 || len(c.Deny) > 0 || c.AllowFile != "" || c.DenyFile != "")
	}, "--allow and --deny are about addresses, and a Unix socket's peers have none", "leave them out; the permissions of the socket's directory say who may connect"},
	{func(c *Config) bool { return len(c.Steps) > 0 && c.RecvOnly }, "--recv-only sends nothing, so it has no steps", "leave out --recv-only; -d does without the input"},
	{func(c *Config) bool {
		return c.PoW && (c.Listen || c.Runs() || c.Scan || c.RecvOnly || c.SendOnly || c.PassFD)
	}, "--pow reads what a server asks, and answers it", "leave out -l, -z, -e, -c, -F, --recv-only and --send-only"},
	{func(c *Config) bool { return c.PoWWait > 0 && !c.PoW }, "--pow-wait is how long --pow keeps the input back, and there is no --pow", "add --pow"},
	{func(c *Config) bool { return c.PoW && c.UDP }, "--pow needs a stream", "leave -u out"},
	{func(c *Config) bool { return c.Retry > 0 && (c.Listen || c.Scan) }, "--retry is about connecting", "leave out -l and -z"},
	{func(c *Config) bool {
		return c.Runs() && (c.HexInput || c.SendOnly || c.RecvOnly || c.NoStdin || c.Timestamps || c.Progress)
	}, "with -e and -c the program is at the other end, not your terminal", "leave out --hex, --send-only, --recv-only, -d, --timestamps and --progress"},
	{func(c *Config) bool {
		return c.Runs() && (c.Telnet || c.Interval > 0 || c.LimitRate > 0 || c.RecvLimit > 0 || c.HalfOpen || c.NoShutdown || c.Transcript != "")
	}, "-t, -i, -W, --limit-rate, --half-open, --no-shutdown and --transcript are for nc's own input and output, not a program's", "leave them out; --hex-dump and --output work with programs"},
	{func(c *Config) bool {
		return (c.Broker || c.Chat || c.Listen && c.Proxy.Kind != "") && (c.CRLF || c.Telnet || c.HexInput || c.Interval > 0 || c.RecvLimit > 0 || c.Listen && c.Proxy.Kind != "" && (c.SendOnly || c.RecvOnly) || c.Transcript != "" || c.Timestamps || c.Progress || c.LimitRate > 0 || c.Delay > 0 || c.HexDump != "" || c.Output != "" || c.HalfOpen || c.NoShutdown || c.QuitAfter >= 0)
	}, "a broker or proxy only passes bytes between its connections", "leave out the options about nc's own input and output"},
	{func(c *Config) bool {
		return c.Scan && (len(c.Steps) > 0 || c.HexInput || c.CRLF || c.Transcript != "")
	}, "-z sends and receives nothing", "leave out the options about the bytes"},
	{func(c *Config) bool { return c.MaxConns > 0 && c.UDP && !c.Runs() }, "-m counts connections, and UDP has none", "leave -m out, or add -k and -e: each peer is then one"},
	{func(c *Config) bool { return c.Crowd() && c.oneByOne() }, "with -k and -m many connections share the input and output", "leave out the options about one conversation, or -m"},
	{func(c *Config) bool { return c.NoEdit && c.History != "" }, "--no-edit keeps no history", "leave out --history"},
	{func(c *Config) bool { return c.Telnet && c.UDP }, "TELNET needs a stream", "leave -u out"},
	{func(c *Config) bool { return c.NoShutdown && c.SendOnly }, "--send-only ends with its input, and --no-shutdown does not tell that", "choose one"},
}

// Ncat says that the command line is ncat's, where its users expect what it does without being asked.
func (c *Config) Ncat() bool { return c.compat == compatNcat }

// asNcat adds what ncat's users leave out.
func (c *Config) asNcat() {
	if c.Broker || c.Chat {
		c.Listen = true
	}
	if c.Proxy.Addr != "" && c.Proxy.Kind == "" {
		c.Proxy.Kind = "http"
	}
}

// Crowd says that the clients of -k talk to this nc all at once: as ncat's, or where -m says how many may.
func (c *Config) Crowd() bool {
	return c.KeepOpen && !c.UDP && !c.Runs() && !c.Broker && !c.Chat && c.Proxy.Kind == "" && (c.MaxConns > 0 || c.Ncat() && !c.oneByOne())
}

// oneByOne says that an option is about one conversation.
func (c *Config) oneByOne() bool {
	return c.HexInput || c.Telnet || c.Interval > 0 || c.RecvLimit > 0 || c.Transcript != "" || c.Timestamps || c.Progress || c.LimitRate > 0 || c.Delay > 0 || c.HalfOpen || c.NoShutdown || c.QuitAfter >= 0
}

// check reads the operands and refuses what makes no sense together.
func (c *Config) check(operands []string) error {
	if c.Ncat() {
		c.asNcat()
	}
	for _, b := range combinations {
		if b.when(c) {
			return report.Usage(b.hint, "%s", b.msg)
		}
	}
	if c.Broker || c.Chat || c.Listen && c.Proxy.Kind != "" {
		c.KeepOpen = true
	}
	if c.Unix || c.Vsock {
		return c.checkPath(operands)
	}
	if err := c.checkHostPort(operands); err != nil {
		return err
	}
	for _, b := range []bad{
		{func(c *Config) bool { return !c.Listen && !c.Scan && (len(c.Ports) != 1 || !c.Ports[0].One()) }, "one connection goes to one port", "add -z to look at several"},
		{func(c *Config) bool { return !c.Listen && len(c.Ports) > 0 && c.Ports[0].Lo == 0 }, "port 0 is nobody's", "0 means any free port, and only with -l"},
		{func(c *Config) bool { return !c.SourcePorts.One() }, "-p is one port", "write one number"},
	} {
		if b.when(c) {
			return report.Usage(b.hint, "%s", b.msg)
		}
	}
	return nil
}

// checkPath reads the operands of -U and --vsock.
func (c *Config) checkPath(operands []string) error {
	if c.Vsock {
		return c.checkVsock(operands)
	}
	switch {
	case len(operands) == 0:
		return report.Usage("nc -U /run/thing.sock", "-U needs the path of a socket")
	case len(operands) > 1:
		return report.Usage("nc -U PATH", "-U takes one path, and there is %q too", operands[1])
	case c.SourcePorts != PortRange{}:
		return report.Usage("leave -p out", "-p is a port, and -U has none")
	}
	c.Host = operands[0]
	return nil
}

func (c *Config) checkVsock(operands []string) error {
	if c.Listen && len(operands) == 1 {
		operands = []string{"", operands[0]}
	}
	if len(operands) != 2 {
		return report.Usage("nc --vsock CID PORT, or nc -l --vsock PORT", "--vsock needs a context ID and a port")
	}
	if _, err := ParseUint32(operands[0]); err != nil && !(c.Listen && operands[0] == "") {
		return report.Usage("2 is the host, 1 this machine", "%q is no vsock context ID", operands[0])
	}
	port, err := ParseUint32(operands[1])
	if err != nil {
		return report.Usage("it is a number", "%q is no vsock port", operands[1])
	}
	c.Host = operands[0]
	c.Ports = []PortRange{{Lo: int(port), Hi: int(port)}}
	return nil
}

// checkHostPort reads "host port…"; with -l "[host] port", where -p may give the port.
func (c *Config) checkHostPort(operands []string) error {
	if c.Listen {
		return c.checkListen(operands)
	}
	if len(operands) == 1 {
		if host, port, ok := SplitHostPort(operands[0]); ok {
			operands = []string{host, port}
		} else if c.compat == compatNcat {
			operands = append(operands, "31337") // ncat's port when none is given
		}
	}
	switch len(operands) {
	case 0:
		return report.Usage("nc HOST PORT connects, nc -l PORT listens, nc -h says more", "where to?")
	case 1:
		return report.Usage("nc "+operands[0]+" PORT", "%s needs a port", operands[0])
	}
	c.Host = strings.Trim(operands[0], "[]")
	return c.addPorts(operands[1:])
}

func (c *Config) checkListen(operands []string) error {
	switch {
	case len(operands) == 0 && c.SourcePorts == PortRange{}:
		if c.compat != compatNcat {
			return report.Usage("nc -l PORT; 0 takes any free one, and -v tells which", "-l needs a port")
		}
		operands = []string{"31337"}
	case len(operands) == 1 && c.SourcePorts == PortRange{}:
		if host, port, ok := SplitHostPort(operands[0]); ok {
			operands = []string{host, port}
		} else if _, err := ParsePorts(operands[0], c.Proto(), true); err != nil && c.Ncat() {
			operands = append(operands, "31337")
		}
	}
	switch {
	case c.SourcePorts != PortRange{} && len(operands) == 1:
		// nc -l -p 4444 127.0.0.1; a lone number beside -p is a second port.
		if r, err := ParsePorts(operands[0], c.Proto(), true); err == nil && r.Name == "" {
			return report.Usage("nc -l PORT, or nc -l -p PORT", "two ports to listen on: %d and %s", c.SourcePorts.Lo, operands[0])
		}
		c.Host = operands[0]
	case c.SourcePorts != PortRange{} && len(operands) > 1:
		return report.Usage("nc -l -p PORT [HOST]", "-l takes one port, and -p has given it")
	case c.SourcePorts != PortRange{}:
	case len(operands) == 1:
		if err := c.addPorts(operands); err != nil {
			return err
		}
	case len(operands) == 2:
		c.Host = operands[0]
		if err := c.addPorts(operands[1:]); err != nil {
			return err
		}
	default:
		return report.Usage("nc -l [HOST] PORT", "-l takes one port, and there is %q too", operands[2])
	}
	if len(c.Ports) == 0 {
		c.Ports = []PortRange{c.SourcePorts}
		c.SourcePorts = PortRange{}
	}
	if len(c.Ports) != 1 || !c.Ports[0].One() {
		return report.Usage("run one nc for each port", "-l listens on one port")
	}
	if c.Source != "" {
		if c.Host != "" && c.Host != c.Source {
			return report.Usage("give one of them", "two addresses to listen on: %s and %s", c.Host, c.Source)
		}
		c.Host, c.Source = c.Source, ""
	}
	c.Host = strings.Trim(c.Host, "[]")
	return nil
}

func (c *Config) addPorts(words []string) error {
	for _, w := range words {
		for part := range strings.SplitSeq(w, ",") {
			r, err := ParsePorts(part, c.Proto(), true)
			if err != nil {
				return report.Usage(err.Error(), "%q is no port", part)
			}
			c.Ports = append(c.Ports, r)
		}
	}
	return nil
}

// SplitHostPort reads host:port and [v6]:port; a bare IPv6 address is no such thing.
func SplitHostPort(s string) (host, port string, ok bool) {
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
