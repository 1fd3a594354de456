package sandbox

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestUmask starts a server that lets nobody else read what it makes.
func TestUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	r := prepare(t, Policy{SessionFlag: true, Tmp: 1 << 20}, "/bin/sh", "-c", "cat /flag /etc/passwd >/dev/null && cat /flag && umask && echo x >/tmp/x && cat /tmp/x")
	if out, exit := play(t, r, Session{Flag: "flag{x}\n"}, ""); out != "flag{x}\n0022\nx\n" {
		t.Errorf("got %q, %s", out, exit.Stderr)
	}
	r = prepare(t, Policy{Flag: "flag{all}\n"}, "/bin/cat", "/flag")
	if out, exit := play(t, r, Session{}, ""); out != "flag{all}\n" {
		t.Errorf("got %q, %s", out, exit.Stderr)
	}
}

// TestInheritedSignals starts a server that ignores signals and blocks some, as nohup and supervisors leave them.
func TestInheritedSignals(t *testing.T) {
	ignored := []os.Signal{unix.SIGHUP, unix.SIGTSTP}
	signal.Ignore(ignored...)
	defer signal.Reset(ignored...)
	// What the C library's posix_spawn starts, as make does, ignores 32, which package signal does not know.
	var before32 [4]uint64
	ignore := [4]uint64{1} // SIG_IGN
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, 32, uintptr(unsafe.Pointer(&ignore)), uintptr(unsafe.Pointer(&before32)), 8, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	defer unix.RawSyscall6(unix.SYS_RT_SIGACTION, 32, uintptr(unsafe.Pointer(&before32)), 0, 8, 0, 0)
	runtime.LockOSThread() // the mask is the thread's
	defer runtime.UnlockOSThread()
	var blocked, before unix.Sigset_t
	for _, sig := range []unix.Signal{unix.SIGALRM, unix.SIGUSR1, unix.SIGPIPE} {
		blocked.Val[0] |= 1 << (sig - 1)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	r := prepare(t, Policy{Proc: true}, "/bin/grep", "-E", "SigBlk|SigIgn", "/proc/self/status")
	if out, exit := play(t, r, Session{}, ""); out != "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" {
		t.Errorf("got %q, %s", out, exit.Stderr)
	}
}

// TestUnspared starts a server that the kernel spares when memory is used up.
func TestUnspared(t *testing.T) {
	const own = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(own)
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(own, []byte("-500"), 0); err != nil {
		t.Skip("who may not spare itself is not spared: ", err)
	}
	defer os.WriteFile(own, before, 0)
	r := prepare(t, Policy{Proc: true}, "/bin/cat", "/proc/self/oom_score_adj")
	if out, exit := play(t, r, Session{}, ""); out != "0\n" {
		t.Errorf("got %q, %s, want 0", out, exit.Stderr)
	}
}

// TestUnfilteredConnection: a program whose system calls are not filtered would take the player's connection elsewhere.
func TestUnfilteredConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range []struct {
		p  Policy
		ok bool
	}{
		{Policy{Syscalls: SyscallsOff}, false},
		{Policy{Syscalls: SyscallsOff, Network: true}, true},
		{Policy{}, true},
	} {
		r := prepare(t, c.p, "/bin/true")
		p, err := r.Start(t.Context(), conn.(*net.TCPConn), Session{})
		if (err == nil) != c.ok {
			t.Errorf("%+v: got %v", c.p, err)
		}
		if err == nil {
			p.Wait()
		}
	}
}

