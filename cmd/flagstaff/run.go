package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
)

func runCommand() *cobra.Command {
	r := host.Run{Console: host.Console{Env: os.LookupEnv}}
	cmd := &cobra.Command{
		Use:   "run [flags] -- PROGRAM [ARGUMENT…]",
		Short: "Host a program: a sandboxed process for each connection",
		Long: `Host a program that reads standard input and writes standard output. Each
connection gets a process of its own, in a sandbox: no network, no files but the
system's and the program's own (read-only), an environment of PATH alone, limits
of memory, processes, processor and time, and nothing left when it is over.

Only this machine can reach it unless --listen says otherwise. A file that an
argument names is shown to the program, where it is; --dir shows a directory, and
runs it there.
What this host cannot enforce is an error; 'flagstaff doctor' says what it can.`,
		Example: `  flagstaff run -- ./chal
  flagstaff run -l :1338 --flag-as file --pow 31337 -- python3 chal.py
  flagstaff run -l :443 --tls on --acme chal.example.org --dir /srv/chal -- ./chal`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Command = args
			return serving(cmd, &r.Console, r.Serve)
		},
	}
	grouped(cmd, r.Groups())
	cmd.Flags().SetInterspersed(false) // what comes after the program is the program's
	return cmd
}
