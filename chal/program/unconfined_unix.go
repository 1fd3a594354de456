//go:build unix

package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// unconfined runs programs as the server's own user, with all that this user may do. It uses no os/exec, which would hold a
// thread of the system's for each program that runs, and a goroutine for its standard error.
type unconfined struct {
	policy sandbox.Policy // its limits of time, the directory and the environment count
	path   string
	argv   []string
	env    []string
	null   *os.File // for standard error that nobody wants
	minder *minder
	// starting has a place for each session that is being started, which takes several descriptors meanwhile: thousands who
	// come at once would use up all there are.
	starting chan struct{}

	mu      sync.Mutex
	running map[*loose]struct{} // nil: it is closed
	ended   sync.WaitGroup
}

// maxStarting is how many programs are started at once.
const maxStarting = 32

// newUnconfined finds the program. From then on no program inherits what the server has inherited itself.
func newUnconfined(p sandbox.Policy, argv []string) (runner, error) {
	if len(argv) == 0 {
		return nil, errors.New("no program to run")
	}
	path, err := sandbox.FindProgram(sandbox.Policy{Dir: p.Dir}, argv[0])
	if err != nil {
		return nil, err
	}
	closeInherited()
	reserveThreads()
	u := &unconfined{
		policy: p.Limits(), path: path, argv: argv, starting: make(chan struct{}, maxStarting),
		env: environment([]string{"PATH=" + sandbox.DefaultPath}, p.Env), running: make(map[*loose]struct{}),
	}
	if u.null, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	if u.minder, err = newMinder(); err != nil {
		u.null.Close()
		return nil, err
	}
	return u, nil
}

// Close kills what still runs.
func (u *unconfined) Close() error {
	u.mu.Lock()
	for p := range u.running {
		p.Kill(sandbox.ReasonKilled)
	}
	u.running = nil
	u.mu.Unlock()
	u.ended.Wait()
	u.minder.close()
	return u.null.Close()
}

func (u *unconfined) Enforced() map[sandbox.Feature]string { return nil }

// spareThreads is how many threads of the system's the server should have, busy or not.
const spareThreads = 16

// reserveThreads makes the runtime start threads, which it keeps, before programs use up all that the user may have: one that
// cannot be started later would end the server.
func reserveThreads() {
	var ready, all sync.WaitGroup
	ready.Add(spareThreads)
	for range spareThreads {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			ready.Wait()
		})
	}
	all.Wait()
}

// closeUpTo is the portable way to mark descriptors: one by one, from first to more than anybody is started with.
func closeUpTo(first int) {
	for fd := first; fd < 1<<12; fd++ {
		unix.CloseOnExec(fd)
	}
}

// environment puts lists together; what comes later replaces what has the same name.
func environment(lists ...[]string) []string {
	var env []string
	for _, e := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(e, "=")
		same := func(old string) bool { return strings.HasPrefix(old, name+"=") }
		if i := slices.IndexFunc(env, same); i >= 0 {
			env[i] = e
		} else {
			env = append(env, e)
		}
	}
	return env
}

// loose is a program that nothing confines.
type loose struct {
	u      *unconfined
	pid    int // zero: it has not been started
	conn   syscall.RawConn
	flags  int // of conn's open file, before the program got it
	minded *minded
	unbind func() bool
	timer  *time.Timer

	mu     sync.Mutex
	killed sandbox.Reason
	ended  bool
}

// Start starts the program with conn as its standard input and output, in a process group of its own.
func (u *unconfined) Start(ctx context.Context, conn syscall.Conn, own sandbox.Session) (process, error) {
	select {
	case u.starting <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-u.starting }()
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &loose{u: u, conn: raw}
	if !u.enter(p) {
		return nil, sandbox.ErrClosed
	}
	if err := p.start(u, own); err != nil {
		u.leave(p)
		return nil, fmt.Errorf("start %s: %w", u.path, err)
	}
	if u.policy.Time > 0 {
		p.timer = time.AfterFunc(u.policy.Time, func() { p.Kill(sandbox.ReasonTime) })
	}
	p.unbind = context.AfterFunc(ctx, func() { p.Kill(sandbox.ReasonKilled) })
	return p, nil
}

