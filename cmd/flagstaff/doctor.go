package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/doctor"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can enforce of the sandbox",
		Long: `Say what this host can enforce of the sandbox, by what, and what to change where it
cannot. The exit status is 0 if the default policy can be enforced, and 1 if not.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tell(cmd.OutOrStdout(), doctor.Run(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	return cmd
}

// tell writes a report, and makes the exit status of it.
func tell(w io.Writer, r doctor.Report, asJSON bool) error {
	write := r.Text
	if asJSON {
		write = r.JSON
	}
	if err := write(w); err != nil {
		return err
	}
	if !r.OK {
		return exitError(1) // what is wrong has been said
	}
	return nil
}
