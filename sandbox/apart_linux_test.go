package sandbox

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// TestNextSession leaves the session after one that has turned against its slot, process 1, with limits and priorities as
// they should be, also without a filter.
func TestNextSession(t *testing.T) {
	for _, filter := range []Syscalls{SyscallsDefault, SyscallsStrict, SyscallsOff} {
		r := interpreted(t, Policy{Syscalls: filter}, `
import os, resource
print(resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), len(os.sched_getaffinity(0)), flush=True)
for attack in (
    lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (5, 5)),
    lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    lambda: os.setpriority(os.PRIO_USER, 0, 19),
    lambda: os.sched_setscheduler(1, os.SCHED_BATCH, os.sched_param(0)),
    lambda: os.sched_setaffinity(1, {0}),
):
    try:
        attack()
    except OSError:
        pass
`)
		first, _ := play(t, r, Session{}, "")
		for range 2 {
			if out, exit := play(t, r, Session{}, ""); out != first || out == "" {
				t.Errorf("%q: got %q, %s, want %q as the session before", filter, out, exit.Stderr, first)
			}
		}
	}
}

// TestKeyrings keeps sessions from each other's keys, also without a filter.
func TestKeyrings(t *testing.T) {
	runtime.LockOSThread() // for good: the thread gets a keyring as a login has one, which the launcher inherits
	if _, err := unix.KeyctlJoinSessionKeyring("flagstaff-test"); err != nil {
		t.Skipf("this kernel keeps no keys: %v", err)
	}
	r := interpreted(t, Policy{Syscalls: SyscallsOff}, `
import ctypes, platform, sys
c = ctypes.CDLL(None, use_errno=True)
add, ctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[platform.machine()]
session = -3
if sys.argv[1] == "make":
    print("made" if c.syscall(add, b"user", b"secret", b"x", 1, session) >= 0 else ctypes.get_errno(), flush=True)
    sys.stdin.read()
else:
    print("found" if c.syscall(ctl, 10, session, b"user", b"secret", 0) >= 0 else "nothing", flush=True)
`)
	ours, theirs := pair(t)
	defer ours.Close()
	p, err := r.Start(t.Context(), theirs, Session{Args: []string{"make"}})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	defer p.Wait()
	defer ours.CloseWrite()
	var b [16]byte
	if n, err := ours.Read(b[:]); err != nil || string(b[:n]) != "made\n" {
		t.Fatalf("got %q, %v, want a key", b[:n], err)
	}
	if out, exit := play(t, r, Session{Args: []string{"look"}}, ""); out != "nothing\n" {
		t.Errorf("another session found it: got %q, %s", out, exit.Stderr)
	}
}

// TestOrphans takes in the processes that a session leaves to its slot as they end, not only when it is over: they count
// against its limit.
func TestOrphans(t *testing.T) {
	r := prepare(t, Policy{Processes: 12}, "/bin/sh", "-c", `i=0; while [ $i -lt 40 ]; do (: &) || exit 1; i=$((i+1)); done; echo all`)
	if out, exit := play(t, r, Session{}, ""); out != "all\n" {
		t.Errorf("got %q, %+v, %s", out, exit, exit.Stderr)
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

// TestHeldPages: memory that a session has left in output which its player does not take is not missing to the next one.
func TestHeldPages(t *testing.T) {
	r := interpreted(t, Policy{Memory: 64 << 20}, `
import mmap, os, socket, sys
if sys.argv[1:] == ["hold"]:
    os.set_blocking(0, False)
    socket.socket(fileno=os.dup(0)).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
    held, size = 0, 8 << 20
    try:
        for _ in range(5):
            fd = os.memfd_create("pages")
            os.ftruncate(fd, size)
            pages = mmap.mmap(fd, size)
            for at in range(0, size, 4096):
                pages[at] = 1
                held += os.sendfile(0, fd, at, 1)
    except BlockingIOError:
        pass
    print(held, file=sys.stderr)
else:
    print(len(bytearray(b"x") * (40 << 20)))
`)
	if r.plan.addr {
		t.Skip("no control groups for memory here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		ours, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
		theirs, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		p, err := r.Start(t.Context(), theirs.(*net.TCPConn), Session{Args: []string{"hold"}})
		if err != nil {
			t.Fatal(err)
		}
		exit, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if held, _ := strconv.Atoi(strings.TrimSpace(string(exit.Stderr))); held < 4000 {
			t.Skipf("the connection holds too few pages: %s", exit.Stderr)
		}
		if out, exit := play(t, r, Session{}, ""); out != "41943040\n" {
			t.Errorf("the next session got %q, %v, %s", out, exit.Reason, exit.Stderr)
		}
	}
}
