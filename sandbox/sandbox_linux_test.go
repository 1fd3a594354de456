package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/cgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prepare skips where this host cannot enforce the policy, and says why.
func prepare(t testing.TB, p Policy, argv ...string) *Runner {
	t.Helper()
	if _, why := cgroup.Find(cgroup.Controllers); len(why) > 0 && os.Geteuid() != 0 && p.Processes == 0 {
		// Where an ordinary user cannot make control groups, a session may have one process only.
		p.Weaker, p.Processes = []Feature{FeatureMemory, FeatureProcesses}, DefaultProcesses
	}
	r, err := Prepare(p, argv...)
	var no *UnenforceableError
	if errors.As(err, &no) {
		t.Skipf("%v (%s)", err, no.Hint())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// play runs one session with an input and returns its output and its end.
func play(t testing.TB, r *Runner, s Session, input string) (string, Exit) {
	t.Helper()
	ours, theirs := pair(t)
	defer ours.Close()
	p, err := r.Start(t.Context(), theirs, s)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	io.WriteString(ours, input)
	ours.CloseWrite()
	out, err := io.ReadAll(ours)
	if err != nil {
		t.Errorf("read: %v", err)
	}
	exit, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), exit
}

// begun starts a session whose program says ready, and returns the player's end once it has.
func begun(t *testing.T, r *Runner) (*Process, *net.UnixConn) {
	t.Helper()
	ours, theirs := pair(t)
	t.Cleanup(func() { ours.Close() })
	p, err := r.Start(t.Context(), theirs, Session{})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if line, err := bufio.NewReader(ours).ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	return p, ours
}

func TestSession(t *testing.T) {
	r := prepare(t, Policy{Env: []string{"A=1"}}, "/bin/sh", "-c", `cat; env | sort; echo "$0 $1"; pwd; echo trouble >&2; exit 3`)
	out, exit := play(t, r, Session{Env: []string{"B=2"}, Args: []string{"x", "y"}}, "input\n")
	want := "input\nA=1\nB=2\n" + defaultPath + "\nPWD=/\nx y\n/\n"
	if out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if exit.Reason != ReasonExited || exit.Code != 3 || exit.Signal != 0 || string(exit.Stderr) != "trouble\n" {
		t.Errorf("got %+v", exit)
	}
}

func TestSignal(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "kill -ABRT $$")
	if _, exit := play(t, r, Session{}, ""); exit.Reason != ReasonExited || exit.Signal != int(syscall.SIGABRT) || exit.Code != -1 {
		t.Errorf("got %+v, want SIGABRT", exit)
	}
}

func TestStderr(t *testing.T) {
	for where, want := range map[Stderr][2]string{StderrLog: {"out\n", "err\n"}, StderrPlayer: {"out\nerr\n", ""}, StderrDiscard: {"out\n", ""}} {
		r := prepare(t, Policy{Stderr: where}, "/bin/sh", "-c", "echo out; echo err >&2")
		for range 2 { // the second session has the first one's slot
			out, exit := play(t, r, Session{}, "")
			if out != want[0] || string(exit.Stderr) != want[1] {
				t.Errorf("%q: got %q and %q, want %q", where, out, exit.Stderr, want)
			}
		}
	}
}

// TestFullStderr writes more than is kept, without being stopped by it or meeting an error. The end is kept.
func TestFullStderr(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "seq 1 200000 >&2 && echo on; read x; echo last >&2")
	for range 2 {
		out, exit := play(t, r, Session{}, "x\n")
		if out != "on\n" || len(exit.Stderr) != 16<<10 || !bytes.HasSuffix(exit.Stderr, []byte("\n199999\n200000\nlast\n")) {
			t.Errorf("got %q and %d bytes that end with %q", out, len(exit.Stderr), exit.Stderr[max(0, len(exit.Stderr)-30):])
		}
	}
}

