//go:build !unix

package tube

import (
	"fmt"
	"net"
	"runtime"
)

func dialUnixgram(string) (net.Conn, error) {
	return nil, fmt.Errorf("dial unixgram: %s has no Unix datagram sockets; use unix", runtime.GOOS)
}
