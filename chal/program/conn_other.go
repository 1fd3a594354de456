//go:build !linux

package program

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

const canWatch = false

// None of these is reached: without Linux there is no Handler.

func tcpMeter(*net.TCPConn) meter { return nil }

func socketPair() (*net.UnixConn, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func (s session) onTerminal(context.Context) (sandbox.Exit, error) {
	return sandbox.Exit{}, errors.ErrUnsupported
}