// TestStderrFlood ends a session that writes to its standard error for ever.
func TestStderrFlood(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "head -c 100000 /dev/zero >&2; echo ready; exec cat /dev/zero >&2")
	p, _ := begun(t, r)
	p.Kill(ReasonIdle)
	if exit, err := p.Wait(); err != nil || exit.Reason != ReasonIdle || len(exit.Stderr) != 16<<10 {
		t.Errorf("got %s, %v and %d bytes", exit.Reason, err, len(exit.Stderr))
	}
}

func TestTime(t *testing.T) {
	r := prepare(t, Policy{Time: 20 * time.Millisecond}, "sleep", "1000")
	if _, exit := play(t, r, Session{}, ""); exit.Reason != ReasonTime {
		t.Errorf("got %+v, want %q", exit, ReasonTime)
	}
}

// TestFiles shows what a policy shows and nothing else.
func TestFiles(t *testing.T) {
	for _, in := range []string{"/var/tmp", "/dev/shm"} { // sessions have a /dev of their own
		t.Run(in, func(t *testing.T) {
			dir, err := os.MkdirTemp(in, "flagstaff-test-")
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
				t.Skip(err) // not every system lets everybody
			}
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			os.Chmod(dir, 0o755)
			for _, name := range []string{"shown", "hidden", "work/file"} {
				os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
				if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p := Policy{Files: []string{dir + "/shown"}, Dir: dir + "/work", Flag: "flag{x}\n"}
			script := `cd ..; find "$0" -type f | sort; cat "$0/shown" work/file /flag; touch work/new shown /dev/new 2>/dev/null; ls work; ls "$0"; ls /dev`
			r := prepare(t, p, "/bin/sh", "-c", script, dir)
			out, _ := play(t, r, Session{}, "")
			want := dir + "/shown\n" + dir + "/work/file\nshownwork/fileflag{x}\nfile\nshown\nwork\nfd\nfull\nnull\nrandom\n" +
				strings.Repeat("shm\n", strings.Count(in, "shm")) + "stderr\nstdin\nstdout\nurandom\nzero\n"
			if out != want {
				t.Errorf("got %q, want %q", out, want)
			}
		})
	}
}

// TestOwnMounts has a /tmp, a /proc and a /flag in each session that the next one does not see.
func TestOwnMounts(t *testing.T) {
	p := Policy{Tmp: 64 << 10, SessionFlag: true}
	if os.Geteuid() == 0 {
		p.Proc = true
	}
	r := prepare(t, p, "/bin/sh", "-c", `ls /tmp; cat /flag; echo x > /tmp/left; head -c 100000 /dev/zero > /tmp/big 2>/dev/null || echo full; test -d /proc/1 && echo init; test -d /proc/$$ && echo self`)
	for i := range 3 {
		flag := fmt.Sprintf("flag{%d}\n", i)
		processes := ""
		if p.Proc {
			processes = "self\n" // and not even the session's slot
		}
		if out, exit := play(t, r, Session{Flag: flag}, ""); out != flag+"full\n"+processes {
			t.Errorf("got %q, %s, want %q", out, exit.Stderr, flag+"full\n"+processes)
		}
	}
}

// TestRoot runs a program in a root of the author's, in which there is nothing else.
func TestRoot(t *testing.T) {
	root, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	os.Chmod(root, 0o755)
	os.Mkdir(root+"/dev", 0o755)
	if err := os.Rename(build(t, "hello"), root+"/hello"); err != nil {
		t.Fatal(err)
	}
	r := prepare(t, Policy{Root: root}, "/hello")
	if out, exit := play(t, r, Session{}, ""); out != "hello\n" || exit.Code != 0 {
		t.Errorf("got %q, %+v", out, exit)
	}
	if _, err := Prepare(Policy{Root: root, Flag: "x"}, "/hello"); err == nil || !strings.Contains(err.Error(), "flag") {
		t.Errorf("a flag for a root that cannot have one: got %v", err)
	}
	if _, err := Prepare(Policy{Root: root, Tmp: 1}, "/hello"); err == nil || !strings.Contains(err.Error(), "tmp") {
		t.Errorf("a /tmp in a root without one: got %v", err)
	}
}

