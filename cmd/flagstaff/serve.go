package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
)

func serveCommand() *cobra.Command {
	demo := host.Demo{Console: host.Console{Env: os.LookupEnv}}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the demo: the challenge Geography, on loopback",
		Long: `Serve the challenge Geography, to be played with any netcat.

Only this machine can reach it unless --listen says otherwise. The flag is
$FLAGSTAFF_FLAG, or made up and shown. SIGINT and SIGTERM let open sessions
finish for --drain; a second one ends them at once.`,
		Example: `  flagstaff serve
  flagstaff serve --listen 0.0.0.0:1337
  FLAGSTAFF_FLAG='flag{mine}' flagstaff serve --json --listen 127.0.0.1:0`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serving(cmd, &demo.Console, demo.Serve)
		},
	}
	grouped(cmd, demo.Groups())
	return cmd
}
