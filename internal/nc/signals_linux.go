package nc

import (
	"sync"
	"syscall"
	"unsafe"
)

// goQuit is what Go's runtime does at SIGQUIT, while it does not.
var goQuit struct {
	sync.Mutex
	action *[64]byte // a struct kernel_sigaction: no architecture's is longer
}

// plainSignals makes the signals that end other programs end this one, too: Go's runtime ignores them.
func plainSignals() {
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGPWR} {
		setAction(sig, new([64]byte), new([64]byte))
	}
	plainQuit()
}

// plainQuit does so for SIGQUIT: Go's runtime would tell where all goroutines are.
func plainQuit() {
	goQuit.Lock()
	defer goQuit.Unlock()
	if goQuit.action == nil {
		goQuit.action = new([64]byte)
		setAction(syscall.SIGQUIT, new([64]byte), goQuit.action) // all zeros: SIG_DFL, no flags
	}
}

// caughtQuit gives SIGQUIT back to Go's runtime, for package signal.
func caughtQuit() {
	goQuit.Lock()
	defer goQuit.Unlock()
	if goQuit.action != nil {
		setAction(syscall.SIGQUIT, goQuit.action, new([64]byte))
		goQuit.action = nil
	}
}

func setAction(sig syscall.Signal, action, before *[64]byte) {
	const setBytes = 8 // of a signal set
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), setBytes, 0, 0)
}
