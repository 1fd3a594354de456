package nc

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"unsafe"
)

// otherSignals end programs that do not know them, too, and Go's runtime ignores them.
var otherSignals = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGPWR}

// goActions are what Go's runtime does at signals, while it does not.
var goActions = struct {
	sync.Mutex
	of map[os.Signal]*[64]byte // a struct kernel_sigaction: no architecture's is longer
}{of: map[os.Signal]*[64]byte{}}

// plain makes signals do to this process what they do to any: Go's runtime would ignore them, also those that nothing catches any
// more, or, at SIGQUIT, tell where all goroutines are.
func plain(sigs ...os.Signal) {
	goActions.Lock()
	defer goActions.Unlock()
	for _, sig := range sigs {
		if goActions.of[sig] == nil {
			before := new([64]byte)
			setAction(sig.(syscall.Signal), new([64]byte), before) // all zeros: SIG_DFL, no flags
			goActions.of[sig] = before
		}
	}
}

// caught gives signals back to Go's runtime, for package signal.
func caught(sigs ...os.Signal) {
	goActions.Lock()
	defer goActions.Unlock()
	for _, sig := range sigs {
		if before := goActions.of[sig]; before != nil {
			setAction(sig.(syscall.Signal), before, new([64]byte))
			delete(goActions.of, sig)
		}
	}
}

// catchStops sends the signal to ch that stops nc, which may come from elsewhere than the terminal.
func catchStops(ch chan<- os.Signal) {
	if !signal.Ignored(syscall.SIGTSTP) {
		signal.Notify(ch, syscall.SIGTSTP)
	}
}

func setAction(sig syscall.Signal, action, before *[64]byte) {
	const setBytes = 8 // of a signal set
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), setBytes, 0, 0)
}
