//go:build !linux

package geography

import (
	"syscall"
	"time"
)

// minRTT knows nothing: no other system tells the smallest round trip in one portable way.
func minRTT(syscall.Conn) (rtt time.Duration, ok bool) { return 0, false }
