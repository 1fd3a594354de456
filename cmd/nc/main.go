// Command nc is netcat: TCP, UDP, Unix sockets, TLS, proxies, and what a
// player of challenges needs besides. "nc -h" shows the options.
//
// The processors that a container may use are not asked for: nc moves bytes with
// two goroutines, and looking costs more than everything else at its start.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"context"
	"os"

	"github.com/flagstaff-ctf/flagstaff/internal/nc"
)

func main() {
	os.Exit(nc.Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
