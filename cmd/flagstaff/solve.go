package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/challenges/geography"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func solveCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "solve geography HOST PORT",
		Short: "Play a challenge with its reference solver and print the flag",
		Long: `Play the ranked game of Geography with the reference solver.

The flag goes to standard output; questions, answers and verdicts go to
standard error, unless --quiet.
The exit status is 0 when the flag was won, 1 when not.`,
		Example: `  flagstaff solve geography 127.0.0.1 1337`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := solveTarget(args)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			t, err := tube.Dial(ctx, "tcp", target, tube.WithTimeout(30*time.Second))
			if err != nil {
				return unreachable{err, target}
			}
			defer t.Close()
			var solver geography.Solver
			if !quiet {
				solver.Log = cmd.ErrOrStderr()
			}
			flag, err := solver.Solve(ctx, t)
			if err != nil {
				return fmt.Errorf("solve geography: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), flag)
			return err
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the flag only")
	return cmd
}

// solveTarget reads "geography HOST PORT" or "geography HOST:PORT".
func solveTarget(args []string) (string, error) {
	const hint = "flagstaff solve geography 127.0.0.1 1337"
	if len(args) == 0 {
		return "", usageError{errors.New("solve needs a challenge, a host and a port"), hint}
	}
	if args[0] != "geography" {
		return "", usageError{fmt.Errorf("there is no solver for %q", args[0]), "the challenge that has one is geography"}
	}
	addr := ""
	switch len(args) {
	case 2:
		addr = args[1]
	case 3:
		addr = net.JoinHostPort(strings.Trim(args[1], "[]"), args[2])
	default:
		return "", usageError{fmt.Errorf("solve geography takes a host and a port, and got %d words", len(args)-1), hint}
	}
	if _, _, err := tube.ParseTarget(addr); err != nil {
		return "", usageError{fmt.Errorf("%q is no host and port", addr), hint}
	}
	return addr, nil
}

// unreachable is a server that cannot be connected to.
type unreachable struct {
	err  error
	addr string
}

func (e unreachable) Error() string { return e.err.Error() }
func (e unreachable) Unwrap() error { return e.err }
func (e unreachable) Hint() string {
	return "is the challenge served at " + e.addr + "? 'flagstaff serve' serves it at 127.0.0.1:1337"
}
