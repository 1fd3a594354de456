package cmdline

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// compat says whose letters a command line uses. Long options mean the same everywhere.
type compat int

const (
	compatOpenBSD compat = iota
	compatNcat
	compatTraditional
)

// option is one flag. The table below is the only place that knows them all:
// the parser, the man page, the completions and --explain read it.
type option struct {
	letter  byte     // in nc's own dialect; 0 for none
	long    string   // without the dashes
	aliases []string // other long names
	arg     string   // placeholder of the argument, empty for none
	group   string
	help    string // one sentence for the man page and the completions
	explain string // what --explain says; %s is the argument
	set     func(c *Config, v string) error
	refuse  string // why it is refused
	instead string // and what to use
}

// Groups in the order the man page shows them.
const (
	groupWhere   = "Where to connect or listen"
	groupListen  = "Listening"
	groupEnd     = "Time and the end of input"
	groupBytes   = "The bytes"
	groupProgram = "Programs"
	groupTLS     = "TLS"
	groupProxy   = "Proxies"
	groupSocket  = "Socket options"
	groupTell    = "What nc tells"
)

var groups = []string{groupWhere, groupListen, groupEnd, groupBytes, groupProgram, groupTLS, groupProxy, groupSocket, groupTell}

func flag(p func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, _ string) error { *p(c) = true; return nil }
}

func text(p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if v == "" {
			return fmt.Errorf("it is empty")
		}
		*p(c) = v
		return nil
	}
}

func list(p func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, v string) error {
		before := len(*p(c))
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				*p(c) = append(*p(c), s)
			}
		}
		if len(*p(c)) == before {
			return errors.New("it is a list, and this one is empty")
		}
		return nil
	}
}

func number(lo, hi int, p func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("it is a whole number from %d to %d", lo, hi)
		}
		*p(c) = n
		return nil
	}
}

func duration(p func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := parseDuration(v)
		if err != nil {
			return err
		}
		if d <= 0 {
			return fmt.Errorf("it is longer than nothing")
		}
		*p(c) = d
		return nil
	}
}

// parseDuration reads ncat's times: seconds, or a number with ms, s, m or h.
func parseDuration(v string) (time.Duration, error) {
	unit := time.Second
	num := v
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}} {
		if n, ok := strings.CutSuffix(v, u.suffix); ok {
			num, unit = n, u.unit
			break
		}
	}
	f, err := strconv.ParseFloat(num, 64)
	// The bound keeps the product inside a time.Duration.
	if err != nil || !(f >= -1e6 && f <= 1e6) {
		return 0, fmt.Errorf("it is seconds, or a number with ms, s, m or h")
	}
	return time.Duration(f * float64(unit)), nil
}

// parseRate reads bytes a second, with k, M or G for powers of 1,000 and Ki, Mi, Gi for 1,024.
func parseRate(v string) (int64, error) {
	unit := 1.0
	num := v
	for _, u := range []struct {
		suffix string
		unit   float64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"m", 1e6}, {"G", 1e9}, {"g", 1e9}} {
		if n, ok := strings.CutSuffix(v, u.suffix); ok {
			num, unit = n, u.unit
			break
		}
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || !(f > 0 && f*unit < 1e15) || f*unit < 1 {
		return 0, fmt.Errorf("it is bytes a second, with k, M or G if you like (500k)")
	}
	return int64(f * unit), nil
}

