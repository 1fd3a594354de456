package nc

import (
	"net/netip"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
)

// config is a parsed command line. Its zero value connects over TCP.
type config struct {
	name   string // what the program was called by, for messages
	compat compat
	mode   mode

	// Where.
	host        string
	ports       []portRange
	ipv4, ipv6  bool
	udp, unix   bool
	vsock       bool
	source      string
	sourcePorts portRange
	noDNS       bool
	randomize   bool
	resolve     map[string][]netip.Addr // in the order given
	iface       string
	retry       int

	// Time.
	timeout     time.Duration // -w: connecting, and both directions idle
	connectWait time.Duration // --wait: connecting only
	idleTimeout time.Duration
	quitAfter   time.Duration // -q; negative: never
	interval    time.Duration // -i
	delay       time.Duration
	keepalive   time.Duration

	// Listening.
	listen, keepOpen bool
	maxConns         int
	allow, deny      []string
	allowFile        string
	denyFile         string
	broker, chat     bool

	// The ends of the stream.
	noStdin, noShutdown, halfOpen bool
	sendOnly, recvOnly            bool
	recvLimit                     int

	// The bytes.
	crlf, telnet, hexInput bool
	hexDump, output        string
	appendOutput           bool
	limitRate              int64
	progress, timestamps   bool
	transcript             string
	steps                  []step
	pow                    bool
	powWait                time.Duration
	history                string
	noEdit                 bool
	color                  string

	// Programs.
	exec, shExec string
	pty          bool

	proxy proxyConfig
	tls   tlsConfig
	sock  sockConfig

	scan       bool
	passFD     bool
	verbose    int
	json       bool
	completion string
	explain    bool
}

type mode int

const (
	modeRun mode = iota
	modeHelp
	modeVersion
	modeMan
	modeCompletion
)

// step is one --wait-for or --send, in the order given.
type step struct {
	send bool
	text []byte
}

type proxyConfig struct {
	addr, kind string
	user       string
	auth       string
	dns        string
	header     int // --proxy-protocol: version, 0 for none
}

type tlsConfig struct {
	on                   bool
	verify, insecure     bool
	cert, key, trustFile string
	serverName           string
	alpn                 []string
	ciphers              string
	fingerprint          string
}

// sockConfig holds what is set on sockets; zero leaves the system's default.
type sockConfig struct {
	broadcast, debug, md5 bool
	recvBuf, sendBuf      int
	ttl, minTTL           int
	tos                   int
	hasTOS                bool
}

// network returns the name package net uses.
func (c *config) network() string {
	n := "tcp"
	if c.udp {
		n = "udp"
	}
	switch {
	case c.unix && c.udp:
		return "unixgram"
	case c.unix:
		return "unix"
	case c.ipv4 && !c.ipv6:
		return n + "4"
	case c.ipv6 && !c.ipv4:
		return n + "6"
	}
	return n
}

// proto is the word for the protocol in messages.
func (c *config) proto() string {
	if c.udp {
		return "udp"
	}
	return "tcp"
}

// plain reports whether both directions may flow untouched, so that the kernel can move them.
func (c *config) plainIn() bool {
	return !c.crlf && !c.hexInput && c.interval == 0 && !c.filtersBoth()
}

func (c *config) plainOut() bool {
	return !c.telnet && !c.timestamps && c.recvLimit == 0 && !c.filtersBoth()
}

func (c *config) filtersBoth() bool {
	return c.hexDump != "" || c.output != "" || c.transcript != "" || c.delay != 0 || c.limitRate != 0 || len(c.steps) > 0 || c.pow
}

// runs reports whether a program is started for each connection.
func (c *config) runs() bool { return c.exec != "" || c.shExec != "" }

// connectTimeout is the limit for one connection attempt; 0 is none of ours.
func (c *config) connectTimeout() time.Duration {
	if c.connectWait > 0 {
		return c.connectWait
	}
	return c.timeout
}

// idleLimit is how long nothing may move in what serves many connections; 0 is for ever.
func (c *config) idleLimit() time.Duration {
	if c.timeout == 0 || c.idleTimeout > 0 && c.idleTimeout < c.timeout {
		return c.idleTimeout
	}
	return c.timeout
}

// meter returns a Meter that remembers times when this command line needs them.
func (c *config) meter() *relay.Meter {
	m := new(relay.Meter)
	if c.timeout > 0 || c.idleTimeout > 0 {
		m.Timed()
	}
	return m
}

// one is the value of a socket option that is on or off.
func one(on bool) int {
	if on {
		return 1
	}
	return 0
}