// TestStrict runs ordinary programs under the strict filter.
func TestStrict(t *testing.T) {
	r := prepare(t, Policy{Syscalls: SyscallsStrict}, "/bin/sh", "-c", "echo a b | tr ab xy | cat; ls -d /usr; expr 1 + 1; head -c 10 /dev/urandom | wc -c; sleep 0.01")
	out, exit := play(t, r, Session{}, "")
	if want := "x y\n/usr\n2\n10\n"; out != want || exit.Code != 0 {
		t.Errorf("got %q, %+v, want %q", out, exit, want)
	}
}

func TestPython(t *testing.T) {
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no " + python)
	}
	for _, filter := range []Syscalls{SyscallsDefault, SyscallsStrict} {
		r := prepare(t, Policy{Syscalls: filter, Tmp: 1 << 20}, python, "-c", "print(int(input())*2); import threading, tempfile, subprocess, asyncio; asyncio.run(asyncio.sleep(0)); print(tempfile.mkdtemp()[:5])")
		out, exit := play(t, r, Session{}, "21\n")
		if out != "42\n/tmp/\n" {
			t.Errorf("%q: got %q, %+v %s", filter, out, exit, exit.Stderr)
		}
	}
}

// TestScopes keeps sessions apart by Landlock where the filter lets sockets through.
func TestScopes(t *testing.T) {
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no " + python)
	}
	r := prepare(t, Policy{Syscalls: SyscallsOff}, python, "-c", `
import socket, sys
s = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "listen":
    s.bind("\0meeting"); s.listen(); print("ready", flush=True); input()
else:
    try:
        s.connect("\0meeting"); print("escaped")
    except PermissionError:
        print("denied")
`)
	ours, theirs := pair(t)
	p, err := r.Start(t.Context(), theirs, Session{Args: []string{"listen"}})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	var ready [6]byte
	if _, err := io.ReadFull(ours, ready[:]); err != nil {
		t.Fatal(err)
	}
	if out, exit := play(t, r, Session{Args: []string{"connect"}}, ""); out != "denied\n" {
		t.Errorf("got %q, %s, want %q", out, exit.Stderr, "denied\n")
	}
	ours.Close()
	p.Wait()
}

// TestOneProcess limits what needs no control groups.
func TestOneProcess(t *testing.T) {
	p := Policy{Processes: 1}
	if _, exit := play(t, prepare(t, p, "/bin/sh", "-c", "true & true"), Session{}, ""); exit.Code == 0 || !strings.Contains(string(exit.Stderr), "fork") {
		t.Errorf("got %+v %s, want no second process", exit, exit.Stderr)
	}
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no " + python)
	}
	p.Memory = 64 << 20
	if out, exit := play(t, prepare(t, p, python, "-c", "print(len(bytearray(200 << 20)))"), Session{}, ""); out != "" || exit.Code == 0 {
		t.Errorf("got %q, %+v, want no memory", out, exit)
	}
}

