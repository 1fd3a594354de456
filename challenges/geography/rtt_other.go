//go:build !linux

package geography

import (
	"net"
	"time"
)

// minRTT knows nothing: no other system tells the smallest round trip in one portable way.
func minRTT(*net.TCPConn) (rtt time.Duration, ok bool) { return 0, false }
