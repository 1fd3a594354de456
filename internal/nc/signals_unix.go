//go:build unix

package nc

import (
	"os"
	"os/signal"
	"syscall"
)

// endingSignals end nc; the terminal is restored first.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// endBy ends the process by the signal, so that the caller sees how it ended.
func endBy(sig os.Signal) {
	signal.Reset(sig)
	if s, ok := sig.(syscall.Signal); ok {
		syscall.Kill(os.Getpid(), s)
	}
}

// suspend stops the process group, as Ctrl-Z does, until it is continued.
func suspend() { syscall.Kill(0, syscall.SIGTSTP) }
