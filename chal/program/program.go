package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/sock"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// FlagWay is how a program gets the session's flag.
type FlagWay string

// The ways of a flag.
const (
	FlagNone FlagWay = ""     // the program knows it by itself, or there is none
	FlagFile FlagWay = "file" // the file /flag
	FlagEnv  FlagWay = "env"  // FLAG in its environment
	FlagArg  FlagWay = "arg"  // its last argument
)

// Config says what to run, and how.
type Config struct {
	// Command is the program and its arguments; see sandbox.Prepare.
	Command []string
	// Policy is what the program may do. Its zero value is safe.
	Policy sandbox.Policy
	// Flag is how the program gets the flag.
	Flag FlagWay
	// FixedFlag, if set, is the flag of all sessions, whatever Session.Flag says: a file that all share
	// costs nothing, one for each session a mount namespace.
	FixedFlag string
	// Player puts who plays into the environment: FLAGSTAFF_REMOTE (address and port), FLAGSTAFF_TEAM
	// (the team's ID) and FLAGSTAFF_SESSION.
	Player bool
	// Unconfined runs the program without a sandbox, as the server's own user: for programs of one's own, for development,
	// and where there is no sandbox. Of the policy only Dir, Env, Stderr, PTY, Time, Idle and Output count, and a flag
	// cannot be a file. Processes that leave their process group outlive the session.
	Unconfined bool
	// Relay relays the bytes through the session's tube even where the program could have the
	// connection itself: when something in the tube has to see them.
	Relay bool
	// Log gets what is about no session: that the sandbox's launcher was killed, and another was started. Nil: slog.Default().
	Log *slog.Logger
}

// Handler is a chal.Handler that runs a program for each session. It must be closed.
type Handler struct {
	config Config
	policy sandbox.Policy // with the defaults filled in
	runner runner
	watch  watcher
	budget *rate.Limiter // of what is logged
}

// forever is longer than any session.
const forever = 10_000 * time.Hour

// runner starts programs.
type runner interface {
	Start(ctx context.Context, conn syscall.Conn, own sandbox.Session) (process, error)
	Enforced() map[sandbox.Feature]string
	Close() error
}

// process is a running program.
type process interface {
	killer
	Wait() (sandbox.Exit, error)
}

// confined is a sandbox's runner.
type confined struct{ *sandbox.Runner }

