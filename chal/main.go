package chal

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/spool"
)

// FlagVariable is the environment variable that [Main] takes the flag from.
const FlagVariable = "FLAGSTAFF_FLAG"

// Main is the whole main function of a challenge's program. It serves c on 127.0.0.1:1337 until SIGINT or
// SIGTERM, lets the sessions finish, and exits with 0. It never returns, so nothing runs that its caller has deferred: it
// closes c.Handler itself where that is an io.Closer, as a program.Handler is.
//
// Its flags: --listen ADDR, --flag FLAG (otherwise the environment's FLAGSTAFF_FLAG, otherwise one is
// made up and said), --session-timeout, --idle-timeout, --max-sessions, --max-per-source (negative: no
// limit), --drain (how long sessions may finish), --json (the ledger on standard output, one object a
// line, first {"event":"listening",…}), --check (plays c.Solve against c.Handler and exits 0 if it brings
// the flag, else 1). What is wrong is said on standard error as "error: …" and "hint: …"; the exit
// status is 2 when flags or environment are wrong, else 1. Who stops reading what is written, to standard output or
// error, stops nothing.
func Main(c Challenge) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	// Who reads the events or the log may go; the sessions go on. Not ignored, because programs would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, c, os.Args, os.LookupEnv, os.Stdout, os.Stderr))
}

// settings is what the command line says.
type settings struct {
	listen, flag string
	madeUp       bool // the flag
	json, check  bool
	drain        time.Duration
}

// run is Main without the process.
func run(ctx context.Context, c Challenge, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	if h, ok := c.Handler.(io.Closer); ok {
		defer h.Close() // it may have made something before Main was called, whatever becomes of the flags
	}
	set, s, err := configure(c, args, env)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage(c, args))
		return 0
	case err != nil:
		complain(stderr, err)
		return 2
	case set.check:
		err = Check(ctx, c, set.flag)
		if err == nil {
			fmt.Fprintf(stdout, "%s: the solver found the flag\n", c.Name)
		}
	default:
		err = serve(ctx, s, set, stdout, stderr)
	}
	if err != nil {
		complain(stderr, err)
		return 1
	}
	return 0
}

// lastWrites is how long the last of the log and of the events may take at the end: who reads them may have stopped.
const lastWrites = time.Second

// serve listens, says so, and runs the server until ctx ends.
func serve(ctx context.Context, s *Server, set settings, stdout, stderr io.Writer) error {
	l, err := Listen(ctx, set.listen)
	if err != nil {
		return err
	}
	lines := spool.New(stderr, nil, nil)
	defer lines.Close(lastWrites)
	s.Log = slog.New(slog.NewTextHandler(lines, nil))
	if set.madeUp {
		fmt.Fprintf(stderr, "no flag given (--flag, %s): made up %s\n", FlagVariable, s.Flag)
	}
	if set.json {
		events := spool.New(stdout, nil, nil)
		defer func() {
			if lost, _ := events.Close(lastWrites); lost > 0 {
				s.Log.Warn("events were lost, because nobody read them", "events", lost)
			}
		}()
		s.Ledger = JSONLedger(events)
	} else {
		host, port, _ := net.SplitHostPort(l.Addr().String())
		fmt.Fprintf(stdout, "%s is on %s; play it: nc %s %s\n", s.Name, l.Addr(), host, port)
	}
	err = s.Run(ctx, l, set.drain)
	var cut *CutError
	if errors.As(err, &cut) {
		s.Log.Warn("shutdown", "cut_sessions", cut.Sessions, "cause", cut.Err)
		return nil
	}
	return err
}

// configure reads the command line and the environment.
func configure(c Challenge, args []string, env func(string) (string, bool)) (settings, *Server, error) {
	s := c.Server("")
	fs, set := flags(s)
	if err := fs.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return *set, nil, err
		}
		return *set, nil, badFlag(fs, err)
	}
	if fs.NArg() > 0 {
		return *set, nil, &hintError{fmt.Errorf("unexpected argument %q", fs.Arg(0)), "--help shows the flags"}
	}
	if err := checkAddr(set.listen); err != nil {
		return *set, nil, &hintError{fmt.Errorf("--listen %q: %w", set.listen, err), "give host:port, as 127.0.0.1:1337, or 0.0.0.0:1337 for everybody"}
	}
	if set.drain < 0 {
		return *set, nil, &hintError{fmt.Errorf("--drain %v is negative", set.drain), "0s ends the sessions at once"}
	}
	for _, limit := range []struct {
		name string
		zero bool
	}{
		{"session-timeout", s.SessionTimeout == 0},
		{"idle-timeout", s.IdleTimeout == 0},
		{"max-sessions", s.MaxSessions == 0},
		{"max-per-source", s.MaxPerSource == 0},
	} {
		if limit.zero {
			return *set, nil, &hintError{fmt.Errorf("--%s 0 lets nobody play", limit.name), "give -1 (-1s for a time) for no limit"}
		}
	}
	switch {
	case c.Handler == nil:
		return *set, nil, &hintError{errNoHandler, "set Challenge.Handler to what plays with a player"}
	case c.Name == "":
		return *set, nil, &hintError{errors.New("the challenge has no name"), "set Challenge.Name: events and players call it so"}
	}
	var err error
	set.flag, set.madeUp, err = chooseFlag(fs, set.flag, env)
	s.Flag = set.flag
	return *set, s, err
}

