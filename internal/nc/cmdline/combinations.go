package cmdline

import (
	"os"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/sockopt"
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
	{func(c *Config) bool { return c.local() && (c.IPv4 || c.IPv6) }, "-4 and -6 are for the internet, not for -U or --vsock", "leave them out"},
	{func(c *Config) bool { return c.local() && c.Sock != (sockopt.Options{}) }, "-b, -D, -I, -O, -M, -S, -T, --min-ttl and --interface are about sockets of the internet, not -U or --vsock", "leave them out"},
	{func(c *Config) bool { return c.Keepalive > 0 && (c.UDP || c.local()) }, "keep-alives are TCP's", "leave --keepalive out; -w and --idle-timeout end what is silent"},
	{func(c *Config) bool { return c.Source != "" && c.local() && !(c.Unix && c.UDP && !c.Listen) }, "-s with -U is where answers to datagrams go, and nothing else", "leave -s out, or connect with -uU"},
	{func(c *Config) bool { return c.Randomize && (c.Listen || c.local()) }, "-r takes the ports of a scan in random order, and there is none", "leave -r out"},
	{func(c *Config) bool { return c.Vsock && c.UDP }, "--vsock is for streams only", "leave -u out"},
	{func(c *Config) bool { return c.Scan && c.Listen }, "-z looks for open ports, -l opens one", "leave one of them out"},
	{func(c *Config) bool { return c.Scan && c.local() }, "-z looks for open ports, and this kind of socket has none", "connect without -z"},
	{func(c *Config) bool { return c.Scan && (c.Runs() || c.TLS.On) }, "-z only looks which ports are open; it sends nothing", "leave out -z, or the program and TLS options"},
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
	{func(c *Config) bool { return !c.Listen && c.TLS.Insecure && c.TLS.TrustFile != "" }, "--ssl-trustfile says whom to trust, --ssl-insecure to trust anybody", "choose one"},
	{func(c *Config) bool { return c.TLS.Fingerprint != "" && c.TLS.TrustFile != "" }, "--ssl-fingerprint accepts one certificate, --ssl-trustfile all of an authority's", "choose one"},
	{func(c *Config) bool { return c.Listen && c.TLS.ServerName != "" }, "--ssl-servername is the name to ask a server for, and -l is the server", "leave it out"},
	{func(c *Config) bool { return c.Listen && c.Proxy.Addr != "" }, "a proxy connects out, and -l waits for connections", "to be a proxy: nc -lk --proxy-type http PORT"},
	{func(c *Config) bool {
		return c.Listen && c.Proxy.Kind != "" && c.Proxy.Kind != "http" && c.Proxy.Kind != "socks5"
	}, "nc can be an HTTP or a SOCKS5 proxy", "--proxy-type http or --proxy-type socks5"},
	{func(c *Config) bool {
		return c.Listen && c.Proxy.Kind != "" && (c.Runs() || c.Broker || c.Chat || c.UDP || c.local())
	}, "a proxy server passes on TCP connections, nothing else", "leave out -e, -c, --broker, --chat, -u, -U and --vsock"},
	{func(c *Config) bool { return !c.Listen && c.Proxy.Kind != "" && c.Proxy.Addr == "" }, "-X names a kind of proxy, but not where it is", "add -x ADDR:PORT"},
	{func(c *Config) bool { return (c.Proxy.User != "" || c.Proxy.DNS != "") && c.Proxy.Addr == "" }, "a user or a place for look-ups is given, but no proxy", "add -x ADDR:PORT"},
	{func(c *Config) bool { return c.Proxy.Auth != nil && c.Proxy.Addr == "" && c.Proxy.Kind == "" }, "--proxy-auth is given, but no proxy", "add -x ADDR:PORT, or with -l --proxy-type"},
	{func(c *Config) bool { return c.Proxy.User != "" && c.Proxy.Auth != nil }, "-P and --proxy-auth both name a user", "choose one: -P asks for the password, or takes $NC_PROXY_PASSWORD"},
	{func(c *Config) bool { return c.Listen && c.Proxy.Auth != nil && !strings.Contains(*c.Proxy.Auth, ":") }, "--proxy-auth is USER:PASS", "for a user without a password, end with a colon"},
	{func(c *Config) bool { return c.Proxy.Addr != "" && (c.UDP || c.local()) }, "a proxy carries TCP", "leave out -u, -U and --vsock"},
	{func(c *Config) bool { return c.Proxy.Header > 0 && (c.UDP || c.local()) }, "the PROXY protocol is for TCP", "leave out -u, -U and --vsock"},
	{func(c *Config) bool { return c.PassFD && c.Listen }, "-F passes a connection that nc makes", "leave out -l"},
	{func(c *Config) bool { return c.PassFD && (c.Runs() || c.TLS.On) }, "-F passes the bare socket on", "leave out the program and TLS options"},
	{func(c *Config) bool {
		return c.PassFD && (len(c.Steps) > 0 || c.HexInput || c.CRLF || c.Transcript != "" || c.HexDump != "" || c.Output != "" || c.SendOnly || c.RecvOnly || c.NoStdin || c.RecvLimit > 0 ||
			c.LimitRate > 0 || c.Delay > 0 || c.Interval > 0 || c.Telnet || c.Progress || c.Timestamps || c.HalfOpen || c.NoShutdown || c.QuitAfter >= 0)
	}, "-F passes the socket on, and sends and receives nothing", "leave out the options about the bytes"},
	{func(c *Config) bool { return c.Sock.Broadcast && !c.UDP }, "-b is about UDP", "add -u"},
	{func(c *Config) bool { return c.Sock.MD5 && c.UDP }, "-S signs TCP segments", "leave -u out"},
	{func(c *Config) bool { return c.Sock.MD5 && !c.Explain && os.Getenv("NC_TCP_MD5_KEY") == "" }, "-S needs a key in NC_TCP_MD5_KEY", "NC_TCP_MD5_KEY=secret nc -S …"},
	{func(c *Config) bool { return c.AppendOutput && c.Output == "" && c.HexDump == "" }, "--append-output, but no file to append to", "add --output FILE or --hex-dump FILE"},
	{func(c *Config) bool {
		return c.Output != "" && (c.Output == c.HexDump || c.Output == c.Transcript) || c.HexDump != "" && c.HexDump == c.Transcript
	}, "--output, --hex-dump and --transcript name the same file", "give each its own"},
	{func(c *Config) bool {
		return c.JSON && slices.Contains([]string{c.Output, c.HexDump, c.Transcript}, "-")
	}, "--json and the file - are both the standard error", "give the dump a file of its own"},
	{func(c *Config) bool { return c.Resolve != nil && c.local() }, "--resolve is for names of hosts", "leave it out"},
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
		return c.Scan && (len(c.Steps) > 0 || c.HexInput || c.CRLF || c.Transcript != "" || c.HexDump != "" || c.Output != "" || c.Proxy.Header > 0 || c.PassFD ||
			c.SendOnly || c.RecvOnly || c.RecvLimit > 0 || c.LimitRate > 0 || c.Delay > 0 || c.Telnet || c.Progress || c.Timestamps || c.HalfOpen || c.NoShutdown)
	}, "-z sends and receives nothing", "leave out the options about the bytes"},
	{func(c *Config) bool { return c.MaxConns > 0 && c.UDP && !c.Runs() }, "-m counts connections, and UDP has none", "leave -m out, or add -k and -e: each peer is then one"},
	{func(c *Config) bool { return c.Crowd() && c.oneByOne() }, "with -k and -m many connections share the input and output", "leave out the options about one conversation, or -m"},
	{func(c *Config) bool { return c.NoEdit && c.History != "" }, "--no-edit keeps no history", "leave out --history"},
	{func(c *Config) bool { return c.History != "" && !c.Edits() }, "--history keeps the lines edited on a terminal, and here none are", "leave out --history, or what does without an editor: -d, --send-only, --recv-only, --json, -e, -c, -z, -F, a broker, a proxy, -k with -m"},
	{func(c *Config) bool { return c.Telnet && c.UDP }, "TELNET needs a stream", "leave -u out"},
	{func(c *Config) bool { return c.UDP && (c.HalfOpen || c.NoShutdown) }, "--half-open and --no-shutdown are about the end of a stream, and datagrams have none", "leave them out"},
	{func(c *Config) bool { return c.SendOnly && (c.RecvLimit > 0 || c.Timestamps || c.HalfOpen) }, "--send-only receives nothing", "leave out -W, --timestamps and --half-open"},
	{func(c *Config) bool { return c.RecvOnly && (c.HexInput || c.CRLF || c.Interval > 0) }, "--recv-only sends nothing", "leave out --hex, -C and -i"},
	{func(c *Config) bool { return c.NoShutdown && c.SendOnly }, "--send-only ends with its input, and --no-shutdown does not tell that", "choose one"},
}

// local says that the socket is none of the internet's.
func (c *Config) local() bool { return c.Unix || c.Vsock }