// options is every flag nc has.
var options = []option{
	{letter: '4', long: "ipv4", group: groupWhere, help: "Use IPv4 addresses only.", explain: "uses IPv4 only", set: flag(func(c *Config) *bool { return &c.IPv4 })},
	{letter: '6', long: "ipv6", group: groupWhere, help: "Use IPv6 addresses only.", explain: "uses IPv6 only", set: flag(func(c *Config) *bool { return &c.IPv6 })},
	{letter: 'u', long: "udp", group: groupWhere, help: "Use UDP instead of TCP; with -U, Unix datagrams.", explain: "uses datagrams (UDP): every read of the input is sent as one", set: flag(func(c *Config) *bool { return &c.UDP })},
	{letter: 'U', long: "unixsock", aliases: []string{"unix"}, group: groupWhere, help: "Use a Unix-domain socket; the host is its path, @name for an abstract one.", explain: "uses a Unix-domain socket", set: flag(func(c *Config) *bool { return &c.Unix })},
	{long: "vsock", group: groupWhere, help: "Use a vsock socket; the host is a context ID.", explain: "uses a vsock socket (virtual machines)", set: flag(func(c *Config) *bool { return &c.Vsock })},
	{letter: 'p', long: "source-port", arg: "PORT", group: groupWhere, help: "Local port to connect from, or to listen on with -l.", explain: "uses local port %s", set: setSourcePort},
	{letter: 's', long: "source", arg: "ADDR", group: groupWhere, help: "Local address to connect from or listen on; with -uU, the socket file to be answered at.", explain: "uses the local address %s", set: text(func(c *Config) *string { return &c.Source })},
	{letter: 'n', long: "nodns", aliases: []string{"no-dns"}, group: groupWhere, help: "Look no names up: addresses and ports are numbers.", explain: "looks no names up", set: flag(func(c *Config) *bool { return &c.NoDNS })},
	{letter: 'r', long: "randomize", group: groupWhere, help: "Take ports in random order.", explain: "takes the ports in random order", set: flag(func(c *Config) *bool { return &c.Randomize })},
	{long: "resolve", arg: "HOST:ADDR", group: groupWhere, help: "Use ADDR for HOST instead of asking the DNS; may be repeated, for a name with several addresses too.", explain: "takes the address for a name from the command line (%s)", set: setResolve},
	{long: "interface", arg: "NAME", group: groupWhere, help: "Use this network interface.", explain: "uses the network interface %s", set: text(func(c *Config) *string { return &c.Sock.Interface })},
	{long: "retry", arg: "N", group: groupWhere, help: "Try to connect N more times, waiting 0.25 s, then twice as long each time up to 8 s.", explain: "tries to connect %s more times", set: number(1, 1000000, func(c *Config) *int { return &c.Retry })},
	{letter: 'z', long: "zero", group: groupWhere, help: "Only look which ports are open; send nothing.", explain: "only looks which ports are open", set: flag(func(c *Config) *bool { return &c.Scan })},

	{letter: 'l', long: "listen", group: groupListen, help: "Listen for a connection instead of making one.", explain: "waits for a connection", set: flag(func(c *Config) *bool { return &c.Listen })},
	{letter: 'k', long: "keep-open", group: groupListen, help: "Accept another connection when one ends; with a program, a broker or a proxy, many at once.", explain: "goes on listening after a connection ends", set: flag(func(c *Config) *bool { return &c.KeepOpen })},
	{letter: 'm', long: "max-conns", arg: "N", group: groupListen, help: "Serve at most N connections at once, and turn more away; with -k alone, many then share nc's input and output.", explain: "serves at most %s connections at once", set: number(1, 1000000, func(c *Config) *int { return &c.MaxConns })},
	{long: "allow", arg: "HOST,…", group: groupListen, help: "Accept only these addresses, networks (10.0.0.0/8), octets (10.0.0-3.*) or names.", explain: "accepts connections only from %s", set: list(func(c *Config) *[]string { return &c.Allow })},
	{long: "allowfile", arg: "FILE", group: groupListen, help: "Accept only what FILE lists; read again when it changes.", explain: "accepts connections only from the hosts listed in %s", set: text(func(c *Config) *string { return &c.AllowFile })},
	{long: "deny", arg: "HOST,…", group: groupListen, help: "Refuse these addresses, networks or names.", explain: "refuses connections from %s", set: list(func(c *Config) *[]string { return &c.Deny })},
	{long: "denyfile", arg: "FILE", group: groupListen, help: "Refuse what FILE lists; read again when it changes.", explain: "refuses connections from the hosts listed in %s", set: text(func(c *Config) *string { return &c.DenyFile })},
	{long: "broker", group: groupListen, help: "Pass what each connection sends to all others.", explain: "passes what each connection sends to all the others", set: flag(func(c *Config) *bool { return &c.Broker })},
	{long: "chat", group: groupListen, help: "A broker that puts the sender's number in front of each line.", explain: "runs a chat: each line goes to all the others with its sender's number", set: flag(func(c *Config) *bool { return &c.Chat })},

	{letter: 'w', long: "timeout", arg: "TIME", group: groupEnd, help: "Give up connecting after TIME, and end when nothing moved for TIME.", explain: "gives up connecting after %s, and ends when nothing moved for as long", set: duration(func(c *Config) *time.Duration { return &c.Timeout })},
	{long: "wait", arg: "TIME", group: groupEnd, help: "Give up connecting after TIME.", explain: "gives up connecting after %s", set: duration(func(c *Config) *time.Duration { return &c.connectWait })},
	{letter: 'G', long: "connect-timeout", arg: "TIME", group: groupEnd, help: "The same as --wait (macOS's letter).", explain: "gives up connecting after %s", set: duration(func(c *Config) *time.Duration { return &c.connectWait })},
	{long: "idle-timeout", arg: "TIME", group: groupEnd, help: "End with an error when nothing moved for TIME.", explain: "ends with an error when nothing moved for %s", set: duration(func(c *Config) *time.Duration { return &c.IdleTimeout })},
	{letter: 'q', long: "quit-after", arg: "TIME", group: groupEnd, help: "End TIME after the end of input; -1 waits for the peer, as without -q.", explain: "ends %s after the end of the input", set: setQuit},
	{letter: 'N', long: "shutdown", group: groupEnd, help: "Tell the peer when the input has ended; nc does so anyway.", explain: "tells the peer when the input has ended (it does so anyway)", set: func(c *Config, _ string) error { c.NoShutdown = false; return nil }},
	{long: "no-shutdown", group: groupEnd, help: "Do not tell the peer when the input has ended.", explain: "does not tell the peer when the input has ended", set: flag(func(c *Config) *bool { return &c.NoShutdown })},
	{long: "half-open", group: groupEnd, help: "Go on sending when the peer has finished sending.", explain: "goes on sending when the peer has finished", set: flag(func(c *Config) *bool { return &c.HalfOpen })},
	{letter: 'd', long: "no-stdin", group: groupEnd, help: "Do not read the input.", explain: "does not read the input", set: flag(func(c *Config) *bool { return &c.NoStdin })},
	{long: "send-only", group: groupEnd, help: "Only send; end at the end of input.", explain: "only sends, and ends at the end of the input", set: flag(func(c *Config) *bool { return &c.SendOnly })},
	{long: "recv-only", group: groupEnd, help: "Only receive; do not read the input.", explain: "only receives", set: flag(func(c *Config) *bool { return &c.RecvOnly })},
	{letter: 'W', long: "recv-limit", arg: "N", group: groupEnd, help: "End after receiving N packets.", explain: "ends after %s packets", set: number(1, 1<<31-1, func(c *Config) *int { return &c.RecvLimit })},

	{letter: 'C', long: "crlf", group: groupBytes, help: "Send CRLF for each LF.", explain: "sends CRLF for each LF", set: flag(func(c *Config) *bool { return &c.CRLF })},
	{letter: 'i', long: "interval", arg: "TIME", group: groupBytes, help: "Wait TIME between lines sent, or between ports scanned.", explain: "waits %s between lines", set: duration(func(c *Config) *time.Duration { return &c.Interval })},
	{long: "delay", arg: "TIME", group: groupBytes, help: "Wait TIME before each read and write.", explain: "waits %s before each read and write", set: duration(func(c *Config) *time.Duration { return &c.Delay })},
	{letter: 't', long: "telnet", group: groupBytes, help: "Answer TELNET negotiation, and keep it out of the output.", explain: "answers TELNET negotiation", set: flag(func(c *Config) *bool { return &c.Telnet })},
	{long: "hex", group: groupBytes, help: `Read the input as text with \x41, \n and \0 escapes, or as lines of hex digits.`, explain: "reads the input as escapes and lines of hex digits", set: flag(func(c *Config) *bool { return &c.HexInput })},
	{letter: 'o', long: "hex-dump", arg: "FILE", group: groupBytes, help: "Write a hex dump of both directions to FILE, - for the standard error.", explain: "writes a hex dump of both directions to %s", set: text(func(c *Config) *string { return &c.HexDump })},
	{long: "output", arg: "FILE", group: groupBytes, help: "Write the bytes of both directions to FILE.", explain: "writes the bytes of both directions to %s", set: text(func(c *Config) *string { return &c.Output })},
	{long: "append-output", group: groupBytes, help: "Append to the files of --output and --hex-dump.", explain: "appends to the dump files", set: flag(func(c *Config) *bool { return &c.AppendOutput })},
	{long: "limit-rate", arg: "RATE", group: groupBytes, help: "Move at most RATE bytes a second each way (500k, 2M).", explain: "moves at most %s bytes a second each way", set: setRate},
	{long: "transcript", arg: "FILE", group: groupBytes, help: "Record the session as an asciicast.", explain: "records the session to %s", set: text(func(c *Config) *string { return &c.Transcript })},
	{long: "wait-for", arg: "TEXT", group: groupBytes, help: "First wait until the peer has sent TEXT (escapes as in --hex); may be repeated, with --send.", explain: "waits until the peer has sent %s", set: addStep(false)},
	{long: "send", arg: "TEXT", group: groupBytes, help: "First send TEXT, and a line feed unless it ends with one (escapes as in --hex); may be repeated, with --wait-for.", explain: "sends %s as a line", set: addStep(true)},
	{long: "pow", group: groupBytes, help: "Solve the server's proof of work (kctf, redpwn, hashes) as it arrives; on a terminal, ask first. Piped input waits for the server's first words, 2 s at most, and while they sound like a puzzle.", explain: "solves the server's proof of work, asking first on a terminal", set: flag(func(c *Config) *bool { return &c.PoW })},
	{long: "pow-wait", arg: "TIME", group: groupBytes, help: "With --pow, keep piped input back until the server has been quiet for TIME.", explain: "keeps piped input back until the server has been quiet for %s", set: duration(func(c *Config) *time.Duration { return &c.PoWWait })},

	{letter: 'e', long: "exec", arg: "COMMAND", group: groupProgram, help: "Connect the program to the connection, no shell.", explain: "runs %s on each connection", set: text(func(c *Config) *string { return &c.Exec })},
	{letter: 'c', long: "sh-exec", arg: "COMMAND", group: groupProgram, help: "Connect a shell command to the connection.", explain: "runs the shell command %s on each connection", set: text(func(c *Config) *string { return &c.ShExec })},
	{long: "pty", group: groupProgram, help: "Run the program on a terminal of its own.", explain: "gives the program a terminal", set: flag(func(c *Config) *bool { return &c.PTY })},
	{long: "lua-exec", arg: "FILE", group: groupProgram, refuse: "nc has no Lua inside", instead: "run it as a program: --exec \"lua FILE\""},

	{long: "ssl", aliases: []string{"tls"}, group: groupTLS, help: "Use TLS; the peer's certificate is verified.", explain: "uses TLS and verifies the certificate", set: flag(func(c *Config) *bool { return &c.TLS.On })},
	{long: "ssl-verify", aliases: []string{"tls-verify"}, group: groupTLS, help: "Verify the certificate (the default for connecting); with -l, require one of the client.", explain: "verifies the certificate", set: func(c *Config, _ string) error { c.TLS.On, c.TLS.Verify = true, true; return nil }},
	{long: "ssl-insecure", aliases: []string{"tls-insecure"}, group: groupTLS, help: "Use TLS without verifying the certificate.", explain: "accepts any certificate: anybody in between can read along", set: func(c *Config, _ string) error { c.TLS.On, c.TLS.Insecure = true, true; return nil }},
	{long: "ssl-cert", aliases: []string{"tls-cert"}, arg: "FILE", group: groupTLS, help: "Certificate to show (PEM); listening without one makes one for the occasion.", explain: "shows the certificate in %s", set: tlsText(func(c *Config) *string { return &c.TLS.Cert })},
	{long: "ssl-key", aliases: []string{"tls-key"}, arg: "FILE", group: groupTLS, help: "Private key of the certificate (PEM).", explain: "uses the private key in %s", set: tlsText(func(c *Config) *string { return &c.TLS.Key })},
	{long: "ssl-trustfile", aliases: []string{"tls-trustfile"}, arg: "FILE", group: groupTLS, help: "Trust the certificates in FILE (PEM) instead of the system's; with -l, require a certificate of the client from one of them.", explain: "trusts the certificates in %s", set: tlsText(func(c *Config) *string { return &c.TLS.TrustFile })},
	{long: "ssl-servername", aliases: []string{"tls-servername"}, arg: "NAME", group: groupTLS, help: "Ask for this name (SNI) and verify it.", explain: "asks for the server name %s", set: tlsText(func(c *Config) *string { return &c.TLS.ServerName })},
	{long: "ssl-alpn", aliases: []string{"tls-alpn"}, arg: "PROTO,…", group: groupTLS, help: "Offer or accept these protocols (ALPN).", explain: "negotiates one of the protocols %s", set: setALPN},
	{long: "ssl-ciphers", aliases: []string{"tls-ciphers"}, arg: "LIST", group: groupTLS, help: "Allow only these TLS 1.2 cipher suites, by OpenSSL's or IANA's names; TLS 1.3 has its own.", explain: "allows only the TLS 1.2 cipher suites %s", set: tlsText(func(c *Config) *string { return &c.TLS.Ciphers })},
	{long: "ssl-fingerprint", aliases: []string{"tls-fingerprint"}, arg: "SHA256", group: groupTLS, help: "Accept exactly the certificate with this SHA-256 fingerprint, trusted or not; with -l, of the client.", explain: "accepts exactly the certificate with the fingerprint %s", set: tlsText(func(c *Config) *string { return &c.TLS.Fingerprint })},

	{letter: 'x', long: "proxy", arg: "ADDR[:PORT]", group: groupProxy, help: "Connect through a proxy, with its own kind and login if they are written in front (socks5://USER:PASS@ADDR); several, separated by commas, are a chain.", explain: "goes through the proxy %s", set: text(func(c *Config) *string { return &c.Proxy.Addr })},
	{letter: 'X', long: "proxy-type", arg: "TYPE", group: groupProxy, help: "4, 4a, 5, socks4, socks4a, socks5, connect or http; with -l, nc is the proxy (http or socks5).", explain: "speaks %s as proxy protocol", set: setProxyType},
	{letter: 'P', long: "proxy-user", arg: "USER", group: groupProxy, help: "User name for the proxy; the password is asked for, or $NC_PROXY_PASSWORD.", explain: "is the user %s at the proxy", set: text(func(c *Config) *string { return &c.Proxy.User })},
	{long: "proxy-auth", arg: "USER:PASS", group: groupProxy, help: "User name and password for the proxy, given when it asks, by Digest where it can; with -l, those a client must give.", explain: "uses a user name and password for the proxy", set: func(c *Config, v string) error { c.Proxy.Auth = &v; return nil }},
	{long: "proxy-dns", arg: "WHERE", group: groupProxy, help: "Where the destination's name is looked up: local, remote, both (remote where the proxy can) or none.", explain: "looks the destination's name up %s", set: oneOf(func(c *Config) *string { return &c.Proxy.DNS }, "local", "remote", "both", "none")},
	{long: "proxy-protocol", arg: "VERSION", group: groupProxy, help: "Send a PROXY protocol header (v1 or v2) first; with -l, expect one, of either version.", explain: "uses the PROXY protocol (%s)", set: setProxyProtocol},

	{letter: 'b', long: "broadcast", group: groupSocket, help: "Allow UDP to broadcast addresses.", explain: "may send to broadcast addresses", set: flag(func(c *Config) *bool { return &c.Sock.Broadcast })},
	{letter: 'D', long: "debug", group: groupSocket, help: "Set SO_DEBUG on the socket.", explain: "turns the kernel's socket debugging on", set: flag(func(c *Config) *bool { return &c.Sock.Debug })},
	{letter: 'F', long: "pass-fd", group: groupSocket, help: "Connect, and pass the socket to the process at stdout (ssh's ProxyUseFdpass).", explain: "connects, and passes the socket itself over stdout", set: flag(func(c *Config) *bool { return &c.PassFD })},
	{letter: 'I', long: "recv-buffer", arg: "BYTES", group: groupSocket, help: "Size of the socket's receive buffer.", explain: "asks for a receive buffer of %s bytes", set: number(1, 1<<30, func(c *Config) *int { return &c.Sock.RecvBuf })},
	{letter: 'O', long: "send-buffer", arg: "BYTES", group: groupSocket, help: "Size of the socket's send buffer.", explain: "asks for a send buffer of %s bytes", set: number(1, 1<<30, func(c *Config) *int { return &c.Sock.SendBuf })},
	{letter: 'M', long: "ttl", arg: "N", group: groupSocket, help: "Outgoing TTL or hop limit.", explain: "sends with TTL %s", set: number(1, 255, func(c *Config) *int { return &c.Sock.TTL })},
	{long: "min-ttl", arg: "N", group: groupSocket, help: "Drop what arrives with a lower TTL or hop limit.", explain: "drops what arrives with a TTL below %s", set: number(1, 255, func(c *Config) *int { return &c.Sock.MinTTL })},
	{letter: 'S', long: "md5", group: groupSocket, help: "Sign TCP segments (RFC 2385) with the key in $NC_TCP_MD5_KEY.", explain: "signs every TCP segment with the key in $NC_TCP_MD5_KEY", set: flag(func(c *Config) *bool { return &c.Sock.MD5 })},
	{letter: 'T', long: "tos", arg: "KEYWORD", group: groupSocket, help: "Type of service: a number, lowdelay, throughput, reliability, ef, af11…af43, cs0…cs7, critical, inetcontrol, netcontrol.", explain: "marks packets with the type of service %s", set: setTOS},
	{long: "keepalive", arg: "TIME", group: groupSocket, help: "Send TCP keep-alives after TIME of silence.", explain: "probes the peer after %s of silence", set: duration(func(c *Config) *time.Duration { return &c.Keepalive })},
	{letter: 'g', long: "source-route", arg: "HOP", group: groupSocket, refuse: "source routing is dropped by every router and by Linux itself", instead: "go through a host with --proxy or ssh -J"},
	{letter: 'V', long: "rtable", arg: "TABLE", group: groupSocket, refuse: "routing tables are OpenBSD's", instead: "on Linux: ip vrf exec NAME nc …, or --interface NAME"},
	{letter: 'Z', long: "dccp", group: groupSocket, refuse: "DCCP has left the Linux kernel", instead: "use -u for datagrams; for TLS, --ssl"},
	{long: "sctp", group: groupSocket, refuse: "SCTP is not spoken here", instead: "use TCP, or ncat --sctp"},

	{letter: 'v', long: "verbose", group: groupTell, help: "Say what happens; twice, say more.", explain: "says what happens", set: func(c *Config, _ string) error { c.Verbose++; return nil }},
	{long: "json", group: groupTell, help: "Write events to the standard error as lines of JSON.", explain: "writes events as lines of JSON to the standard error", set: flag(func(c *Config) *bool { return &c.JSON })},
	{long: "progress", group: groupTell, help: "Show bytes, rate and time on the standard error.", explain: "shows progress on the standard error", set: flag(func(c *Config) *bool { return &c.Progress })},
	{long: "timestamps", group: groupTell, help: "Put the time in front of each line received.", explain: "puts the time in front of each line received", set: flag(func(c *Config) *bool { return &c.Timestamps })},
	{long: "history", arg: "FILE", group: groupTell, help: "On a terminal, keep the lines typed in FILE, for this run's history and the next's.", explain: "keeps the lines typed in %s", set: text(func(c *Config) *string { return &c.History })},
	{long: "no-edit", group: groupTell, help: "On a terminal, take lines as the terminal gives them, without editing and history.", explain: "does not edit lines", set: flag(func(c *Config) *bool { return &c.NoEdit })},
	{long: "color", aliases: []string{"colour"}, arg: "WHEN", group: groupTell, help: "Colour on a terminal: auto, always or never.", explain: "colours: %s", set: oneOf(func(c *Config) *string { return &c.Color }, "auto", "always", "never")},
	{long: "explain", group: groupTell, help: "Say in words what the command line would do, and do nothing.", set: flag(func(c *Config) *bool { return &c.Explain })},
	{long: "compat", arg: "WHOSE", group: groupTell, help: "Take the letters of openbsd, ncat or traditional. Must come first.", set: func(*Config, string) error {
		return report.Usage("write it first, before any other option", "--compat says what the letters mean that follow it")
	}},
	{letter: 'h', long: "help", group: groupTell, help: "Show a short help.", set: setMode(ModeHelp)},
	{long: "version", group: groupTell, help: "Show the version.", set: setMode(ModeVersion)},
	{long: "man", group: groupTell, help: "Write the manual page (roff) to the standard output.", set: setMode(ModeMan)},
	{long: "completion", arg: "SHELL", group: groupTell, help: "Write completions for bash, zsh or fish.", set: func(c *Config, v string) error {
		c.Mode = ModeCompletion
		return oneOf(func(c *Config) *string { return &c.Completion }, "bash", "zsh", "fish")(c, v)
	}},
}

