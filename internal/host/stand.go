package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/challenges/geography"
	"github.com/flagstaff-ctf/flagstaff/challenges/levels"
)

// lastLevel is how far the last level's port is from the first's.
const lastLevel = 12

// stand is one challenge on one listener.
type stand struct {
	challenge   chal.Challenge
	server      *chal.Server // nil where the challenge is played with datagrams
	listener    net.Listener
	way         *line
	start       func()        // gets certificates
	fingerprint string        // of a certificate that was made up
	level       *levels.Level // nil for geography
	packets     net.PacketConn
	config      levels.PacketConfig
}

func (st *stand) name() string  { return st.challenge.Name }
func (st *stand) about() string { return firstSentence(st.challenge.Description) }

func (st *stand) addr() string {
	if st.packets != nil {
		return st.packets.LocalAddr().String()
	}
	return st.listener.Addr().String()
}

// command is what a player types.
func (st *stand) command() string {
	host, port, _ := net.SplitHostPort(st.addr())
	host = reachable(host)
	switch {
	case st.packets != nil:
		return "nc -u " + host + " " + port
	case st.name() == "tls", st.way.tls != nil && !st.way.auto:
		return "ncat --ssl " + host + " " + port
	}
	return "nc " + host + " " + port
}

func (st *stand) close() {
	if st.packets != nil {
		st.packets.Close()
	} else {
		st.listener.Close()
	}
}

// run serves until ctx ends. started is called when the listening entry has
// been written.
func (st *stand) run(ctx context.Context, drain time.Duration, started func()) error {
	announce := func(ledger func(chal.Entry)) func(chal.Entry) {
		return func(e chal.Entry) {
			ledger(e)
			if e.What == chal.EntryListening {
				started()
			}
		}
	}
	if st.packets != nil {
		st.config.Ledger = announce(st.config.Ledger)
		return st.level.ServePacket(ctx, st.packets, st.config)
	}
	st.server.Ledger = announce(st.server.Ledger)
	if st.start != nil {
		go st.start()
	}
	return st.server.Run(ctx, st.listener, drain)
}

// open makes a stand for each challenge, geography first. When one cannot
// listen, none does.
func (d *Demo) open(ctx context.Context, set settings, log *slog.Logger, ledger func(chal.Entry)) (stands []*stand, err error) {
	defer func() {
		if err != nil {
			for _, st := range stands {
				st.close()
			}
		}
	}()
	d.way.fit(handlerFiles, log)
	shared := d.way.places()
	add := func(st *stand, flag string, port int) error {
		addr := net.JoinHostPort(set.host, strconv.Itoa(port))
		if st.level != nil && st.level.Network == "udp" {
			st.config = levels.PacketConfig{Flag: flag, Log: log, Ledger: ledger}
			st.packets, err = listenPacket(ctx, addr)
		} else {
			st.server = st.challenge.Server(flag)
			st.server.Log, st.server.Ledger = log, ledger
			if st.listener, err = chal.Listen(ctx, addr); err == nil {
				err = d.apply(ctx, st, shared, log)
			}
		}
		if err != nil {
			if st.level != nil {
				err = &levelPortError{err, st.name()}
			}
			return err
		}
		stands = append(stands, st)
		return nil
	}
	var menu []string // filled before anybody can ask for it
	port, _ := net.LookupPort("tcp", set.port)
	geo := geography.New(geography.Options{Key: set.key, Replay: set.replay, Menu: func() []string { return menu }})
	if err := add(&stand{challenge: geo}, set.flag, port); err != nil {
		return stands, err
	}
	for _, l := range d.ladder(set) {
		port := 0
		if set.port != "0" && d.levels > 0 {
			port = d.levels + l.Port - levels.FirstPort
		}
		if err := add(&stand{challenge: l.Challenge, level: &l}, levels.Flag(set.key, l.Name), port); err != nil {
			return stands, err
		}
	}
	stands[0].nameOthers(stands[1:])
	for _, st := range stands[1:] {
		menu = append(menu, fmt.Sprintf("%-10s  %-26s  %s", st.name(), st.command(), st.about()))
	}
	return stands, nil
}

// apply sets the way of st's connections. TLS is on the first port alone, because most levels are about what lies below
// it; the server name (SNI) says which challenge is meant.
func (d *Demo) apply(ctx context.Context, st *stand, shared places, log *slog.Logger) error {
	flags := d.way
	if st.level != nil {
		flags.tls = "off"
	}
	way, fingerprint, start, err := flags.line(ctx, st.listener.Addr(), shared, log)
	if err != nil {
		st.listener.Close()
		return err
	}
	st.way, st.fingerprint, st.start = way, fingerprint, start
	way.apply(st.server)
	return nil
}

// nameOthers lets players of the first port choose another challenge by its name before the first dot of the server name
// (SNI), as hello.chal.example.org; without such a name they get st's own. Left out are the levels about
// what lies below TLS.
func (st *stand) nameOthers(others []*stand) {
	if st.way.tls == nil {
		return
	}
	own := st.server.Handler
	named := map[string]*chal.Server{}
	for _, o := range others {
		if o.server != nil && !slices.Contains([]string{"goodbye", "callback", "tls"}, o.name()) {
			named[o.name()] = o.server
		}
	}
	st.way.chosen = func(a *chal.Arrival, serverName string) {
		name, _, _ := strings.Cut(strings.ToLower(serverName), ".")
		if server := named[name]; server != nil {
			a.Challenge, a.Flag = name, server.Flag
		}
	}
	st.server.Handler = chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		if server := named[s.Challenge]; server != nil {
			h := server.Handler
			if server.SessionTimeout > 0 {
				h = chal.Chain(h, chal.Timeout(server.SessionTimeout))
			}
			return h.ServeChal(ctx, s)
		}
		return own.ServeChal(ctx, s)
	})
}

// ladder returns the levels to serve. A server that others can reach does not
// connect back to its players: the level callback is for loopback.
func (d *Demo) ladder(set settings) []levels.Level {
	if d.levels < 0 {
		return nil
	}
	return levels.All(levels.Options{Key: set.key, Callback: loopback(set.host)})
}

func listenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (UDP): %w", addr, err)
	}
	return pc, nil
}

// levelPortError is a level that could not listen: another flag than
// geography's moves it.
type levelPortError struct {
	err  error
	name string
}

func (e *levelPortError) Error() string { return "level " + e.name + ": " + e.err.Error() }
func (e *levelPortError) Unwrap() error { return e.err }

// Hint names the flag that helps, and who to ask.
func (e *levelPortError) Hint() string {
	hint := "--levels PORT puts the levels elsewhere, --levels 0 on free ports, --levels -1 leaves them out"
	var who interface{ Hint() string }
	if errors.As(e.err, &who) {
		first, _, _ := strings.Cut(who.Hint(), ";")
		hint = first + "; " + hint
	}
	return hint
}

// runAll runs all stands until ctx ends or one fails, and says how many
// sessions were cut. They announce themselves in their order.
func runAll(ctx context.Context, stands []*stand, drain time.Duration) (cut int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, st := range stands {
		started := make(chan struct{})
		wg.Go(func() {
			var once sync.Once
			ready := func() { once.Do(func() { close(started) }) }
			e := st.run(ctx, drain, ready)
			ready()
			mu.Lock()
			defer mu.Unlock()
			var c *chal.CutError
			if errors.As(e, &c) {
				cut += c.Sessions
			} else if e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", st.name(), e))
				cancel()
			}
		})
		<-started
	}
	wg.Wait()
	return cut, err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// reachable is the address by which this machine reaches a server on host.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i+1]
	}
	return s
}
