package cmdline

import (
	"slices"
	"strings"
	"syscall"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

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
	if c.Exec != "" {
		if _, err := SplitWords(c.Exec); err != nil {
			return err
		}
	}
	if c.givenPort { // names are looked up now that -u is known, wherever it stands
		ports, err := ParsePorts(c.sourcePort, c.Proto(), true)
		if err != nil {
			return report.Usage(err.Error(), "-p: %q will not do", c.sourcePort)
		}
		c.SourcePorts = ports
	}
	if c.Broker || c.Chat || c.Listen && c.Proxy.Kind != "" {
		c.KeepOpen = true
	}
	if c.local() {
		return c.checkPath(operands)
	}
	if err := c.checkHostPort(operands); err != nil {
		return err
	}
	if err := c.checkHosts(); err != nil {
		return err
	}
	if c.Proxy.Addr != "" {
		if _, err := c.Hops(); err != nil {
			return err
		}
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

// maxPath is how long a Unix socket's path may be here; sun_path holds one byte more.
var maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

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
	case c.givenPort:
		return report.Usage("leave -p out", "-p is a port, and -U has none")
	}
	if operands[0] == "" {
		return report.Usage("nc -U /run/thing.sock", "the path of the socket is empty")
	}
	for _, path := range []string{operands[0], c.Source} {
		if len(path) > maxPath {
			return report.Usage("go to its directory first, and give the name alone", "a path of %d bytes, and a Unix socket's has %d at most", len(path), maxPath)
		}
	}
	c.Host = operands[0]
	return nil
}

func (c *Config) checkVsock(operands []string) error {
	if c.givenPort {
		return report.Usage("leave -p out; nc -l --vsock PORT listens on one", "-p is a port of the internet")
	}
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
	if slices.Contains(operands, "") {
		// Of a script's variable that is not set: with -l it must not mean every address.
		return report.Usage("is a variable not set? -l without a host listens on every address", "an empty host or port")
	}
	if c.Listen {
		return c.checkListen(operands)
	}
	if len(operands) == 1 {
		if scheme, rest, ok := strings.Cut(operands[0], "://"); ok {
			return report.Usage("nc takes host and port alone: "+fromURL(scheme, rest), "%q is a URL", operands[0])
		}
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
		return report.Usage(c.portHint(operands[0]), "%s needs a port", operands[0])
	}
	c.Host = strings.Trim(operands[0], "[]")
	return c.addPorts(operands[1:])
}

// portHint is how to name a port beside a host that stands alone.
func (c *Config) portHint(host string) string {
	command, port := "nc ", "PORT"
	if c.Scan {
		command, port = "nc -z ", "1-1024"
	}
	address := strings.TrimSuffix(strings.Trim(host, "[]"), "]:")
	if _, ok := ParseAddr(address); ok {
		host = address
	} else {
		bare, after, _ := strings.Cut(host, ":")
		if host = bare; host == "" {
			host = "HOST"
		}
		if after != "" && !strings.Contains(after, ":") {
			port = after
		}
	}
	return command + host + " " + port
}

// fromURL is the command line that connects to where a URL leads.
func fromURL(scheme, rest string) string {
	rest, _, _ = strings.Cut(rest, "/")
	host, port, ok := SplitHostPort(rest)
	if !ok {
		host, port = rest, map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if port == "" {
		port = "PORT"
	}
	command := "nc "
	if scheme == "https" || scheme == "tls" {
		command += "--ssl "
	}
	return command + host + " " + port
}

func (c *Config) checkListen(operands []string) error {
	switch {
	case len(operands) == 0 && !c.givenPort:
		if c.compat != compatNcat {
			return report.Usage("nc -l PORT; 0 takes any free one, and -v tells which", "-l needs a port")
		}
		operands = []string{"31337"}
	case len(operands) == 1 && !c.givenPort:
		if host, port, ok := SplitHostPort(operands[0]); ok {
			operands = []string{host, port}
		} else if _, err := ParsePorts(operands[0], c.Proto(), true); err != nil && c.Ncat() {
			operands = append(operands, "31337")
		}
	}
	switch {
	case c.givenPort && len(operands) == 1:
		// nc -l -p 4444 127.0.0.1; a lone number beside -p is a second port.
		if r, err := ParsePorts(operands[0], c.Proto(), true); err == nil && r.Name == "" {
			return report.Usage("nc -l PORT, or nc -l -p PORT", "two ports to listen on: %d and %s", c.SourcePorts.Lo, operands[0])
		}
		c.Host = operands[0]
	case c.givenPort && len(operands) > 1:
		return report.Usage("nc -l -p PORT [HOST]", "-l takes one port, and -p has given it")
	case c.givenPort:
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
				if !c.Listen {
					_, err = ParsePorts(part, c.Proto(), false) // where 0 means nothing
				}
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