// letters of the other dialects, by the long option they mean there. What is
// not listed means the same as in nc, or nothing.
var dialects = map[compat]map[byte]string{
	compatNcat: {
		'4': "ipv4", '6': "ipv6", 'U': "unixsock", 'C': "crlf", 'c': "sh-exec", 'e': "exec", 'g': "source-route", 'm': "max-conns",
		'h': "help", 'd': "delay", 'o': "output", 'x': "hex-dump", 'i': "idle-timeout", 'p': "source-port", 's': "source", 'l': "listen",
		'k': "keep-open", 'n': "nodns", 't': "telnet", 'u': "udp", 'v': "verbose", 'w': "wait", 'z': "zero",
	},
	compatTraditional: {
		'c': "sh-exec", 'e': "exec", 'b': "broadcast", 'g': "source-route", 'h': "help", 'i': "interval", 'k': "keepalive-on", 'l': "listen", 'n': "nodns",
		'o': "hex-dump", 'p': "source-port", 'r': "randomize", 'q': "quit-after", 's': "source", 'T': "tos", 't': "telnet", 'u': "udp", 'v': "verbose",
		'w': "timeout", 'C': "crlf", 'z': "zero",
	},
}

// hidden options exist only for a dialect: for one of its letters, or for its programs' test suites.
var hidden = []option{
	{long: "test", explain: "says NCAT TEST: LISTEN when it listens", set: flag(func(c *Config) *bool { return &c.Test })},
	{long: "keepalive-on", explain: "sends TCP keep-alives", set: func(c *Config, _ string) error { c.Keepalive = 15 * time.Second; return nil }},
}

