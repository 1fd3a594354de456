package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const limitsVariable = "SANDBOX_TEST_LIMITS" // how far the process has come that TestInheritedLimits starts

// TestInheritedLimits prepares a runner in a server whose own limits are lower than the policy's, and may not be raised.
func TestInheritedLimits(t *testing.T) {
	switch os.Getenv(limitsVariable) {
	case "":
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestInheritedLimits$", "-test.v")
		cmd.Env = append(os.Environ(), limitsVariable+"=lower")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		switch {
		case strings.Contains(string(out), "--- SKIP"):
			t.Skip("skipped there")
		case err != nil:
			t.Error(err)
		}
	case "lower":
		runtime.LockOSThread()
		unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_RESOURCE, 0, 0, 0) // an ordinary user has none to drop
		for resource, most := range map[int]uint64{unix.RLIMIT_NOFILE: 100, unix.RLIMIT_FSIZE: 1 << 20, unix.RLIMIT_MEMLOCK: 8 << 10, unix.RLIMIT_CPU: 30} {
			if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
				t.Fatal(err)
			}
		}
		os.Setenv(limitsVariable, "run")
		t.Fatal(unix.Exec("/proc/self/exe", os.Args, os.Environ()))
	case "run":
		r := prepare(t, Policy{}, "/bin/sh", "-c", "ulimit -Hn; ulimit -Hf; ulimit -Hl; ulimit -Hc; ulimit -Ht")
		want := "100\n2048\n8\n0\n30\n" // in the shell's units
		if out, exit := play(t, r, Session{}, ""); out != want {
			t.Errorf("got %q, %s, want %q", out, exit.Stderr, want)
		}
		_, err := Prepare(Policy{OpenFiles: 1000}, "/bin/true")
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || !strings.Contains(err.Error(), "1000 open files are more than the server itself may have (100)") {
			t.Errorf("1,000 open files: got %v, want an error with a hint", err)
		}
	}
}

// TestNoPriority: what lets the server's user go before others is not for sessions. Not every root may raise these limits, to try it.
func TestNoPriority(t *testing.T) {
	for _, resource := range []int{unix.RLIMIT_RTPRIO, unix.RLIMIT_NICE} {
		if !slices.ContainsFunc(rlimits(&plan{}), func(l rlimit) bool { return l.resource == resource && l.value == 0 }) {
			t.Errorf("sessions have the server's own limit %d", resource)
		}
	}
}

// TestFewestFiles prepares what keeps a descriptor of its own under the lowest limit.
func TestFewestFiles(t *testing.T) {
	r := prepare(t, Policy{OpenFiles: minOpenFiles, Syscalls: SyscallsOff}, "/bin/sh", "-c", "ulimit -n")
	if out, exit := play(t, r, Session{}, ""); out != "64\n" {
		t.Errorf("got %q, %s", out, exit.Stderr)
	}
}

// TestWeight looks at what all sessions of a runner count as, beside processes that are none.
func TestWeight(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/true")
	if !r.plan.hasCPU() {
		t.Skip("no control groups for processors here")
	}
	for _, h := range r.groups.Places() {
		if !slices.Contains(h.Controllers, "cpu") {
			continue
		}
		name, process, most := "cpu.shares", 1024, 1<<18 // process: what one counts as
		if h.Version == 2 {
			name, process, most = "cpu.weight", 100, 10_000
		}
		text, err := os.ReadFile(filepath.Join(h.Dir, name))
		got, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		if want := min(2*process*runtime.NumCPU(), most); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %d", name, text, err, want)
		}
	}
}
