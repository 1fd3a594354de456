// Command nc is netcat: TCP, UDP, Unix sockets, TLS, proxies, and what a
// player of challenges needs besides. "nc -h" shows the options.
package main

import (
	"context"
	"os"

	"github.com/flagstaff-ctf/flagstaff/internal/nc"
)

func main() {
	os.Exit(nc.Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
