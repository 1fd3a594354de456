package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// Run hosts one program, a sandboxed process for each connection. Set the Console and Command; Flags
// defines the rest, with its defaults. A Run serves once.
type Run struct {
	Console
	Command []string // the program and its arguments

	listen   string
	name     string
	env      []string
	flagAs   string
	flagFile string
	fromFile func() bool // whether --flag-from is on the command line
	player   bool
	way      lineFlags
	policy   policyFlags
}

// Groups defines the flags of `flagstaff run`.
func (r *Run) Groups() []FlagGroup {
	return []FlagGroup{
		group("Where, and what is said", func(fs *pflag.FlagSet) {
			fs.StringVarP(&r.listen, "listen", "l", "127.0.0.1:1337", "listen on `ADDR`: 127.0.0.1:1338, :1338 (for everybody), 127.0.0.1:0 (a free port)")
			fs.StringVar(&r.name, "name", "run", "the challenge's `NAME`, in events and logs")
		}, r.Console.define),
		group("What the program gets", func(fs *pflag.FlagSet) {
			fs.StringArrayVar(&r.env, "env", nil, "put `NAME=VALUE` into its environment, which else has PATH alone; NAME takes ours")
			fs.StringVar(&r.flagAs, "flag-as", "", "give it the flag, `HOW`: file (/flag), env ($FLAG) or arg (its last argument)")
			fs.StringVar(&r.flagFile, "flag-from", "", "read the flag from `FILE` (default: $"+chal.FlagVariable+", else it is made up)")
			r.fromFile = func() bool { return fs.Changed("flag-from") }
			fs.BoolVar(&r.player, "player", false, "tell it who plays: $FLAGSTAFF_REMOTE, $FLAGSTAFF_TEAM, $FLAGSTAFF_SESSION")
		}, r.policy.defineSight),
		group("What it may use", r.policy.defineLimits),
		group("Who may come in", r.way.define),
		group("TLS", r.way.defineTLS),
	}
}

// Flags defines the flags in fs.
func (r *Run) Flags(fs *pflag.FlagSet) { addAll(fs, r.Groups()) }

// Serve hosts the program until ctx ends and the sessions have finished, or were cut when --drain was over. The error is
// a *SettingError when the flags or the environment are wrong, else what failed, with a Hint where there is one.
func (r *Run) Serve(ctx context.Context) error {
	if _, _, err := checkListen("listen", r.listen); err != nil {
		return err
	}
	if err := errors.Join(r.Console.check(), r.way.check()); err != nil {
		return err
	}
	if r.name == "" {
		return settingError("leave it out, or give the challenge's name", "--name is empty")
	}
	config, madeUp, err := r.config(ctx)
	if err != nil {
		return err
	}
	log := r.Console.open()
	defer r.Console.close(log)
	config.Log = log
	l, err := chal.Listen(ctx, r.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	r.way.fit(programFiles, log)
	way, fingerprint, start, err := r.way.line(ctx, l.Addr(), r.way.places(), log)
	if err != nil {
		return err
	}
	h, err := program.New(config)
	if no := (*sandbox.ProgramError)(nil); errors.As(err, &no) {
		return settingError(no.Hint(), "%w", err)
	}
	if err != nil {
		return err
	}
	defer h.Close()
	server := &chal.Server{
		Name: r.name, Handler: told(h), Flag: config.FixedFlag, Log: log, Ledger: r.ledger(log),
		SessionTimeout: r.policy.time, IdleTimeout: r.policy.idle,
	}
	way.apply(server)
	if !r.json {
		r.announce(l.Addr(), config, madeUp, fingerprint, h.Enforced())
	}
	if start != nil {
		go start()
	}
	defer r.hurried(log, server)()
	err = server.Run(ctx, l, r.drain)
	var cut *chal.CutError
	if errors.As(err, &cut) {
		log.Warn("sessions were still open and have been cut", "sessions", cut.Sessions, "after", r.drain.String())
		return nil
	}
	return err
}

// told logs what is behind a refusal that a player has got after the session's start: there is no room for another program.
func told(next chal.Handler) chal.Handler {
	return chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		err := next.ServeChal(ctx, s)
		var refusal *chal.Refusal
		if errors.As(err, &refusal) && refusal.Err != nil {
			s.Log.Warn("refused", "error", refusal.Err)
		}
		return err
	})
}

