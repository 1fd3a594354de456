//go:build unix

package nc

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// endingSignals end nc; the terminal is restored first.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// endBy ends the process by the signal, so that the caller sees how it ended.
// The signal may reach another thread than this one, which must not end the
// process first with a status of its own.
func endBy(sig os.Signal) {
	signal.Reset(sig)
	if s, ok := sig.(syscall.Signal); ok && syscall.Kill(os.Getpid(), s) == nil {
		<-time.After(time.Second)
	}
}

// suspend stops the process group, as Ctrl-Z does, and returns when it is
// continued. The signal may reach another thread than this one, which must not
// go on meanwhile; a group that no shell could continue is not stopped at all.
func suspend() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	syscall.Kill(0, syscall.SIGTSTP)
	select {
	case <-continued:
	case <-time.After(250 * time.Millisecond):
	}
}
