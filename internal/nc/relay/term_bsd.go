//go:build unix && !linux

package relay

import (
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const getTermios = unix.TIOCGETA

func isTerminal(fd int) bool { return term.IsTerminal(fd) }
