//go:build unix

package nc

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// endingSignals end nc; the terminal is restored first.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// catch sends the signals that end nc to ch, but those that whoever started it wants ignored, as nohup does.
func catch(ch chan<- os.Signal) (stop func()) {
	caughtQuit()
	for _, sig := range endingSignals {
		if !signal.Ignored(sig) {
			signal.Notify(ch, sig)
		}
	}
	return func() {
		signal.Stop(ch)
		plainQuit()
	}
}

// endBy ends the process by the signal, so that the caller sees how it ended.
// The signal may reach another thread than this one, which must not end the
// process first with a status of its own.
func endBy(sig os.Signal) {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	signal.Reset(sig)
	if s == syscall.SIGQUIT {
		plainQuit()
		if runtime.GOOS != "linux" {
			os.Exit(128 + int(s)) // the status a shell tells
		}
	}
	if syscall.Kill(os.Getpid(), s) == nil {
		<-time.After(time.Second)
	}
}

// quit is what Ctrl-\ does on a terminal.
func quit() { endBy(syscall.SIGQUIT) }

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
