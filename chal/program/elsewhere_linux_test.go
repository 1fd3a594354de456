package program_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { roles["elsewhere"] = elsewhere }

// What the role "elsewhere" does before it becomes the tests again.
const (
	loVariable     = "PROGRAM_TEST_LO"     // bring the loopback interface up
	groupsVariable = "PROGRAM_TEST_GROUPS" // enter these control groups
	uidVariable    = "PROGRAM_TEST_UID"    // become this user
)

// elsewhere changes what the tests run in, as root, and runs them.
func elsewhere() {
	if err := becomeTests(); err != nil {
		fmt.Println("--- SKIP: this cannot be prepared here:", err)
		os.Exit(1)
	}
}

func becomeTests() error {
	if os.Getenv(loVariable) != "" {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		lo, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
			return os.NewSyscallError("ioctl SIOCSIFFLAGS", err)
		}
	}
	for _, dir := range filepath.SplitList(os.Getenv(groupsVariable)) {
		if err := os.WriteFile(dir+"/cgroup.procs", []byte("0"), 0); err != nil {
			return err
		}
	}
	if uid, err := strconv.Atoi(os.Getenv(uidVariable)); err == nil {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setgid(uid); err != nil {
			return err
		}
		if err := syscall.Setuid(uid); err != nil {
			return err
		}
	}
	os.Unsetenv(roleVariable)
	return syscall.Exec(os.Args[0], os.Args, os.Environ())
}

// ordinary is a user who is nobody else: the limit of processes counts all of a user's.
const ordinary = 54321

// TestHostileElsewhere runs the suite as an ordinary user, with and without control groups, and inside a network namespace.
func TestHostileElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some ten seconds for each place")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir := filepath.Dir(compiled(t, "hostile"))
	compiled32(t, "hostile")
	script(t, "hostile.py")
	self := dir + "/tests"
	copyProgram(t, self)
	user := uidVariable + "=" + strconv.Itoa(ordinary)
	for _, place := range []struct {
		name   string
		env    []string
		groups bool
		flags  uintptr
	}{
		{"ordinary user", []string{user}, false, 0},
		{"ordinary user with control groups", []string{user}, true, 0},
		{"network namespace", []string{loVariable + "=1"}, false, unix.CLONE_NEWNET},
		{"ordinary user in a network namespace", []string{user, loVariable + "=1"}, false, unix.CLONE_NEWNET},
	} {
		t.Run(place.name, func(t *testing.T) {
			cmd := exec.Command(self, "-test.run=^TestHostile$", "-test.v", "-test.timeout=3m")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), append(place.env, roleVariable+"=elsewhere", builtVariable+"="+dir, "TMPDIR=/tmp", "HOME=/")...)
			if place.groups {
				cmd.Env = append(cmd.Env, groupsVariable+"="+strings.Join(delegated(t), string(filepath.ListSeparator)))
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: place.flags}
			out, err := cmd.CombinedOutput()
			text := string(out)
			for line := range strings.Lines(text) {
				if strings.Contains(line, "--- SKIP") || strings.Contains(line, "a neighbour") {
					t.Log(strings.TrimSpace(line))
				}
			}
			switch {
			case strings.Contains(text, "--- SKIP: TestHostile ") || strings.Contains(text, "--- SKIP: this cannot"):
				t.Skipf("skipped there:\n%.2000s", text)
			case err != nil || !strings.Contains(text, "--- PASS: TestHostile "):
				t.Errorf("%v\n%s", err, withoutPasses(text))
			}
		})
	}
}

// withoutPasses leaves out of a verbose run what tells nothing of its failures.
func withoutPasses(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if f := strings.TrimSpace(line); !strings.HasPrefix(f, "=== ") && !strings.HasPrefix(f, "--- PASS") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// copyProgram copies the test binary to where another user can execute it.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, from)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Fatal(err)
	}
}

// delegated makes control groups, of version 1, that belong to the ordinary user.
func delegated(t *testing.T) (dirs []string) {
	t.Helper()
	for _, c := range []string{"memory", "pids", "cpu"} {
		above := "/sys/fs/cgroup/" + c
		if _, err := os.Stat(above + "/cgroup.procs"); err != nil {
			t.Skipf("no control groups of version 1 to give away: %v", err)
		}
		dir := fmt.Sprintf("%s/test-of-program-%d", above, os.Getpid())
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skipf("control groups cannot be made here: %v", err)
		}
		t.Cleanup(func() { os.Remove(dir) })
		for _, name := range []string{"", "/cgroup.procs", "/tasks"} {
			if err := os.Chown(dir+name, ordinary, ordinary); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