func (c confined) Start(ctx context.Context, conn syscall.Conn, own sandbox.Session) (process, error) {
	p, err := c.Runner.Start(ctx, conn, own)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// New prepares a handler. A policy that this host cannot enforce is a *sandbox.UnenforceableError.
func New(c Config) (*Handler, error) {
	p := c.Policy
	switch c.Flag {
	case FlagNone, FlagEnv, FlagArg:
	case FlagFile:
		p.Flag, p.SessionFlag = c.FixedFlag, c.FixedFlag == ""
	default:
		return nil, fmt.Errorf("flag %q: want %q, %q, %q or nothing", c.Flag, FlagFile, FlagEnv, FlagArg)
	}
	if p.PTY {
		ours, theirs, err := openTerminal() // not only when the first player comes
		if err != nil {
			return nil, fmt.Errorf("open a terminal, which the policy asks for: %w", err)
		}
		ours.Close()
		theirs.Close()
	}
	runner, err := prepare(c, p)
	if err != nil {
		return nil, err
	}
	if !c.Unconfined && p.Syscalls == sandbox.SyscallsOff && !p.Network {
		c.Relay = true // the player's connection is a socket of the host's network, and nothing would keep the program from connecting it elsewhere
	}
	h := &Handler{config: c, policy: p.Limits(), runner: runner, budget: rate.NewLimiter(logRate, logBurst)}
	h.watch.idle, h.watch.output = h.policy.Idle, h.policy.Output
	return h, nil
}

func prepare(c Config, p sandbox.Policy) (runner, error) {
	if !c.Unconfined {
		r, err := sandbox.Prepare(p, c.Command...)
		if err != nil {
			return nil, err
		}
		log := c.Log
		if log == nil {
			log = slog.Default()
		}
		r.Renewed = func(ended string) {
			log.Warn("the sandbox's launcher had ended, and another was started", "ended", ended)
		}
		return confined{r}, nil
	}
	if c.Flag == FlagFile {
		return nil, errors.New("without a sandbox there is no /flag of the program's own: give the flag as env or arg")
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return newUnconfined(p, c.Command)
}

// Enforced says how each part of the policy is enforced.
func (h *Handler) Enforced() map[sandbox.Feature]string { return h.runner.Enforced() }

// Close kills what still runs and takes away what New made. The server should have ended before.
func (h *Handler) Close() error {
	err := h.runner.Close()
	h.watch.wait()
	return err
}

// session is one session of a Handler.
type session struct {
	*Handler
	*chal.Session
	own sandbox.Session
}

// ServeChal runs the program until it has ended, or was ended: because ctx did, because a limit of the
// policy was reached, or because the player is gone.
func (h *Handler) ServeChal(ctx context.Context, s *chal.Session) error {
	one := &session{h, s, h.sessionOf(s)}
	if !s.Ends.IsZero() && !time.Now().Before(s.Ends) {
		return chal.ErrTimeUp
	}
	var exit sandbox.Exit
	var err error
	// Only of these no call waits because a program has made it block.
	conn, ok := s.Conn().(*sock.Conn)
	switch {
	case h.policy.PTY:
		exit, err = one.onTerminal(ctx)
	case ok && !h.config.Relay && s.Buffered() == 0 && canWatch:
		exit, err = one.direct(ctx, conn)
	default:
		exit, err = one.onPair(ctx)
	}
	if err == nil {
		one.log(exit)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if noRoom(err) {
		return &chal.Refusal{Reason: chal.ReasonFull, Text: "\nToo many programs run on this server now. Try again in a few seconds.", Err: err}
	}
	if err != nil {
		return err
	}
	return verdict(exit)
}

// noRoom says whether an error goes away when other programs have ended.
func noRoom(err error) bool {
	// Of terminals there is no more "space".
	return slices.ContainsFunc([]error{syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC}, func(full error) bool { return errors.Is(err, full) })
}

// sessionOf says what the program gets of this session's own.
func (h *Handler) sessionOf(s *chal.Session) sandbox.Session {
	flag := h.config.FixedFlag
	if flag == "" {
		flag = s.Flag
	}
	var own sandbox.Session
	switch h.config.Flag {
	case FlagFile:
		own.Flag = flag
	case FlagEnv:
		own.Env = append(own.Env, "FLAG="+flag)
	case FlagArg:
		own.Args = []string{flag}
	}
	if h.config.Player {
		remote := ""
		if s.Remote.IsValid() {
			remote = s.Remote.String()
		}
		own.Env = append(own.Env, "FLAGSTAFF_REMOTE="+remote, "FLAGSTAFF_TEAM="+s.Team.ID, "FLAGSTAFF_SESSION="+s.ID)
	}
	return own
}

// bare is a connection that nobody waits on by its descriptor: it need not be known to the poller.
type bare struct{ *sock.Conn }

func (b bare) SyscallConn() (syscall.RawConn, error) { return b.Raw(), nil }

// direct gives the program the connection itself.
func (s *session) direct(ctx context.Context, conn *sock.Conn) (sandbox.Exit, error) {
	s.own.EndOutput = true
	p, err := s.runner.Start(ctx, bare{conn}, s.own)
	if err != nil {
		return sandbox.Exit{}, err
	}
	defer s.watch.add(p, tcpMeter(bare{conn}))()
	exit, err := p.Wait()
	conn.SetLinger(-1) // the program may have set one, for which closing would hold a thread, however long it is
	return exit, err
}

// onPair gives the program one end of a pair of sockets and relays between the other and the player.
func (s *session) onPair(ctx context.Context) (sandbox.Exit, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return sandbox.Exit{}, err
	}
	return s.relay(ctx, ours, theirs, func(context.Context) error { return ours.CloseWrite() })
}

// file is the program's end of a relay.
type file interface {
	syscall.Conn
	io.Closer
}

// relay starts the program on theirs and copies between ours and the player until nothing is left. It calls
// endInput when the player has ended the input.
func (s *session) relay(ctx context.Context, ours net.Conn, theirs file, endInput func(context.Context) error) (sandbox.Exit, error) {
	m := &countedConn{Conn: ours}
	defer ours.Close()
	p, err := s.runner.Start(ctx, theirs, s.own)
	theirs.Close()
	if err != nil {
		return sandbox.Exit{}, err
	}
	in, stop := context.WithCancel(ctx)
	out, cut := context.WithCancel(ctx)
	defer cut()
	player := s.Within(forever)
	measure, bulkIn, bulkOut := s.ways(in, out, m, player)
	defer s.watch.add(p, measure)()

	ended := make(chan struct{})
	var copying sync.WaitGroup
	copying.Go(func() {
		err := pour(m, player.With(in), bulkIn)
		if err == nil {
			endInput(in)
			return
		}
		if s.Own(err) == nil { // the program reads no more; the player may still leave
			_, err = player.With(in).Discard()
		}
		if err != nil && in.Err() == nil {
			p.Kill(sandbox.ReasonLeft)
		}
	})
	copying.Go(func() {
		// The tube, not the connection below it: TLS and recordings are in it.
		err := pour(s.With(out), m, bulkOut)
		switch {
		case err == nil:
			s.endOutput(ctx, ended)
		case s.Own(err) == nil && ctx.Err() == nil: // not the player's: who closes a socket with unread input resets it
			s.endOutput(ctx, ended)
		case ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded):
			p.Kill(sandbox.ReasonLeft)
		default:
			p.Kill(sandbox.ReasonIdle)
		}
	})
	exit, err := p.Wait()
	close(ended)
	stop()
	m.SetWriteDeadline(past) // a terminal takes no more and says nothing
	if exit.Reason != sandbox.ReasonExited {
		defer time.AfterFunc(cutAfter, cut).Stop()
	}
	copying.Wait()
	return exit, err
}

// past is a deadline that wakes who waits.
var past = time.Unix(1, 0)

const (
	// endsWithin is how long after the end of a program's output its own end is expected.
	endsWithin = time.Second
	// cutAfter is how long a player has to take what a program wrote that was ended for what it did.
	cutAfter = 2 * time.Second
)

// endOutput tells the player the end of the output, where the program goes on without. When it has ended too, the server
// has the last word.
func (s *session) endOutput(ctx context.Context, ended <-chan struct{}) {
	wait := time.NewTimer(endsWithin)
	defer wait.Stop()
	select {
	case <-ended:
	case <-wait.C:
		s.With(ctx).CloseWrite()
	}
}

// ways says how a relay is measured, and how it moves many bytes.
func (s *session) ways(in, out context.Context, ours *countedConn, player *tube.Tube) (measure meter, bulkIn, bulkOut func() error) {
	tcp := tube.TCP(s.Conn())
	if tcp == nil || !canWatch {
		return ours.meter, nil, nil
	}
	count := tcpMeter(tcp)
	if s.Conn() != net.Conn(tcp) {
		// What TLS makes of the bytes is not what passes.
		return func() (in, out uint64, alive bool) {
			_, _, alive = count()
			in, out, _ = ours.meter()
			return in, out, alive
		}, nil, nil
	}
	// The system can move the bytes, and count them. But that takes two pipes a session: only for who has many.
	inner := sync.OnceValue(func() *tube.Tube { return tube.New(ours.Conn) })
	move := func(ctx context.Context, dst, src *tube.Tube) error {
		_, err := src.With(ctx).WriteTo(dst.With(ctx))
		return err
	}
	bulkIn = func() error { return move(in, inner(), player) }
	bulkOut = func() error { return move(out, s.Tube, inner()) }
	return count, bulkIn, bulkOut
}

// verdict is what the server is told of a session's end.
func verdict(e sandbox.Exit) error {
	switch e.Reason {
	case sandbox.ReasonTime:
		return chal.ErrTimeUp
	case sandbox.ReasonIdle:
		return &chal.Refusal{Reason: chal.ReasonIdle, Text: "\nNothing came in time. Goodbye."}
	case sandbox.ReasonLeft:
		return &chal.Refusal{Reason: chal.ReasonLeft}
	case sandbox.ReasonMemory:
		return &chal.Refusal{Reason: chal.Reason(e.Reason), Text: "\nThe program used too much memory and was ended."}
	case sandbox.ReasonCPU:
		return &chal.Refusal{Reason: chal.Reason(e.Reason), Text: "\nThe program computed for too long and was ended."}
	case sandbox.ReasonOutput:
		return &chal.Refusal{Reason: chal.Reason(e.Reason), Text: "\nThe program wrote too much and was ended."}
	case sandbox.ReasonKilled:
		return &chal.Refusal{Reason: chal.Reason(e.Reason), Text: "\nThe program was ended from outside. Please try again."}
	}
	return nil
}

// Each player may be able to make a program write to its standard error, and the log is no place to fill a disk.
const (
	maxLogged = 4 << 10  // bytes of a session
	logBurst  = 1 << 20  // bytes of all of a handler's sessions, as they are quoted,
	logRate   = 16 << 10 // and a second from then on
)

// log logs how the program ended, and what it wrote to standard error.
func (s *session) log(e sandbox.Exit) {
	level := slog.LevelDebug
	if e.Reason != sandbox.ReasonExited || e.Code != 0 || e.Signal != 0 || len(e.Stderr) > 0 {
		level = slog.LevelInfo
	}
	if !s.Log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("reason", string(e.Reason)), slog.Int("code", e.Code), slog.Duration("cpu", e.CPU)}
	if e.Signal != 0 {
		attrs = append(attrs, slog.String("signal", syscall.Signal(e.Signal).String()))
	}
	if len(e.Stderr) > 0 {
		text := string(e.Stderr)
		for _, flag := range []string{s.Flag, s.config.FixedFlag} {
			if flag != "" {
				text = strings.ReplaceAll(text, flag, "[flag]")
			}
		}
		if cut := len(text) - maxLogged; cut > 0 {
			text = text[cut:] // at the end a traceback says what went wrong
			attrs = append(attrs, slog.Int("stderr_cut", cut))
		}
		if s.budget.AllowN(time.Now(), len(strconv.Quote(text))) {
			attrs = append(attrs, slog.String("stderr", text))
		} else {
			attrs = append(attrs, slog.Int("stderr_left_out", len(text)))
		}
	}
	s.Log.LogAttrs(context.Background(), level, "program ended", attrs...)
}
