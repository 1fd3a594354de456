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
		Short: "Serve the demo: the challenge Geography and the levels, on loopback",
		Long: `Serve the challenge Geography, and thirteen levels that teach sockets on ports
of their own, to be played with any netcat.

Only this machine can reach it unless --listen says otherwise. The flag is
$FLAGSTAFF_FLAG, or made up and shown. Questions are drawn with $FLAGSTAFF_KEY
(hexadecimal), or a key that is made once and kept as flagstaff/event.key in the
user's configuration folder: with the same key --replay asks a game's questions
again. SIGINT, SIGTERM and SIGHUP let open sessions finish for --drain; a second
SIGINT or SIGTERM ends them at once.`,
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
