//go:build unix

package tube

import (
	"errors"
	"syscall"
)

// isReset recognises what the system says when the peer is gone.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// isNotConnected recognises the half-close of a connection whose peer is gone.
func isNotConnected(err error) bool { return errors.Is(err, syscall.ENOTCONN) }
