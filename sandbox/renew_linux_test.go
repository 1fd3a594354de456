package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// renewals counts how often another launcher was started.
func renewals(t *testing.T, r *Runner) *atomic.Int32 {
	n := new(atomic.Int32)
	r.Renewed = func(ended string) {
		n.Add(1)
		if ended != "signal: killed" {
			t.Errorf("the last one ended: got %q, want that it was killed", ended)
		}
	}
	return n
}

// killLauncher kills the launcher from outside and waits until it has ended, and with it its slots.
func killLauncher(t *testing.T, r *Runner) {
	t.Helper()
	r.mu.Lock()
	if r.renewal != nil { // whom the number is of is only known of one that was not waited for
		r.mu.Unlock()
		return
	}
	pidfd, err := unix.PidfdOpen(r.launcher.cmd.Process.Pid, 0)
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	killed(t, pidfd)
}

// killed kills a process, closes its descriptor, and returns when the process has ended.
func killed(t *testing.T, pidfd int) {
	t.Helper()
	defer unix.Close(pidfd)
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 20_000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			t.Fatalf("it does not end: %v", err)
		}
		return
	}
}

// served plays n sessions with cat at once.
func served(t *testing.T, r *Runner, n int) {
	t.Helper()
	var playing sync.WaitGroup
	for i := range n {
		playing.Go(func() {
			want := fmt.Sprintln("line", i)
			if out, exit, err := tryPlay(t, r, want); out != want || err != nil || exit.Code != 0 {
				t.Errorf("session %d: got %q, %+v, %v", i, out, exit, err)
			}
		})
	}
	playing.Wait()
}

// tryPlay runs one session with an input and returns its output and its end, whatever they are.
func tryPlay(t *testing.T, r *Runner, input string) (string, Exit, error) {
	ours, theirs := pair(t)
	defer ours.Close()
	p, err := r.Start(t.Context(), theirs, Session{})
	theirs.Close()
	if err != nil {
		return "", Exit{}, err
	}
	io.WriteString(ours, input)
	ours.CloseWrite()
	out, _ := io.ReadAll(ours)
	exit, err := p.Wait()
	return string(out), exit, err
}