// config reads the command and the flags that are about the program.
func (r *Run) config(ctx context.Context) (c program.Config, madeUp bool, err error) {
	if len(r.Command) == 0 && r.policy.image == "" {
		return c, false, settingError("flagstaff run [flags] -- PROGRAM [ARGUMENT…]", "no program to run")
	}
	if c.Policy, err = r.policy.policy(); err != nil {
		return c, false, err
	}
	if c.Policy.Env, err = r.environment(); err != nil {
		return c, false, err
	}
	c.Player, c.Flag, c.Unconfined = r.player, program.FlagWay(r.flagAs), r.policy.none
	if c.Unconfined && c.Flag == program.FlagFile {
		return c, false, settingError("--flag-as env or arg", "--no-sandbox and --flag-as file: without a sandbox there is no /flag of the program's own")
	}
	switch c.Flag {
	case program.FlagNone:
		if r.flagFile != "" {
			return c, false, settingError("--flag-as file, env or arg says how the program gets it", "--flag-from without --flag-as: the program would not get the flag")
		}
		if _, given := r.Env(chal.FlagVariable); given {
			r.log().Warn(chal.FlagVariable+" is set, and the program does not get it", "hint", "--flag-as file, env or arg says how it does")
		}
	case program.FlagFile, program.FlagEnv, program.FlagArg:
		if c.FixedFlag, madeUp, err = r.flag(ctx); err != nil {
			return c, false, err
		}
	default:
		return c, false, settingError("give file, env or arg", "--flag-as %q", r.flagAs)
	}
	if c.Unconfined {
		c.Command = slices.Clone(r.Command)
		if len(c.Command) > 0 {
			c.Command[0] = inDir(c.Policy.Dir, c.Command[0])
		}
		return c, madeUp, nil
	}
	c.Command, err = r.command(&c.Policy)
	return c, madeUp, err
}

// flag reads the flag, or makes one up.
func (r *Run) flag(ctx context.Context) (flag string, madeUp bool, err error) {
	if r.flagFile == "" && r.fromFile() {
		return "", false, settingError("give a file with the flag on one line, or leave it out", "--flag-from is empty")
	}
	if r.flagFile == "" {
		return chooseFlag(r.Env)
	}
	text, err := readSecret(ctx, r.flagFile)
	if err != nil {
		return "", false, settingError("give a file with the flag on one line", "--flag-from: %w", err)
	}
	flag = strings.TrimSpace(string(text))
	if err := chal.CheckFlag(flag); err != nil {
		return "", false, settingError("give a file with the flag on one line", "--flag-from %s: %w", r.flagFile, err)
	}
	return flag, false, nil
}

// longestSecret is far more than any flag has: a device would never end.
const longestSecret = 64 << 10

// readSecret reads a short file, or what a pipe brings. A pipe that nobody writes to holds who opens it, and no signal changes that: so
// it is opened by a goroutine, which may be left behind.
func readSecret(ctx context.Context, name string) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		f, err := os.Open(name)
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
		if err == nil && len(text) > longestSecret {
			err = fmt.Errorf("%s is longer than %d bytes", name, longestSecret)
		}
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s has not ended yet: %w", name, context.Cause(ctx))
	}
}

// environment reads --env.
func (r *Run) environment() ([]string, error) {
	var env []string
	for _, e := range r.env {
		name, _, given := strings.Cut(e, "=")
		if name == "" || strings.ContainsAny(name, "\x00 ") {
			return nil, settingError("give NAME=VALUE, or NAME to take the value from the environment of flagstaff", "--env %q has no name", e)
		}
		if !given {
			value, ok := r.Env(name)
			if !ok {
				return nil, settingError("give --env "+name+"=VALUE", "--env %s: there is no such variable to take the value from", name)
			}
			e = name + "=" + value
		}
		env = append(env, e)
	}
	return env, nil
}

