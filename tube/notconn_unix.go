//go:build unix

package tube

import (
	"errors"
	"syscall"
)

// isNotConnected recognises the half-close of a connection whose peer is gone.
func isNotConnected(err error) bool { return errors.Is(err, syscall.ENOTCONN) }
