// Flagstaff is the toolkit for netcat CTF challenges in one binary: it serves
// them, plays them and solves them. Each subcommand is one small file that
// reads its flags and calls the package that does the work.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with what a test gives it, and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "flagstaff",
		Short: "The toolkit for netcat CTF challenges",
		Long: `flagstaff serves, plays and solves netcat CTF challenges.

Start with:  flagstaff serve      and in another terminal:  nc 127.0.0.1 1337`,
		SilenceErrors: true, SilenceUsage: true,
		Version: version(),
		Args:    func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(serveCommand(), runCommand(), ncCommand(), solveCommand(), checkServerCommand(), doctorCommand(), powCommand(), versionCommand())
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultCompletionCmd(args...)
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		hint := "'" + cmd.CommandPath() + " --help' lists the flags"
		if bad := new(pflag.InvalidValueError); errors.As(err, &bad) && bad.GetFlag().Value.Type() == "duration" {
			hint = "give a number with a unit: 300s, 5m, 1h"
		}
		return usageError{plainValue(err), hint}
	})
	root.SuggestionsMinimumDistance = 2
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}
