package tube

import (
	"errors"
	"syscall"
)

// Windows' own numbers, which package syscall does not name.
const (
	wsaeNotConn = syscall.Errno(10057)
	errNoData   = syscall.Errno(232) // the pipe is being closed
)

// isReset recognises what the system says when the peer is gone.
func isReset(err error) bool {
	return errors.Is(err, syscall.WSAECONNRESET) || errors.Is(err, syscall.WSAECONNABORTED) ||
		errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isNotConnected recognises the half-close of a connection whose peer is gone.
func isNotConnected(err error) bool { return errors.Is(err, wsaeNotConn) }
