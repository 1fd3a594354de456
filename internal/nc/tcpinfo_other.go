//go:build !linux

package nc

import (
	"net"
	"time"
)

// roundTrip is not asked for on this system.
func roundTrip(net.Conn) time.Duration { return 0 }

// unsent is not known on this system.
func unsent(net.Conn) int { return 0 }
