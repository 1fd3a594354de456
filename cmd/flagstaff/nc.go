package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/nc"
)

func ncCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "nc [FLAGS] [HOST] PORT",
		Short:              "Netcat: connect to a host and port, or listen",
		DisableFlagParsing: true, // nc has its own, and its own --help
		RunE: func(cmd *cobra.Command, args []string) error {
			// nc works on descriptors, not on streams.
			if code := nc.Main(cmd.Context(), append([]string{"flagstaff nc"}, args...), os.Stdin, os.Stdout, os.Stderr); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
}
