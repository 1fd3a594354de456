// Package cmdline reads nc's command line, and tells about it: one table of
// options makes the parser, the manual page, the completions and --explain.
//
//	c, given, err := cmdline.Parse(os.Args)
//
// A mistake is a [report.UsageError], with the way out. A [Config] that Parse
// returns makes sense as a whole: combinations that contradict each other are
// refused. Nothing here opens a file or a socket, but /etc/services.
package cmdline

import (
	"net/netip"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/sockopt"
)

// Config is a parsed command line. Its zero value connects over TCP.
type Config struct {
	Name   string // what the program was called by, for messages
	compat compat
	Mode   Mode

	// Where.
	Host        string
	Ports       []PortRange
	IPv4, IPv6  bool
	UDP, Unix   bool
	Vsock       bool
	Source      string
	SourcePorts PortRange
	sourcePort  string // as -p gives it
	givenPort   bool   // by -p, also 0
	NoDNS       bool
	Randomize   bool
	Resolve     map[string][]netip.Addr // in the order given
	Retry       int

	// Time.
	Timeout     time.Duration // -w: connecting, and both directions idle
	connectWait time.Duration // --wait: connecting only
	IdleTimeout time.Duration
	QuitAfter   time.Duration // -q; negative: never
	Interval    time.Duration // -i
	Delay       time.Duration
	Keepalive   time.Duration

	// Listening.
	Listen, KeepOpen bool
	MaxConns         int
	Allow, Deny      []string
	AllowFile        string
	DenyFile         string
	Broker, Chat     bool

	// The ends of the stream.
	NoStdin, NoShutdown, HalfOpen bool
	SendOnly, RecvOnly            bool
	RecvLimit                     int

	// The bytes.
	CRLF, Telnet, HexInput bool
	HexDump, Output        string
	AppendOutput           bool
	LimitRate              int64
	Progress, Timestamps   bool
	Transcript             string
	Steps                  []Step
	PoW                    bool
	PoWWait                time.Duration
	History                string
	NoEdit                 bool
	Color                  string

	// Programs.
	Exec, ShExec string
	PTY          bool

	Proxy ProxyOptions
	TLS   TLSOptions
	Sock  sockopt.Options

	Scan       bool
	PassFD     bool
	Verbose    int
	JSON       bool
	Completion string
	Explain    bool
	Test       bool // ncat's --test
}

// Mode is what to do; other than to run, it is to tell something.
type Mode int

const (
	modeRun Mode = iota
	ModeHelp
	ModeVersion
	ModeMan
	ModeCompletion
)

// Step is one --wait-for or --send, in the order given.
type Step struct {
	Send bool
	Text []byte
}

// ProxyOptions is how to go through a proxy, or to be one.
type ProxyOptions struct {
	Addr, Kind string
	User       string
	Auth       *string // USER:PASS; nil: not given
	DNS        string
	Header     int // --proxy-protocol: version, 0 for none
}

// TLSOptions is what --ssl and its kind ask for.
type TLSOptions struct {
	On                   bool
	Verify, Insecure     bool
	Cert, Key, TrustFile string
	ServerName           string
	ALPN                 []string
	Ciphers              string
	Fingerprint          string
}

// AsksClient reports whether a listener wants a certificate of its clients.
func (t *TLSOptions) AsksClient() bool {
	return t.Verify || t.TrustFile != "" || t.Fingerprint != ""
}

// Network returns the name package net uses.
func (c *Config) Network() string {
	n := "tcp"
	if c.UDP {
		n = "udp"
	}
	switch {
	case c.Unix && c.UDP:
		return "unixgram"
	case c.Unix:
		return "unix"
	case c.IPv4 && !c.IPv6:
		return n + "4"
	case c.IPv6 && !c.IPv4:
		return n + "6"
	}
	return n
}

// Proto is the word for the protocol in messages.
func (c *Config) Proto() string {
	if c.UDP {
		return "udp"
	}
	return "tcp"
}

// PlainIn and [Config.PlainOut] report whether a direction may flow untouched, so that the kernel can move them.
func (c *Config) PlainIn() bool {
	return !c.CRLF && !c.Telnet && !c.ByLine() && !c.filtersBoth()
}

// ByLine reports whether the input goes line by line.
func (c *Config) ByLine() bool { return c.HexInput || c.Interval > 0 }

// PlainOut is about what is received.
func (c *Config) PlainOut() bool {
	return !c.Telnet && !c.Timestamps && c.RecvLimit == 0 && !c.filtersBoth()
}

func (c *Config) filtersBoth() bool {
	return c.HexDump != "" || c.Output != "" || c.Transcript != "" || c.Delay != 0 || c.LimitRate != 0 || len(c.Steps) > 0 || c.PoW
}

// Edits reports whether lines are edited, where the input and the output are a terminal.
func (c *Config) Edits() bool {
	return !(c.NoEdit || c.NoStdin || c.RecvOnly || c.SendOnly || c.Runs() || c.PassFD || c.Scan || c.JSON || c.Broker || c.Chat || c.Crowd() || c.Listen && c.Proxy.Kind != "")
}

// Runs reports whether a program is started for each connection.
func (c *Config) Runs() bool { return c.Exec != "" || c.ShExec != "" }

// ConnectTimeout is the limit for one connection attempt; 0 is none of ours.
func (c *Config) ConnectTimeout() time.Duration {
	if c.connectWait > 0 {
		return c.connectWait
	}
	return c.Timeout
}

// IdleLimit is how long nothing may move in what serves many connections; 0 is for ever.
func (c *Config) IdleLimit() time.Duration {
	if c.Timeout == 0 || c.IdleTimeout > 0 && c.IdleTimeout < c.Timeout {
		return c.IdleTimeout
	}
	return c.Timeout
}
