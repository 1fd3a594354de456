//go:build !linux

package vsock

import (
	"net"
	"time"
)

// Dial is not built for this system.
func Dial(Addr, time.Duration) (net.Conn, error) { return nil, ErrUnsupported }

// Listen is not built for this system.
func Listen(Addr) (net.Listener, error) { return nil, ErrUnsupported }