// hold starts n sessions with cat that are under way when it returns.
func hold(t *testing.T, r *Runner, n int) (all []*Process) {
	t.Helper()
	for range n {
		ours, theirs := pair(t)
		t.Cleanup(func() { ours.Close() })
		p, err := r.Start(t.Context(), theirs, Session{})
		theirs.Close()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(ours, "x")
		if _, err := io.ReadFull(ours, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// TestLauncherKilledIdle serves everybody who comes after the launcher was killed. One starts another, with the same policy, and
// what is left of the dead one goes.
func TestLauncherKilledIdle(t *testing.T) {
	files := openFiles(t)
	r := prepare(t, Policy{Env: []string{"A=1"}}, "/bin/sh", "-c", "cat; [ $A = 1 ] && exit 0")
	again := renewals(t, r)
	served(t, r, 5)
	for i := range 3 {
		killLauncher(t, r)
		served(t, r, 40)
		if n := again.Load(); int(n) != i+1 {
			t.Errorf("killed %d times: another launcher was started %d times", i+1, n)
		}
	}
	r.Close()
	nothingLeft(t, r, files)
}

// TestSamePolicy shows a session after the launcher was killed what it showed before.
func TestSamePolicy(t *testing.T) {
	r := prepare(t, Policy{Tmp: 64 << 10, Flag: "flag{x}\n", OpenFiles: 100}, "/bin/sh", "-c", "ls -l / /dev /etc | grep -v total; cat /flag; ulimit -Ha; pwd; uname -n; umask")
	shown := func() (string, []byte) {
		out, exit := play(t, r, Session{}, "")
		return regexp.MustCompile(`[A-Z][a-z]+ +\d+ +\d+:\d+`).ReplaceAllString(out, "DATE"), exit.Stderr
	}
	before, _ := shown()
	killLauncher(t, r)
	if after, errs := shown(); after != before || !strings.Contains(after, "flag{x}") {
		t.Errorf("got %q, %s, want %q as before", after, errs, before)
	}
}

// TestLauncherKilledPlaying ends the sessions that are under way, and no others.
func TestLauncherKilledPlaying(t *testing.T) {
	files := openFiles(t)
	r := prepare(t, Policy{}, "cat")
	again := renewals(t, r)
	const sessions = 5
	all := hold(t, r, sessions)
	killLauncher(t, r)
	for _, p := range all {
		if e, err := p.Wait(); err != nil || e.Reason != ReasonKilled || e.Signal != int(unix.SIGKILL) {
			t.Errorf("got %+v, %v, want %q", e, err, ReasonKilled)
		}
	}
	served(t, r, 10)
	if n := again.Load(); n != 1 {
		t.Errorf("another launcher was started %d times, want once", n)
	}
	r.Close()
	nothingLeft(t, r, files+sessions) // the players are here
}

// TestDeadSlots lets no slot of a launcher that was killed wait for a session, neither those that did nor one that comes back
// late.
func TestDeadSlots(t *testing.T) {
	r := prepare(t, Policy{}, "cat")
	served(t, r, 3)
	late, err := r.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		s, err := r.newSlot()
		if err != nil {
			t.Fatal(err)
		}
		r.release(s)
	}
	killLauncher(t, r)
	served(t, r, 1)
	r.release(late)
	for _, s := range r.free {
		if s.launcher != r.launcher {
			t.Errorf("slot %d waits for a session, and is dead", s.number)
		}
	}
}

// TestLauncherKilledAgain kills one launcher after the other while sessions come and go: each is served, or was under way.
func TestLauncherKilledAgain(t *testing.T) {
	files := openFiles(t)
	r := prepare(t, Policy{}, "cat")
	again := renewals(t, r)
	const players, kills = 8, 10
	var cut atomic.Int32
	var playing sync.WaitGroup
	var played [players]chan struct{}
	enough := make(chan struct{})
	for i := range players {
		played[i] = make(chan struct{})
		playing.Go(func() {
			for {
				out, exit, err := tryPlay(t, r, "line\n")
				switch {
				case err != nil:
					t.Errorf("a session was refused: %v", err)
				case exit.Reason == ReasonKilled:
					cut.Add(1)
				case out != "line\n" || exit.Code != 0:
					t.Errorf("got %q, %+v", out, exit)
				}
				select {
				case played[i] <- struct{}{}:
				case <-enough:
					return
				}
			}
		})
	}
	for range kills {
		for i := range players { // so that nobody meets more than two in a session
			<-played[i]
			<-played[i]
		}
		killLauncher(t, r)
	}
	close(enough)
	playing.Wait()
	served(t, r, players)
	if n := again.Load(); n < 1 || n > kills {
		t.Errorf("%d launchers were killed, and another was started %d times", kills, n)
	}
	t.Logf("%d sessions were cut", cut.Load())
	r.Close()
	nothingLeft(t, r, files)
}

// TestSlotKilled gives a session another slot when the one that waited is dead, and leaves the launcher and its other sessions.
func TestSlotKilled(t *testing.T) {
	r := prepare(t, Policy{}, "cat")
	again := renewals(t, r)
	slots := children(t, r.launcher.cmd.Process.Pid)
	if len(slots) != 1 {
		t.Fatalf("%d slots wait, want one", len(slots))
	}
	pidfd, err := unix.PidfdOpen(slots[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	killed(t, pidfd)
	served(t, r, 1)
	if n := again.Load(); n != 0 {
		t.Errorf("another launcher was started %d times, want none", n)
	}
}

// TestNoOtherLauncher tells a session why no other launcher could be started, and lets the next one try again.
func TestNoOtherLauncher(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	program := dir + "/cat.sh"
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := openFiles(t)
	r := prepare(t, Policy{}, program)
	again := renewals(t, r)
	killLauncher(t, r)
	if err := os.Rename(program, program+".away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := tryPlay(t, r, ""); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "start another launcher (the last one ended: signal: killed)") {
			t.Errorf("got %v, want that none could be started", err)
		}
	}
	if err := os.Rename(program+".away", program); err != nil {
		t.Fatal(err)
	}
	served(t, r, 1)
	if n := again.Load(); n != 1 {
		t.Errorf("another launcher was started %d times, want once", n)
	}
	r.Close()
	nothingLeft(t, r, files)
}

// TestCloseAfterLauncher closes a runner whose launcher was killed, in every state that it can be in by then.
func TestCloseAfterLauncher(t *testing.T) {
	for name, before := range map[string]func(r *Runner) (closed chan struct{}){
		"nobody knows": func(*Runner) chan struct{} { return nil },
		"lost":         func(r *Runner) chan struct{} { r.lost(r.launcher); return nil },
		"another is being started": func(r *Runner) chan struct{} {
			r.lost(r.launcher)
			closed := make(chan struct{})
			r.renewal = func() (*launcherProcess, error) {
				go func() { r.Close(); close(closed) }()
				for is := false; !is; runtime.Gosched() {
					r.mu.Lock()
					is = r.closed
					r.mu.Unlock()
				}
				return r.renew()
			}
			if _, _, err := tryPlay(t, r, ""); err != ErrClosed {
				t.Errorf("start while the runner is closed: got %v, want %v", err, ErrClosed)
			}
			return closed
		},
		"another was started": func(r *Runner) chan struct{} { served(t, r, 2); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			files := openFiles(t)
			r := prepare(t, Policy{}, "cat")
			served(t, r, 3)
			killLauncher(t, r)
			if closed := before(r); closed != nil {
				<-closed
			}
			r.Close()
			if _, _, err := tryPlay(t, r, ""); err != ErrClosed {
				t.Errorf("start on a closed runner: got %v, want %v", err, ErrClosed)
			}
			nothingLeft(t, r, files)
		})
	}
}

// nothingLeft checks that a runner that was closed has left no process, no control group and no descriptor.
func nothingLeft(t *testing.T, r *Runner, files int) {
	t.Helper()
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if r.plan.root {
		if left := processesOf(t, r.plan.ids); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	}
	if r.groups != nil {
		for _, h := range r.groups.Places() {
			if _, err := os.Stat(h.Dir); err == nil {
				t.Errorf("%s is left", h.Dir)
			}
		}
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d descriptors are open, %d before", n, files)
	}
}

// children lists the processes that one has started, dead ones that were not waited for included.
func children(t *testing.T, of int) (list []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		text := string(b)
		f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // state, parent, …
		if parent, err := strconv.Atoi(f[1]); err == nil && parent == of {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			list = append(list, pid)
		}
	}
	return list
}

// openFiles counts the descriptors of this process, which has its poller by then.
func openFiles(t *testing.T) int {
	t.Helper()
	ours, theirs := pair(t)
	ours.Close()
	theirs.Close()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestLauncherDescriptors starts a launcher whose file has the number that package exec takes for something else in the child.
func TestLauncherDescriptors(t *testing.T) {
	program, err := launcherFile()
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	ours, theirs, err := channelPair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	const high = 200 // beyond all others: the child's own begin behind the last that is passed on
	at := func(f *os.File, n int) *os.File {
		if err := unix.Dup3(int(f.Fd()), n, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(n), f.Name())
	}
	end, file := at(theirs, high), at(program, high+1)
	defer end.Close()
	defer file.Close()
	cmd, err := runLauncher(file, end, os.Geteuid() == 0, false)
	if err != nil {
		t.Fatal(err)
	}
	(&launcherProcess{cmd: cmd, ctl: ours}).close()
}
