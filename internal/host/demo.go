// Package host runs challenges for players: it makes the listeners, gives each
// challenge its server, says where everything is, and ends it all in order.
//
// The way of a connection is one line, the server's (package chal) and this package's (line.go):
//
//	accept -> slot by peer address -> PROXY header -> slot and rate by real source -> TLS -> proof of work
//	       -> deadline -> Handler (Go func | program in a sandbox) -> half-close, drain, close -> ledger
//
// [Demo] is what `flagstaff serve` runs: the built-in challenges on loopback.
// [Run] is what `flagstaff run` does: a program for each connection.
// Nothing is reachable from other machines unless the address says so.
package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/challenges/geography"
	"github.com/flagstaff-ctf/flagstaff/challenges/levels"
)

// Demo serves the built-in challenges. Set the Console; Flags defines the rest,
// with its defaults. A Demo serves once.
type Demo struct {
	Console

	listen string
	levels int
	replay string
	ask    *pflag.Flag // --replay
	way    lineFlags
}

// Groups defines the flags of `flagstaff serve`.
func (d *Demo) Groups() []FlagGroup {
	return []FlagGroup{
		group("Where, and what is said", func(fs *pflag.FlagSet) {
			fs.StringVarP(&d.listen, "listen", "l", "127.0.0.1:1337", "listen on `ADDR`: 127.0.0.1:0 (free ports), 0.0.0.0:1337 (for everybody)")
			fs.IntVar(&d.levels, "levels", levels.FirstPort, "first `PORT` of the levels; 0: free ports; -1: no levels")
			fs.StringVar(&d.replay, "replay", "", "ask the questions of the game with this `ID` again, to settle a dispute")
			d.ask = fs.Lookup("replay")
		}, d.Console.define),
		group("Who may come in", d.way.define),
		group("TLS, on the first port", d.way.defineTLS),
	}
}

// Flags defines the flags in fs.
func (d *Demo) Flags(fs *pflag.FlagSet) { addAll(fs, d.Groups()) }

// settings is what flags and environment come to.
type settings struct {
	host, port string
	flag       string
	madeUp     bool // the flag
	key        []byte
	replay     geography.Replay
}

// Serve runs the demo until ctx ends and the sessions have finished, or were
// cut when --drain was over. The error is a *SettingError when flags or
// environment are wrong, else what failed, with a Hint where there is one.
func (d *Demo) Serve(ctx context.Context) error {
	set, err := d.settings()
	if err != nil {
		return err
	}
	log := d.Console.open()
	defer d.Console.close(log)
	ledger := d.ledger(log)
	stands, err := d.open(ctx, set, log, ledger)
	if err != nil {
		return err
	}
	if !d.json {
		d.announce(set, stands)
	}
	var servers []*chal.Server
	for _, st := range stands {
		if st.server != nil {
			servers = append(servers, st.server)
		}
	}
	defer d.hurried(log, servers...)()
	cut, err := runAll(ctx, stands, d.drain)
	if cut > 0 {
		log.Warn("sessions were still open and have been cut", "sessions", cut, "after", d.drain.String())
	}
	return err
}

// settings reads flags and environment.
func (d *Demo) settings() (set settings, err error) {
	if set.host, set.port, err = d.check(); err != nil {
		return set, err
	}
	if set.flag, set.madeUp, err = chooseFlag(d.Env); err != nil {
		return set, err
	}
	set.key, err = eventKey(d.Env)
	var bad *SettingError
	switch {
	case err == nil:
	case errors.As(err, &bad) || d.replay != "":
		return set, err
	default:
		d.log().Warn("replay ids of this run are good until it ends: the event key cannot be kept", "error", err, "hint", "set "+KeyVariable)
		set.key = make([]byte, 32)
		rand.Read(set.key)
	}
	if d.replay != "" {
		set.replay, err = geography.ParseReplay(d.replay, set.key)
		if err != nil {
			return set, &SettingError{fmt.Errorf("--replay: %w", err), "the server printed the id with the game; it is good with the event key of then (" + KeyVariable + ")"}
		}
	}
	return set, nil
}

// check finds mistakes in the flags.
func (d *Demo) check() (host, port string, err error) {
	host, port, err = checkListen("listen", d.listen)
	switch {
	case err != nil:
		return "", "", err
	case d.ask.Changed && d.replay == "":
		return "", "", &SettingError{errors.New("--replay is empty"), "give the id that the server printed with the game"}
	case d.levels < -1 || d.levels > 65535-lastLevel:
		return "", "", &SettingError{fmt.Errorf("--levels %d: the levels cannot begin there", d.levels), fmt.Sprintf("give the first port, up to %d, 0 for free ports, or -1 for no levels", 65535-lastLevel)}
	}
	if err := d.Console.check(); err != nil {
		return "", "", err
	}
	return host, port, d.way.check()
}

// announce says where everything is and how it is played.
func (d *Demo) announce(set settings, stands []*stand) {
	first := stands[0]
	host, port, _ := net.SplitHostPort(first.addr())
	who := "only this machine can reach it"
	if !loopback(host) {
		who = "other machines can reach it"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "flagstaff serves on %s (%s)\n\n", host, who)
	fmt.Fprintf(&b, "  %-10s  %s\n", first.name(), first.command())
	if first.way.tls != nil {
		fmt.Fprintf(&b, "  %-10s  ncat --ssl --ssl-servername hello.localhost %s %s plays hello, and so on\n", "by name", reachable(host), port)
	}
	if first.fingerprint != "" {
		fmt.Fprintf(&b, "  %-10s  a certificate was made up; its SHA-256 is %s\n", "TLS", first.fingerprint)
	}
	if set.madeUp {
		fmt.Fprintf(&b, "  %-10s  %s, made up: %s sets it\n", "its flag", set.flag, chal.FlagVariable)
	}
	if d.replay != "" {
		fmt.Fprintf(&b, "  %-10s  every game asks the questions of %s\n", "replay", set.replay.ID())
	}
	fmt.Fprintf(&b, "  %-10s  flagstaff solve %s %s %s\n", "its solver", first.name(), reachable(host), port)
	if len(stands) > 1 {
		b.WriteString("\nThe levels, one idea of sockets each:\n\n")
		for _, st := range stands[1:] {
			fmt.Fprintf(&b, "  %-10s  %-26s  %s\n", st.name(), st.command(), st.about())
		}
	}
	b.WriteString("\nCtrl-C ends it: open games may finish; a second Ctrl-C does not wait.\n\n")
	io.WriteString(d.Stdout, b.String())
}
