package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
)

// grouped adds flags to cmd, and shows them in their groups where it has many.
func grouped(cmd *cobra.Command, groups []host.FlagGroup) {
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.Flags)
	}
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		for _, g := range groups {
			fmt.Fprintf(&b, "\n%s:\n%s", g.Title, g.Flags.FlagUsages())
		}
		_, err := cmd.OutOrStdout().Write([]byte(b.String()))
		return err
	})
}

// helpCommand is `flagstaff help COMMAND`.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Say how a command is used",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, append(rest, args...))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
