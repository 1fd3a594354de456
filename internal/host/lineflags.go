package host

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strconv"

	"github.com/caddyserver/certmagic"
	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/admit"
)

// maxDifficulty keeps a typing error from asking for an hour's work.
const maxDifficulty = 1 << 20

const maxRate = 1e6

// defaultSessions is how many sessions may be open where nobody says otherwise.
const defaultSessions = 10_000

// lineFlags are the flags of the way of a connection.
type lineFlags struct {
	maxSessions  int
	maxPerSource int
	rate         float64
	proxies      prefixes
	tls          string
	cert         certFlags
	pow          string
}

// define defines the flags about who may come in.
func (f *lineFlags) define(fs *pflag.FlagSet) {
	fs.IntVar(&f.maxSessions, "max-sessions", defaultSessions, "`N` sessions at once; -1: no limit")
	fs.IntVar(&f.maxPerSource, "max-per-source", 64, "`N` of them from one IPv4 address or IPv6 /64; -1: no limit")
	fs.Float64Var(&f.rate, "rate", 0, "`N` new sessions a second from one source, on average; 0: no limit")
	fs.StringVar(&f.pow, "pow", "0", "ask for a proof of work of this `DIFFICULTY`, on kCTF's scale (31337 takes a player's\nscript half a minute), or auto: once half of --max-sessions are open")
	fs.Var(&f.proxies, "proxy-from", "expect the PROXY protocol (v1 or v2) from these `NETS`, and let nobody else in")
}

// defineTLS defines the flags about TLS.
func (f *lineFlags) defineTLS(fs *pflag.FlagSet) {
	fs.StringVar(&f.tls, "tls", "off", "`HOW` to speak it: off, on, or auto (TLS and plain on one port)")
	fs.StringSliceVar(&f.cert.certs, "tls-cert", nil, "certificate `FILE`s (PEM), chosen by server name; without one it is made up")
	fs.StringSliceVar(&f.cert.keys, "tls-key", nil, "their private key `FILE`s")
	fs.StringSliceVar(&f.cert.acme, "acme", nil, "get certificates for these host `NAME`s by ACME (TLS-ALPN-01, on this port)")
	fs.StringVar(&f.cert.email, "acme-email", "", "`ADDRESS` for the authority's warnings")
	fs.StringVar(&f.cert.ca, "acme-ca", certmagic.LetsEncryptProductionCA, "the authority's directory `URL`")
	fs.StringVar(&f.cert.roots, "acme-root", "", "trust this certificate `FILE` when talking to the authority")
	fs.StringVar(&f.cert.dir, "acme-dir", "", "keep certificates in `DIR` (default: the user's configuration folder)")
}

// Descriptors that a session takes, with its connection.
const (
	handlerFiles = 1
	programFiles = 3
)

// fit lets no more in than there are descriptors for, each of whom takes so many: others would be let in to be told that the
// server has none left.
func (f *lineFlags) fit(each int, log *slog.Logger) {
	files := openFiles()
	if most := fitting(files, each); files > 0 && (f.maxSessions < 0 || f.maxSessions > most) {
		if f.maxSessions != defaultSessions || most < 1024 { // who has not asked for so many misses nothing
			log.Info("the limit of open files lets fewer play at once (ulimit -n)", "sessions", most, "open_files", files)
		}
		f.maxSessions = most
	}
}

// fitting is how many sessions can be open with so many descriptors.
func fitting(files, each int) int {
	own := 32 + files/16 // of the server, and of sessions that begin
	return max(1, (files-own)/each)
}

// places are what the servers of one host share: who holds many slots in one challenge waits in all of them.
type places struct {
	slots   *chal.Slots
	players chal.Admitter // slots and rate
}

func (f *lineFlags) places() places {
	p := places{slots: &chal.Slots{Max: f.maxSessions, PerSource: f.maxPerSource}}
	p.players = p.slots
	if f.rate > 0 {
		p.players = admit.All(&admit.Rate{PerSecond: f.rate}, p.slots)
	}
	return p
}

// check finds mistakes, and says what can be known without listening.
func (f *lineFlags) check() error {
	switch {
	case f.maxSessions == 0:
		return settingError("give -1 for no limit", "--max-sessions 0 lets nobody play")
	case f.maxPerSource == 0:
		return settingError("give -1 for no limit", "--max-per-source 0 lets nobody play")
	case f.rate < 0:
		return settingError("0 is no limit", "--rate %v is negative", f.rate)
	case math.IsNaN(f.rate), f.rate > maxRate:
		return settingError("0 is no limit", "--rate %v is no number of sessions up to a million", f.rate)
	case f.tls != "off" && f.tls != "on" && f.tls != "auto":
		return settingError("give off, on or auto", "--tls %q is none of these", f.tls)
	case f.tls == "off" && (len(f.cert.certs) > 0 || len(f.cert.keys) > 0 || len(f.cert.acme) > 0):
		return settingError("--tls on speaks TLS only, --tls auto TLS and plain on one port", "certificates are of no use without --tls")
	}
	if _, _, err := f.work(nil); err != nil {
		return err
	}
	return f.cert.check()
}

// work makes the function that says how hard the next player's proof of work is, and how hard it is at most. open says how
// many places are taken.
func (f *lineFlags) work(open func() int) (func() uint32, uint32, error) {
	if f.pow == "auto" {
		const easiest, steps = 5000, 4
		most := f.maxSessions
		if most <= 0 {
			return nil, 0, settingError("give --max-sessions a number, or --pow a difficulty", "--pow auto without a limit of sessions: it asks while half of the places are taken")
		}
		return func() uint32 {
			// Nothing while half of the places are free, then twice as hard with each eighth that is taken. Who is asked has
			// one already.
			others := open() - 1
			if 2*others < most {
				return 0
			}
			return easiest << min(others*8/most-4, steps)
		}, easiest << steps, nil
	}
	n, err := strconv.ParseUint(f.pow, 10, 32)
	if err != nil || n > maxDifficulty {
		return nil, 0, settingError("give a difficulty up to "+strconv.Itoa(maxDifficulty)+", 0 for none, or auto", "--pow %q is no difficulty", f.pow)
	}
	if n == 0 {
		return nil, 0, nil
	}
	return func() uint32 { return uint32(n) }, uint32(n), nil
}

// line makes the way of the connections that listener accepts. made is the fingerprint of a certificate that was made up;
// start, if not nil, is to be called when the port is served.
func (f *lineFlags) line(ctx context.Context, addr net.Addr, p places, log *slog.Logger) (l *line, made string, start func(), err error) {
	l = &line{
		door: &admit.Door{Players: p.players, Proxies: []netip.Prefix(f.proxies), MaxProxied: f.maxSessions},
		auto: f.tls == "auto",
	}
	if l.work, l.hardest, err = f.work(p.slots.Open); err != nil {
		return nil, "", nil, err
	}
	if f.tls != "off" {
		l.tls, made, start, err = f.cert.config(ctx, addr, log)
	}
	return l, made, start, err
}
