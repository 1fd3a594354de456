package main

import (
	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/doctor"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can enforce of the sandbox",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := doctor.Run()
			if asJSON {
				return report.JSON(cmd.OutOrStdout())
			}
			return report.Text(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	return cmd
}