func setMode(m Mode) func(*Config, string) error {
	return func(c *Config, _ string) error {
		if c.Mode == modeRun {
			c.Mode = m
		}
		return nil
	}
}

func oneOf(p func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, w := range words {
			if v == w {
				*p(c) = v
				return nil
			}
		}
		return fmt.Errorf("it is %s or %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
	}
}

func tlsText(p func(*Config) *string) func(*Config, string) error {
	set := text(p)
	return func(c *Config, v string) error {
		c.TLS.On = true
		return set(c, v)
	}
}

func setALPN(c *Config, v string) error {
	c.TLS.On = true
	for name := range strings.SplitSeq(v, ",") {
		if name = strings.TrimSpace(name); name == "" || len(name) > 255 {
			return errors.New("it is names of 1 to 255 bytes, separated by commas, such as h2,http/1.1")
		}
		c.TLS.ALPN = append(c.TLS.ALPN, name)
	}
	return nil
}

func setSourcePort(c *Config, v string) error {
	c.sourcePort, c.givenPort = v, true
	_, err := ParsePorts(v, "tcp", true)
	if err != nil {
		if _, udp := ParsePorts(v, "udp", true); udp == nil {
			return nil // a name of -u, which may come later
		}
	}
	return err
}

func setResolve(c *Config, v string) error {
	host, addr, _ := strings.Cut(v, ":")
	a, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	if err != nil || host == "" {
		return fmt.Errorf("it is HOST:ADDR, such as chal.example.org:127.0.0.1")
	}
	if c.Resolve == nil {
		c.Resolve = make(map[string][]netip.Addr)
	}
	host = strings.ToLower(host)
	c.Resolve[host] = append(c.Resolve[host], a.Unmap())
	return nil
}

