// Package testkit is what tests of all packages share.
//
// A test that needs a program which may be missing asks for it by name:
//
//	strace := testkit.Program(t, "strace")
//
// Where the program is not installed the test is skipped, and says so by name,
// so that nobody mistakes it for passed. With FLAGSTAFF_REQUIRE_ALL=1 in the
// environment, as on the machine that decides about a change, it fails.
package testkit

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
)

// Program returns the path of an installed program. When it is not installed
// the test is skipped, or fails when RequireAll says so.
func Program(t testing.TB, name string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "program "+name+" is not installed")
	}
	return path
}

// Missing ends a test because of a missing program or library, which reason
// names: skipped, or failed when RequireAll says so.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if RequireAll() {
		t.Fatal(reason + ", and FLAGSTAFF_REQUIRE_ALL=1 lets no test be skipped for that")
		return // a fake testing.TB goes on
	}
	t.Skip(reason)
}

// RequireAll says whether a missing program is a failure.
func RequireAll() bool { return os.Getenv("FLAGSTAFF_REQUIRE_ALL") == "1" }

// HeedSignals makes the programs that a test starts end by SIGINT and SIGHUP as usual, also where whoever started the tests ignores these (nohup, or
// a shell's background job): what is ignored stays so in all programs below.
func HeedSignals() {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// Buffer is a bytes.Buffer for several goroutines: what a log or a program writes while the test looks.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
