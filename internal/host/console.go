package host

import (
	"io"
	"log/slog"
	"os"
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
	if c.json {
		c.spool = newSpool(c.Stdout)
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
	if c.spool == nil {
		return
	}
	if lost := c.spool.close(2 * time.Second); lost > 0 {
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