func setQuit(c *Config, v string) error {
	d, err := parseDuration(v)
	if err != nil {
		return err
	}
	c.QuitAfter = d
	if d < 0 {
		c.QuitAfter = -1
	}
	return nil
}

func setRate(c *Config, v string) (err error) {
	c.LimitRate, err = parseRate(v)
	return err
}

var errProxyKind = errors.New("it is 4, 4a, 5, socks4, socks4a, socks5, connect or http")

func setProxyType(c *Config, v string) (err error) {
	c.Proxy.Kind, err = proxyKind(v)
	return err
}

func setProxyProtocol(c *Config, v string) error {
	switch v {
	case "v1", "1":
		c.Proxy.Header = 1
	case "v2", "2":
		c.Proxy.Header = 2
	default:
		return fmt.Errorf("it is v1 or v2")
	}
	return nil
}

func addStep(send bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		p, err := unescape(v)
		if err != nil {
			return err
		}
		if len(p) == 0 && !send {
			return fmt.Errorf("it is empty")
		}
		if send && !bytes.HasSuffix(p, []byte("\n")) {
			p = append(p, '\n')
		}
		c.Steps = append(c.Steps, Step{send, p})
		return nil
	}
}

var tosWords = map[string]int{
	"lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02,
	"critical": 0xa0, "inetcontrol": 0xc0, "netcontrol": 0xe0, "ef": 0xb8, "le": 0x04,
	"af11": 0x28, "af12": 0x30, "af13": 0x38, "af21": 0x48, "af22": 0x50, "af23": 0x58,
	"af31": 0x68, "af32": 0x70, "af33": 0x78, "af41": 0x88, "af42": 0x90, "af43": 0x98,
	"cs0": 0, "cs1": 0x20, "cs2": 0x40, "cs3": 0x60, "cs4": 0x80, "cs5": 0xa0, "cs6": 0xc0, "cs7": 0xe0,
}

func setTOS(c *Config, v string) error {
	n, ok := tosWords[strings.ToLower(v)]
	if !ok {
		u, err := strconv.ParseUint(v, 0, 8)
		if err != nil {
			return fmt.Errorf("it is a number from 0 to 255, or a word such as lowdelay, throughput, ef, af11 or cs3")
		}
		n = int(u)
	}
	c.Sock.TOS, c.Sock.HasTOS = n, true
	return nil
}
