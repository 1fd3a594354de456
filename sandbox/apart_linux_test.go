package sandbox

import (
	"os"
	"testing"
)

// interpreted prepares a program in Python that sessions run.
func interpreted(t *testing.T, p Policy, program string) *Runner {
	t.Helper()
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no " + python)
	}
	return prepare(t, p, python, "-c", program)
}

// TestSharedMemory keeps sessions from each other's, and what one leaves from the next, also without a filter.
func TestSharedMemory(t *testing.T) {
	r := interpreted(t, Policy{Syscalls: SyscallsOff}, `
import ctypes, sys
c = ctypes.CDLL(None, use_errno=True)
create = 0o1000 if sys.argv[1] == "make" else 0
print("there" if c.shmget(4711, 4096, create | 0o666) >= 0 else "nothing", flush=True)
`)
	if out, exit := play(t, r, Session{Args: []string{"make"}}, ""); out != "there\n" {
		t.Fatalf("got %q, %s, want that it can be made", out, exit.Stderr)
	}
	if out, exit := play(t, r, Session{Args: []string{"look"}}, ""); out != "nothing\n" {
		t.Errorf("another session found it: got %q, %s", out, exit.Stderr)
	}
}

// TestFilesInMemory refuses them where nothing counts them.
func TestFilesInMemory(t *testing.T) {
	for _, filter := range []Syscalls{SyscallsDefault, SyscallsStrict} {
		r := interpreted(t, Policy{Syscalls: filter, Processes: 1}, `
import os
try:
    os.memfd_create("x"); print("made")
except PermissionError:
    print("refused")
`)
		want := "made\n"
		if r.plan.addr {
			want = "refused\n"
		}
		if out, exit := play(t, r, Session{}, ""); out != want {
			t.Errorf("%q: got %q, %s, want %q", filter, out, exit.Stderr, want)
		}
	}
}
