package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/spool"
)

// Console is what a host talks to, and how.
type Console struct {
	Env    func(string) (string, bool) // the environment, as os.LookupEnv
	Stdout io.Writer                   // where things are, or with --json the events
	Stderr io.Writer                   // the log
	Hurry  <-chan struct{}             // closed: the servers end at once, and --drain does not count; nil: never

	json   bool
	drain  time.Duration
	events *spool.Spool // before Stdout; nil: there are none
	lines  *spool.Spool // before Stderr
	pipe   chan os.Signal
}

func (c *Console) define(fs *pflag.FlagSet) {
	fs.BoolVar(&c.json, "json", false, "write events to standard output, one JSON object a line")
	fs.DurationVar(&c.drain, "drain", 10*time.Second, "how long open sessions may finish after SIGINT, SIGTERM or SIGHUP")
}

func (c *Console) check() error {
	if c.drain < 0 {
		return settingError("0s ends the sessions at once", "--drain %v is negative", c.drain)
	}
	return nil
}

// ledger returns where sessions are written: as events, or in the log for people.
func (c *Console) ledger(log *slog.Logger) func(chal.Entry) {
	if c.json {
		failed := func(err error) { log.Error("events cannot be written, and are lost until they can", "error", err) }
		c.events = spool.New(c.Stdout, failed, nil) // close tells of all
		return chal.JSONLedger(c.events)
	}
	return func(e chal.Entry) {
		switch e.What {
		case chal.EntryStart:
			log.Info("start", "challenge", e.Challenge, "session", e.Session, "from", e.Remote)
		case chal.EntryEnd:
			log.Info("end", "challenge", e.Challenge, "session", e.Session, "from", e.Remote, "reason", e.Reason, "after", e.Duration.Round(time.Millisecond))
		}
		// Refusals are logged by the server, in bulk: a flood must not flood the log.
	}
}

// open returns the log of sessions, which waits for nobody. It must be closed.
func (c *Console) open() *slog.Logger {
	// Who reads the events or the log may go; the sessions go on. Not ignored, because programs would inherit that.
	c.pipe = make(chan os.Signal, 1)
	signal.Notify(c.pipe, syscall.SIGPIPE)
	direct := c.log()
	c.lines = spool.New(c.Stderr, nil, func(lost int) {
		direct.Warn("lines of the log were lost, because they could not be written or nobody read them", "lines", lost)
	})
	return c.logTo(c.lines)
}

// hurried ends servers at once when Hurry says so. What it returns is to be called when they have ended.
func (c *Console) hurried(log *slog.Logger, servers ...*chal.Server) (stop func()) {
	over := make(chan struct{})
	var ending sync.WaitGroup
	end := func(s *chal.Server) {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		var cut *chal.CutError
		if errors.As(s.Shutdown(now), &cut) {
			log.Warn("sessions were still open and have been cut, before --drain was over", "sessions", cut.Sessions)
		}
	}
	ending.Go(func() {
		select {
		case <-over:
			return
		case <-c.Hurry:
		}
		for _, s := range servers {
			ending.Go(func() { end(s) })
		}
	})
	return func() {
		close(over)
		ending.Wait()
	}
}

// close writes the last events and the last of the log. Who does not read them is not waited for.
func (c *Console) close(log *slog.Logger) {
	defer signal.Stop(c.pipe)
	defer c.lines.Close(time.Second)
	if c.events == nil {
		return
	}
	lost, err := c.events.Close(2 * time.Second)
	switch {
	case err != nil:
		log.Error("events were lost", "error", err, "events", lost)
	case lost > 0:
		log.Warn("events were lost, because nobody reads standard output", "events", lost)
	}
}

// log returns the log for what is said before anybody plays.
func (c *Console) log() *slog.Logger { return c.logTo(c.Stderr) }

// logTo writes for people: with colour on a terminal, unless NO_COLOR is set.
func (c *Console) logTo(w io.Writer) *slog.Logger {
	if c.json {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	f, isFile := c.Stderr.(*os.File)
	_, noColor := c.Env("NO_COLOR")
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		TimeFormat:  time.TimeOnly,
		ReplaceAttr: printable,
		NoColor:     noColor || !isFile || !isatty.IsTerminal(f.Fd()),
	}))
}