// command makes the program's command line and the policy good inside of the sandbox: files that arguments name are shown to the
// program, under the same names, because the working directory is the same. Nothing else of that is shown. What the sandbox has of
// its own or of the system's stays as it is. With --dir, --root or --image the arguments mean what they mean there.
func (r *Run) command(p *sandbox.Policy) (argv []string, err error) {
	argv = slices.Clone(r.Command)
	if r.policy.ownRoot() {
		return argv, nil
	}
	argv[0] = inPath(inDir(p.Dir, argv[0]))
	if p.Dir != "" {
		return argv, nil
	}
	for _, arg := range argv[1:] {
		if system(arg) {
			continue
		}
		if info, err := os.Stat(arg); err != nil || !info.Mode().IsRegular() {
			continue
		}
		path, err := filepath.Abs(arg)
		if err != nil {
			return nil, err
		}
		p.Files = append(p.Files, path)
		if !filepath.IsAbs(arg) {
			if p.WorkDir, err = os.Getwd(); err != nil {
				return nil, err
			}
		}
	}
	return argv, nil
}

// inDir returns the path of a program that is named from where it will run.
func inDir(dir, name string) string {
	if dir != "" && strings.Contains(name, "/") && !filepath.IsAbs(name) {
		return filepath.Join(dir, name)
	}
	return name
}

// system says whether a path is one of the system's, which a sandbox has too, or has another of.
func system(name string) bool {
	first, _, below := strings.Cut(strings.TrimPrefix(filepath.Clean(name), "/"), "/")
	if !filepath.IsAbs(name) || !below {
		return false
	}
	switch first {
	case "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr":
		return true
	}
	return false
}

// inPath looks a name up in the PATH that the program gets, before ours: ours may lead to places it cannot see.
func inPath(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(sandbox.DefaultPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

// announce says where the program is and what confines it.
func (r *Run) announce(addr net.Addr, c program.Config, madeUp bool, fingerprint string, enforced map[sandbox.Feature]string) {
	host, port, _ := net.SplitHostPort(addr.String())
	who := "only this machine can reach it"
	if !loopback(host) {
		who = "other machines can reach it"
	}
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "  %-10s  %s\n", name, text) }
	what := r.policy.image
	if len(c.Command) > 0 {
		what = c.Command[0]
	}
	fmt.Fprintf(&b, "flagstaff runs %s on %s (%s)\n\n", what, addr, who)
	play := "nc " + reachable(host) + " " + port
	switch r.way.tls {
	case "on":
		play = "ncat --ssl " + reachable(host) + " " + port
	case "auto":
		play += ", or ncat --ssl " + reachable(host) + " " + port
	}
	line("play it", play)
	if fingerprint != "" {
		line("TLS", "a certificate was made up; its SHA-256 is "+fingerprint)
	}
	if madeUp {
		line("its flag", fmt.Sprintf("%s, made up: %s sets it", c.FixedFlag, chal.FlagVariable))
	}
	limits := fmt.Sprintf("%s for a session, %s without a byte", timeText(r.policy.time), timeText(r.policy.idle))
	if c.Unconfined {
		line("sandbox", "none: the program may do whatever you may")
	} else {
		limits = r.policy.memory.String() + " of memory, " + limits
	}
	line("limits", limits)
	if enforced[sandbox.FeatureMemory] == "RLIMIT_AS" && r.policy.processes == 0 {
		line("", "one process: only control groups limit the memory of several; you have them with")
		line("", "systemd-run --user --scope -p Delegate=yes flagstaff run …, or as root")
	}
	for i, f := range slices.Sorted(maps.Keys(enforced)) {
		name := ""
		if i == 0 {
			name = "sandbox"
		}
		line(name, string(f)+": "+enforced[f])
	}
	for i, f := range c.Policy.Files {
		name := ""
		if i == 0 {
			name = "it sees"
		}
		line(name, f)
	}
	b.WriteString("\nCtrl-C ends it: open sessions may finish; a second Ctrl-C does not wait.\n\n")
	io.WriteString(r.Stdout, b.String())
}

func timeText(d time.Duration) string {
	if d < 0 {
		return "no limit"
	}
	return d.String()
}
