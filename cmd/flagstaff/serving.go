package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
)

// serving runs a server until SIGINT or SIGTERM.
func serving(cmd *cobra.Command, c *host.Console, serve func(context.Context) error) error {
	c.Stdout, c.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	err := serve(ctx)
	var bad *host.SettingError
	if errors.As(err, &bad) {
		return usageError{bad, bad.Hint()}
	}
	return reported(c.Stderr, err)
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
