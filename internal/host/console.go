package host

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// Console is what a host talks to, and how.
type Console struct {
	Env    func(string) (string, bool) // the environment, as os.LookupEnv
	Stdout io.Writer                   // where things are, or with --json the events
	Stderr io.Writer                   // the log

	json  bool
	drain time.Duration
	spool *spool // before Stdout
	pipe  chan os.Signal
}

func (c *Console) define(fs *pflag.FlagSet) {
	fs.BoolVar(&c.json, "json", false, "write events to standard output, one JSON object a line")
	fs.DurationVar(&c.drain, "drain", 10*time.Second, "how long open sessions may finish after SIGINT or SIGTERM")
}

func (c *Console) check() error {
	if c.drain < 0 {
		return settingError("0s ends the sessions at once", "--drain %v is negative", c.drain)
	}
	return nil
}

// ledger returns where sessions are written: as events, or in the log for people.
func (c *Console) ledger(log *slog.Logger) func(chal.Entry) {
	// Who reads the events or the log may go; the sessions go on. Not ignored, because programs would inherit that.
	c.pipe = make(chan os.Signal, 1)
	signal.Notify(c.pipe, syscall.SIGPIPE)
	if c.json {
		c.spool = newSpool(c.Stdout, func(err error) { log.Error("events cannot be written, and are lost until they can", "error", err) })
		return chal.JSONLedger(c.spool)
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

// close writes the last events. Who does not read them is not waited for.
func (c *Console) close(log *slog.Logger) {
	signal.Stop(c.pipe)
	if c.spool == nil {
		return
	}
	lost, err := c.spool.close(2 * time.Second)
	switch {
	case err != nil:
		log.Error("events were lost", "error", err, "events", lost)
	case lost > 0:
		log.Warn("events were lost, because nobody reads standard output", "events", lost)
	}
}

// log writes for people: with colour on a terminal, unless NO_COLOR is set.
func (c *Console) log() *slog.Logger {
	if c.json {
		return slog.New(slog.NewJSONHandler(c.Stderr, nil))
	}
	f, isFile := c.Stderr.(*os.File)
	_, noColor := c.Env("NO_COLOR")
	return slog.New(tint.NewTextHandler(c.Stderr, &tint.Options{
		TimeFormat: time.TimeOnly,
		NoColor:    noColor || !isFile || !isatty.IsTerminal(f.Fd()),
	}))
}