// TestUnenforceable refuses what an ordinary user without control groups cannot enforce, and names the way out.
func TestUnenforceable(t *testing.T) {
	if _, why := cgroup.Find(cgroup.Controllers); os.Geteuid() == 0 || len(why) == 0 {
		t.Skip("control groups can be made here")
	}
	for _, c := range []struct {
		p    Policy
		want Feature
	}{
		{Policy{Processes: 2}, FeatureMemory},
		{Policy{Processes: 2, Memory: -1}, FeatureProcesses},
		{Policy{Syscalls: SyscallsOff}, FeatureMemory},
		{Policy{CPU: -1}, FeatureCPU},
		{Policy{Proc: true}, FeatureProc},
	} {
		_, err := Prepare(c.p, "cat")
		var no *UnenforceableError
		if !errors.As(err, &no) || no.Feature != c.want || no.Hint() == "" {
			t.Errorf("%+v: got %v, want that %s cannot be enforced", c.p, err, c.want)
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	for _, c := range []struct {
		p    Policy
		want string
	}{
		{Policy{Syscalls: "some"}, "syscalls"},
		{Policy{Stderr: "mail"}, "stderr"},
		{Policy{Weaker: []Feature{FeatureSyscalls}}, "syscalls"},
		{Policy{Dir: "work"}, "absolute"},
		{Policy{Root: "/x", Files: []string{"/y"}}, "another root"},
		{Policy{OpenFiles: 3}, "open files"},
		{Policy{Env: []string{"secret"}}, "NAME=value"},
		{Policy{Tmp: 1, Dir: "/tmp"}, "hidden"},
		{Policy{OpenFiles: 1 << 40}, "more than this system lets a process have"},
	} {
		_, err := Prepare(c.p, "cat")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want something about %q", c.p, err, c.want)
		}
	}
	if _, err := Prepare(Policy{}, "no-such-program"); err == nil {
		t.Error("no-such-program: got no error")
	}
	if _, err := Prepare(Policy{}, "/etc/passwd"); err == nil || !strings.Contains(err.Error(), "not executable") {
		t.Errorf("/etc/passwd: got %v", err)
	}
}

// TestClose ends sessions that are under way and leaves nothing: no process, no control group.
func TestClose(t *testing.T) {
	files := openFiles(t)
	r := prepare(t, Policy{}, "/bin/sh", "-c", "sleep 1000 & (setsid sleep 1000 &) ; echo ready; sleep 1000")
	var all []*Process
	for range 5 {
		p, _ := begun(t, r)
		all = append(all, p)
	}
	ended := make(chan Exit)
	for _, p := range all {
		go func() {
			e, _ := p.Wait()
			ended <- e
		}()
	}
	r.Close()
	for range all {
		if e := <-ended; e.Reason != ReasonKilled {
			t.Errorf("got %+v, want %q", e, ReasonKilled)
		}
	}
	nothingLeft(t, r, files+len(all))
	ours, theirs := pair(t)
	defer ours.Close()
	defer theirs.Close()
	if _, err := r.Start(t.Context(), theirs, Session{}); !errors.Is(err, ErrClosed) {
		t.Errorf("start on a closed runner: got %v, want %v", err, ErrClosed)
	}
}

// processesOf lists the processes whose user is one of a server's sessions.
func processesOf(t *testing.T, first int) (left []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		var st unix.Stat_t
		if unix.Stat(p, &st) == nil && int(st.Uid) >= first && int(st.Uid) < first+1<<idBits {
			left = append(left, p)
		}
	}
	return left
}

// TestUsersDiffer gives sessions at the same time different users, and sessions one after the other none of the processes
// of the one before.
func TestUsersDiffer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: an ordinary user has one ID for all")
	}
	r := prepare(t, Policy{}, "/bin/sh", "-c", "id -u; read x")
	seen := map[string]bool{}
	for range 3 {
		ours, theirs := pair(t)
		defer ours.Close()
		p, err := r.Start(t.Context(), theirs, Session{})
		if err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		var b [32]byte
		n, err := ours.Read(b[:])
		if err != nil || seen[string(b[:n])] {
			t.Errorf("got user %q, %v, again", b[:n], err)
		}
		seen[string(b[:n])] = true
		defer p.Wait()
		defer ours.CloseWrite()
	}
}

// TestOrdinaryUser runs the tests of this package again as a user who is not root.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is one")
	}
	if testing.Short() {
		t.Skip("short")
	}
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/test", self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), dir+"/test", "-test.v", "-test.timeout=60s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "TMPDIR=/var/tmp"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	if !slices.Contains(strings.Fields(string(out)), "TestStrict") {
		t.Errorf("ran nothing: %s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "SKIP") || strings.Contains(line, "cannot be enforced") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