// enter counts p among those that Close kills and waits for.
func (u *unconfined) enter(p *loose) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running == nil {
		return false
	}
	u.running[p] = struct{}{}
	u.ended.Add(1)
	return true
}

func (u *unconfined) leave(p *loose) {
	u.mu.Lock()
	delete(u.running, p)
	u.mu.Unlock()
	u.ended.Done()
}

// start starts the program. It expects descriptors that block; that is a matter of the open file, which both share, so it is
// undone when the program has ended.
func (p *loose) start(u *unconfined, own sandbox.Session) (err error) {
	attr := &syscall.ProcAttr{Dir: u.policy.Dir, Env: u.env, Sys: &syscall.SysProcAttr{Setpgid: true}}
	if len(own.Env) > 0 {
		attr.Env = environment(u.env, own.Env)
	}
	if u.policy.PTY {
		attr.Sys = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	argv := slices.Concat(u.argv, own.Args)
	if p.minded, err = u.minder.prepare(attr.Sys, u.policy.Stderr == sandbox.StderrLog); err != nil {
		return err
	}
	var pid int
	failed := p.conn.Control(func(fd uintptr) {
		if p.flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil {
			return
		}
		attr.Files = []uintptr{fd, fd, fd}
		switch u.policy.Stderr {
		case sandbox.StderrDiscard:
			attr.Files[2] = u.null.Fd()
		case sandbox.StderrLog:
			attr.Files[2] = p.minded.end()
		}
		if p.flags&unix.O_NONBLOCK != 0 {
			_, err = unix.FcntlInt(fd, unix.F_SETFL, p.flags&^unix.O_NONBLOCK)
		}
		if err == nil {
			pid, err = syscall.ForkExec(u.path, argv, attr)
		}
	})
	if err = errors.Join(failed, err); err != nil {
		p.giveBack()
		p.minded.drop()
		return err
	}
	p.minded.started()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid = pid; p.killed != "" {
		syscall.Kill(-pid, syscall.SIGKILL)
	}
	return nil
}

func (p *loose) giveBack() {
	if p.flags&unix.O_NONBLOCK != 0 {
		p.conn.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETFL, p.flags) }) // fails when it was closed
	}
}

// Kill kills the program's process group. What has left the group stays: that is what a sandbox is for.
func (p *loose) Kill(why sandbox.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.killed != "" {
		return
	}
	p.killed = why
	if p.pid > 0 {
		syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// end kills what is left of the program's process group.
func (p *loose) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	syscall.Kill(-p.pid, syscall.SIGKILL)
}

// Wait waits until the program has ended, and ends what is left of its process group.
func (p *loose) Wait() (sandbox.Exit, error) {
	defer p.u.leave(p)
	status, usage, err := p.minded.wait(p.pid, p.end)
	if p.timer != nil {
		p.timer.Stop()
	}
	p.unbind()
	p.giveBack()
	if err != nil {
		return sandbox.Exit{}, os.NewSyscallError("wait", err)
	}
	e := sandbox.Exit{Reason: sandbox.ReasonExited, Code: status.ExitStatus(), Stderr: p.minded.said()}
	if p.killed != "" {
		e.Reason = p.killed
	}
	if status.Signaled() {
		e.Signal = int(status.Signal())
	}
	e.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return e, nil
}

// keptStderr is how much of the standard error is kept for the log: its end, which says what went wrong.
const keptStderr = 16 << 10

// tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	b = b[max(0, n-keptStderr):]
	if len(*t)+len(b) > 2*keptStderr {
		*t = append((*t)[:0], (*t)[len(*t)-keptStderr:]...)
	}
	*t = append(*t, b...)
	return n, nil
}

func (t tail) end() []byte { return t[max(0, len(t)-keptStderr):] }
