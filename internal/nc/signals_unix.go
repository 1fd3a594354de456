//go:build unix

package nc

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// plainSignals makes the signals that end other programs end this one, too.
func plainSignals() { plain(append(otherSignals, syscall.SIGQUIT)...) }

// endingSignals end nc; the terminal is restored first.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// catch sends the signals that end nc to ch, but those that whoever started it wants ignored, as nohup does.
func catch(ch chan<- os.Signal) (stop func()) {
	caught(syscall.SIGQUIT)
	for _, sig := range endingSignals {
		if !signal.Ignored(sig) {
			signal.Notify(ch, sig)
		}
	}
	return func() {
		signal.Stop(ch)
		plain(syscall.SIGQUIT)
	}
}

// catchOthers sends the signals to ch that end a program which does not know them, so that the terminal is restored first.
func catchOthers(ch chan<- os.Signal) {
	for _, sig := range otherSignals {
		if !signal.Ignored(sig) {
			caught(sig)
			signal.Notify(ch, sig)
		}
	}
}

// continueSignal is sent to a process that was stopped and goes on.
const continueSignal = syscall.SIGCONT

// catchScreen sends the signals to ch after which the terminal may be another: it has a new size, or the shell had it.
func catchScreen(ch chan<- os.Signal) { signal.Notify(ch, syscall.SIGWINCH, continueSignal) }

// endBy ends the process by the signal, so that the caller sees how it ended.
// The signal may reach another thread than this one, which must not end the
// process first with a status of its own.
func endBy(sig os.Signal) {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	signal.Reset(sig)
	if s == syscall.SIGQUIT || slices.Contains(otherSignals, sig) {
		plain(sig)
	}
	if s == syscall.SIGQUIT && runtime.GOOS != "linux" {
		os.Exit(128 + int(s)) // the status a shell tells
	}
	if syscall.Kill(os.Getpid(), s) == nil {
		<-time.After(time.Second)
	}
}

// quit is what Ctrl-\ does on a terminal.
func quit() { endBy(syscall.SIGQUIT) }

// suspend stops the process group, as Ctrl-Z does, or this process alone, and returns when it is
// continued. The signal may reach another thread than this one, which must not
// go on meanwhile; a group that no shell could continue is not stopped at all.
func suspend(group bool) {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	plain(syscall.SIGTSTP)
	defer caught(syscall.SIGTSTP)
	who := os.Getpid()
	if group {
		who = 0
	}
	syscall.Kill(who, syscall.SIGTSTP)
	select {
	case <-continued:
	case <-time.After(250 * time.Millisecond):
	}
}
