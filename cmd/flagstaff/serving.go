package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
)

// hurryTime is how long a server's end may take after a second signal.
const hurryTime = 2 * time.Second

// serving runs a server until SIGINT or SIGTERM, which lets its sessions finish. A second one cuts them, and a third kills. SIGHUP, of
// a terminal that was closed, is the same, but never a second one, because it comes twice: from the shell and from the system. Who
// ignores it goes on, as under nohup.
func serving(cmd *cobra.Command, c *host.Console, serve func(context.Context) error) error {
	c.Stdout, c.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Stop(signals)
	ctx, end := context.WithCancel(cmd.Context())
	defer end()
	hurry := make(chan struct{})
	c.Hurry = hurry
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	var late <-chan time.Time
	for {
		select {
		case err := <-ended:
			var bad *host.SettingError
			if errors.As(err, &bad) {
				return usageError{bad, bad.Hint()}
			}
			return reported(c.Stderr, err)
		case <-late:
			return reported(c.Stderr, fmt.Errorf("end the sessions: that takes longer than %v", hurryTime))
		case s := <-signals:
			if ctx.Err() == nil {
				end()
				continue
			}
			if s == syscall.SIGHUP {
				continue
			}
			signal.Stop(signals)
			signals = nil
			close(hurry)
			late = time.After(hurryTime)
		}
	}
}

// sayTime is how long a server's end waits for who reads its log.
const sayTime = time.Second

// reported reports what a server ended with. Who has stopped reading the log does not hold it up.
func reported(stderr io.Writer, err error) error {
	if err == nil {
		return nil
	}
	said := make(chan exitError, 1)
	go func() { said <- exitError(report(stderr, err)) }()
	select {
	case status := <-said:
		return status
	case <-time.After(sayTime):
		return exitError(1)
	}
}
