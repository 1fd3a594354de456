//go:build !linux

package program

import (
	"context"
	"errors"
	"net"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

const canWatch = false

// tcpMeter is not asked for where nothing can be known.
func tcpMeter(*net.TCPConn) meter { return nil }

func (s *session) onTerminal(context.Context) (sandbox.Exit, error) {
	return sandbox.Exit{}, errors.New("a program gets a terminal on Linux only")
}