// TestARM32 says at the start that a filter of arm64's system calls is none for programs of 32-bit ARM.
func TestARM32(t *testing.T) {
	if runtime.GOARCH != "arm64" {
		t.Skip("programs of 32-bit ARM run on arm64 alone")
	}
	header := make([]byte, 52)
	copy(header, "\x7fELF\x01\x01\x01")
	header[16], header[18], header[20], header[40] = 2, 40, 1, 52 // ET_EXEC, EM_ARM, EV_CURRENT, the header's size
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	name := filepath.Join(dir, "old")
	if err := os.WriteFile(name, header, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Prepare(Policy{Weaker: []Feature{FeatureMemory, FeatureProcesses}}, name)
	var no *ProgramError
	if unenforceable(err) {
		t.Skip(err)
	}
	if !errors.As(err, &no) || !strings.Contains(err.Error(), "32-bit ARM") || !strings.Contains(no.Hint(), "--syscalls off") {
		t.Errorf("got %v, want to be told of it", err)
	}
}

func unenforceable(err error) bool { return errors.As(err, new(*UnenforceableError)) }

// TestConfiguration: what interpreters of the host do not do without is there.
func TestConfiguration(t *testing.T) {
	var files []string
	for _, pattern := range []string{"/usr/lib/jvm/*/conf/security/java.security", "/etc/php/*/cli/conf.d/*.ini", "/usr/lib/ssl/openssl.cnf"} {
		found, _ := filepath.Glob(pattern)
		for _, f := range found {
			if _, err := os.Stat(f); err == nil { // not a link that leads nowhere
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		t.Skip("none of them is installed here")
	}
	r := prepare(t, Policy{}, append([]string{"/bin/sh", "-c", `for f; do test -r "$f" || echo "$f"; done; echo all`, "sh"}, files...)...)
	if out, exit := play(t, r, Session{}, ""); out != "all\n" {
		t.Errorf("cannot read %s, %s", out, exit.Stderr)
	}
}

// TestRootNoMountPoint: what is called enforced is what Prepare does, also where a server has been put into another root.
func TestRootNoMountPoint(t *testing.T) {
	const inside = "FLAGSTAFF_TEST_ROOT"
	if os.Getenv(inside) != "" {
		for what, enforce := range map[string]func() error{
			"report":  func() error { _, err := Report(Policy{}); return err },
			"prepare": func() error { _, err := Prepare(Policy{}, "/bin/true"); return err },
		} {
			var hint interface{ Hint() string }
			if err := enforce(); !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "mount --bind") {
				t.Errorf("%s: got %v, want to be told of mount --bind", what, err)
			}
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := Report(Policy{}); err != nil {
		t.Skip(err)
	}
	const enter = `set -e
for d in bin dev lib lib64 proc tmp usr; do
	test -d /$d || continue
	mkdir "$1/$d"
	mount --rbind /$d "$1/$d"
done
exec chroot "$@" -test.run=^TestRootNoMountPoint$`
	cmd := exec.Command(testkit.Program(t, "unshare"), "--mount", "/bin/sh", "-c", enter, "sh", t.TempDir(), os.Args[0])
	cmd.Env = append(os.Environ(), inside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestShortOfDescriptors: what other programs will give back is no right that the server lacks.
func TestShortOfDescriptors(t *testing.T) {
	const inside = "FLAGSTAFF_TEST_SHORT"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestShortOfDescriptors$")
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		held = append(held, f)
	}
	_, err := runLauncher(held[0], held[1], os.Geteuid() == 0, false)
	for _, f := range held {
		f.Close()
	}
	var hint interface{ Hint() string }
	if !isShort(err) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "ulimit -n") {
		t.Errorf("got %v, want to be told of ulimit -n", err)
	}
}

// TestNoFlag: who looks for a flag where none is given finds no file, and not an empty one.
func TestNoFlag(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "test -e /flag || echo none")
	if out, exit := play(t, r, Session{}, ""); out != "none\n" {
		t.Errorf("got %q, %s", out, exit.Stderr)
	}
}

// TestOwnSignal: a program that ends itself as the limit of processor time does has not used that up.
func TestOwnSignal(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGXCPU, unix.SIGKILL} {
		r := prepare(t, Policy{}, "/bin/sh", "-c", "kill -"+strconv.Itoa(int(sig))+" $$")
		if _, exit := play(t, r, Session{}, ""); exit.Reason != ReasonExited || exit.Signal != int(sig) {
			t.Errorf("%v: got %+v", sig, exit)
		}
	}
}

// TestOrigin says at the start that a program would not find the libraries beside it: it would run with others, or not at all.
func TestOrigin(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it links with the system's library")
	}
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	source, program := filepath.Join(dir, "main.c"), filepath.Join(dir, "main")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(testkit.Program(t, "gcc"), "-o", program, source, "-Wl,-rpath,$ORIGIN/lib").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var no *ProgramError
	if _, err := Prepare(Policy{Weaker: []Feature{FeatureMemory, FeatureProcesses}}, program); unenforceable(err) {
		t.Skip(err)
	} else if !errors.As(err, &no) || !strings.Contains(no.Hint(), "--proc") {
		t.Errorf("got %v, want to be told of --proc", err)
	}
	r := prepare(t, Policy{Proc: true}, program)
	if _, exit := play(t, r, Session{}, ""); exit.Code != 0 {
		t.Errorf("with /proc: got %+v", exit)
	}
}
