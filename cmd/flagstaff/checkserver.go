package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/servercheck"
)

func checkServerCommand() *cobra.Command {
	var o servercheck.Options
	var list bool
	kinds := strings.Join(servercheck.Kinds(), ", ")
	cmd := &cobra.Command{
		Use:   "check-server KIND HOST:PORT",
		Short: "Play a server you wrote and say what failed",
		Long: `Play a server you wrote, and say what it got wrong, with the bytes sent and
received. The kinds are ` + kinds + `;
docs/servers specifies each. The exit status is 0 when every check passed,
1 when one failed.`,
		Example: `  flagstaff check-server echo 127.0.0.1:7000
  flagstaff check-server kv --list`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return listChecks(cmd, args)
			}
			if len(args) != 2 {
				return usageError{fmt.Errorf("check-server takes a kind and an address, and got %d words", len(args)), "flagstaff check-server echo 127.0.0.1:7000; the kinds are " + kinds}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			passed, err := servercheck.Run(ctx, args[0], args[1], cmd.OutOrStdout(), o)
			switch {
			case errors.Is(err, servercheck.ErrUsage):
				return usageError{err, "flagstaff check-server echo 127.0.0.1:7000; the kinds are " + kinds}
			case err != nil:
				return err
			case !passed:
				return exitError(1)
			}
			return nil
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&list, "list", false, "list the checks of a kind, and what each forces")
	fs.BoolVar(&o.JSON, "json", false, "report one JSON object a line")
	fs.BoolVar(&o.All, "all", false, "go on after the first check that failed")
	fs.StringSliceVar(&o.Only, "only", nil, "run these checks only: `NAME,…`")
	fs.DurationVar(&o.Timeout, "timeout", 0, "time for each check (default 5s)")
	fs.Uint64Var(&o.Seed, "seed", 0, "ask the same questions as the run that printed this seed (default random)")
	return cmd
}

// listChecks prints the checks of a kind.
func listChecks(cmd *cobra.Command, args []string) error {
	kinds := "the kinds are " + strings.Join(servercheck.Kinds(), ", ")
	if len(args) != 1 {
		return usageError{errors.New("--list takes a kind"), kinds}
	}
	checks, err := servercheck.Checks(args[0])
	if err != nil {
		return usageError{err, kinds}
	}
	for _, c := range checks {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-20s %s\n", c.Name, c.Forces); err != nil {
			return err
		}
	}
	return nil
}
