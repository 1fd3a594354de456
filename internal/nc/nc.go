// Package nc is netcat: the engine of the commands "nc" and "flagstaff nc".
//
//	os.Exit(nc.Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
//
// It speaks Debian's OpenBSD letters and ncat's long options; called as ncat,
// or with --compat, it takes that program's letters. What differs from both on
// purpose: the end of input is passed on (-N is implied), nc ends as soon as
// the peer has and everything is written, and TLS verifies.
//
// On Linux untouched bytes do not pass through the process (package relay).
// Exit status: 0 done, 1 the network, 2 the command line.
package nc

import (
	"context"
	"errors"
	"os"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Main runs netcat and returns its exit status. args[0] is the name it was
// called by ("ncat" takes ncat's letters). It works on the descriptors
// themselves, hence *os.File. The caller exits with the result: after a session
// that the peer ended, a goroutine may still wait for stdin.
func Main(ctx context.Context, args []string, stdin, stdout, stderr *os.File) int {
	plainSignals()
	c, given, err := cmdline.Parse(args)
	r := &report.Reporter{W: stderr, Name: c.Name, Verbose: c.Verbose, JSON: c.JSON, Color: wantColor(c.Color, stderr), TTY: term.IsTerminal(int(stderr.Fd()))}
	if err != nil {
		return r.Fail(err)
	}
	switch c.Mode {
	case cmdline.ModeHelp:
		return status(r, relay.WriteAll(stdout, []byte(cmdline.HelpText)))
	case cmdline.ModeVersion:
		return status(r, relay.WriteAll(stdout, []byte(cmdline.Version())))
	case cmdline.ModeMan:
		return status(r, relay.WriteAll(stdout, cmdline.ManPage()))
	case cmdline.ModeCompletion:
		return status(r, relay.WriteAll(stdout, cmdline.Completion(c.Completion)))
	}
	if c.Explain {
		return status(r, relay.WriteAll(stdout, []byte(cmdline.Explanation(c, given))))
	}
	n := &netcat{c: c, r: r, stdin: stdin, stdout: stdout, in: relay.NewInput(stdin)}
	err = n.run(ctx)
	if n.endedBy != nil {
		endBy(n.endedBy)
	}
	return status(r, err)
}

// wantColor decides about colour: --color, else on a terminal unless $NO_COLOR is set.
func wantColor(when string, f *os.File) bool {
	switch when {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// netcat is one run of the program.
type netcat struct {
	c             *cmdline.Config
	r             *report.Reporter
	stdin, stdout *os.File
	in            *relay.Input
	taps          *taps
	editor        *editor
	history       *history
	gate          *gate
	answered      func()       // tells, once, that there is a peer; nil where that is known
	login         *proxy.Login // of the HTTP proxy that nc is
	endedBy       os.Signal    // what ended the programs, and then nc
}

func (n *netcat) run(ctx context.Context) error {
	t, err := n.newTaps()
	if err != nil {
		return err
	}
	if t != nil {
		n.taps, t.echo = t, n.echoes
		defer t.close()
	}
	if n.c.History != "" && n.edits() {
		if n.history, err = openHistory(n.c.History); err != nil {
			return err
		}
		defer n.history.close()
	}
	if n.c.Listen {
		if a := n.c.Proxy.Auth; a != nil {
			n.login = proxy.NewLogin(*proxy.ParseAuth(*a))
		}
		return n.serve(ctx)
	}
	if n.c.Scan {
		return n.scanPorts(ctx)
	}
	return n.connect(ctx)
}

// status turns the result of a run into an exit status, having told it.
func status(r *report.Reporter, err error) int {
	if err == nil || errors.Is(err, relay.ErrOutput) && report.BrokenPipe(err) {
		return report.ExitDone
	}
	return r.Fail(err)
}