// flags defines the command line.
func flags(s *Server) (*flag.FlagSet, *settings) {
	fs, set := flag.NewFlagSet("", flag.ContinueOnError), &settings{}
	fs.SetOutput(io.Discard)
	fs.StringVar(&set.listen, "listen", defaultAddr, "listen on `ADDR`")
	fs.StringVar(&set.flag, "flag", "", "the `FLAG` (default: $"+FlagVariable+", else made up)")
	fs.DurationVar(&s.SessionTimeout, "session-timeout", orDefault(s.SessionTimeout, defaultSessionTimeout), "how long a session may last; negative: for ever")
	fs.DurationVar(&s.IdleTimeout, "idle-timeout", orDefault(s.IdleTimeout, defaultIdleTimeout), "how long a player may take for a line; negative: for ever")
	fs.IntVar(&s.MaxSessions, "max-sessions", defaultMaxSessions, "how many sessions may be open; negative: no limit")
	fs.IntVar(&s.MaxPerSource, "max-per-source", defaultMaxPerSource, "how many from one IPv4 address or IPv6 /64; negative: no limit")
	fs.DurationVar(&set.drain, "drain", 10*time.Second, "how long open sessions may finish after SIGTERM")
	fs.BoolVar(&set.json, "json", false, "write events to standard output, one JSON object a line")
	fs.BoolVar(&set.check, "check", false, "play the author's solver against the challenge, and exit")
	return fs, set
}

func orDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}

// badFlag says in our words what package flag says in its own: its errors have no type to ask.
func badFlag(fs *flag.FlagSet, err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return &hintError{fmt.Errorf("there is no flag --%s", name), "--help shows those there are"}
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return &hintError{fmt.Errorf("--%s needs a value", name), "--help says which"}
	}
	m := regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-(.*): (.*)$`).FindStringSubmatch(err.Error())
	if m == nil {
		return &hintError{err, "--help shows the flags"}
	}
	kind, _ := flag.UnquoteUsage(fs.Lookup(m[2]))
	switch kind {
	case "duration":
		return &hintError{fmt.Errorf("--%s %s is no time", m[2], m[1]), "write it with its unit: 90s, 15m or 1h30m"}
	case "int":
		return &hintError{fmt.Errorf("--%s %s is no whole number", m[2], m[1]), "write it in digits: 64"}
	}
	return &hintError{fmt.Errorf("--%s %s: %s", m[2], m[1], m[3]), "--help shows the flags"}
}

// chooseFlag takes the flag from the command line, else the environment, else makes it up.
func chooseFlag(fs *flag.FlagSet, given string, env func(string) (string, bool)) (value string, madeUp bool, err error) {
	from := "--flag"
	set := false
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == "flag" })
	if !set {
		if given, set = env(FlagVariable); !set {
			return RandomFlag(), true, nil
		}
		from = FlagVariable
	}
	if err := CheckFlag(given); err != nil {
		return "", false, &hintError{fmt.Errorf("%s: %w", from, err), "give one line of printable text, as flag{...}; without " + from + " a flag is made up"}
	}
	return given, false, nil
}

// CheckFlag says what makes flag unfit to be shown to a player on a line: it is empty, or has control
// characters.
func CheckFlag(flag string) error {
	if strings.TrimSpace(flag) == "" {
		return errors.New("the flag is empty")
	}
	if i := strings.IndexFunc(flag, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("the flag has an unprintable character at byte %d", i)
	}
	return nil
}

// RandomFlag makes up a flag that nobody can guess, as flag{…}.
func RandomFlag() string { return "flag{" + strings.ToLower(rand.Text()) + "}" }

// checkAddr says what is wrong with a TCP listening address, as far as that can be said without listening.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("no port %q", port)
	}
	return nil
}

// usage is what --help prints.
func usage(c Challenge, args []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s serves the challenge %s.\n\n", args[0], c.Name)
	fs, _ := flags(c.Server(""))
	fs.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %-28s %s", strings.TrimSpace("--"+f.Name+" "+kind), text)
		if f.DefValue != "" && f.DefValue != "false" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		b.WriteByte('\n')
	})
	return b.String()
}

// complain prints an error and, where it has one, its way out.
func complain(w io.Writer, err error) {
	fmt.Fprintln(w, "error:", err)
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		fmt.Fprintln(w, "hint:", hint.Hint())
	}
}
