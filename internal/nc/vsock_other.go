//go:build !linux

package nc

import (
	"context"
	"net"
	"runtime"
)

func (n *netcat) dialVsock(context.Context) (net.Conn, error) {
	return nil, usage("leave --vsock out", "--vsock is not built for %s", runtime.GOOS)
}

func (n *netcat) listenVsock() (net.Listener, error) {
	return nil, usage("leave --vsock out", "--vsock is not built for %s", runtime.GOOS)
}
