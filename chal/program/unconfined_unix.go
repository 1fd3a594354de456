//go:build unix

package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// unconfined runs programs as the server's own user, with all that this user may do.
type unconfined struct {
	policy sandbox.Policy // its limits of time, the directory and the environment count
	path   string
	argv   []string
	// starting has a place for each session that is being started, which takes several descriptors meanwhile: thousands who
	// come at once would use up all there are.
	starting chan struct{}
}

// maxStarting is how many programs are started at once.
const maxStarting = 32

// newUnconfined finds the program.
func newUnconfined(p sandbox.Policy, argv []string) (runner, error) {
	if len(argv) == 0 {
		return nil, errors.New("no program to run")
	}
	path, err := sandbox.FindProgram(sandbox.Policy{Dir: p.Dir}, argv[0])
	if err != nil {
		return nil, err
	}
	return &unconfined{p.Limits(), path, argv, make(chan struct{}, maxStarting)}, nil
}

func (u *unconfined) Close() error                         { return nil }
func (u *unconfined) Enforced() map[sandbox.Feature]string { return nil }

// keptStderr is how much of the standard error is kept for the log.
const keptStderr = 64 << 10

// loose is a program that nothing confines.
type loose struct {
	cmd     *exec.Cmd
	conn    syscall.RawConn
	restore bool // conn was non-blocking
	stderr  head
	unbind  func() bool
	timer   *time.Timer

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
	p := &loose{conn: raw, cmd: &exec.Cmd{
		Path: u.path, Args: append(append([]string{}, u.argv...), own.Args...), Dir: u.policy.Dir,
		Env:         append(append([]string{"PATH=" + sandbox.DefaultPath}, u.policy.Env...), own.Env...),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
		WaitDelay:   time.Second, // what a left-over keeps open
	}}
	if u.policy.PTY {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	end, err := p.take()
	if err != nil {
		return nil, err
	}
	defer end.Close()
	p.cmd.Stdin, p.cmd.Stdout = end, end
	switch u.policy.Stderr {
	case sandbox.StderrPlayer:
		p.cmd.Stderr = end
	case sandbox.StderrLog:
		p.cmd.Stderr = &p.stderr
	}
	if err := p.cmd.Start(); err != nil {
		p.giveBack()
		return nil, fmt.Errorf("start %s: %w", u.path, err)
	}
	if u.policy.Time > 0 {
		p.timer = time.AfterFunc(u.policy.Time, func() { p.Kill(sandbox.ReasonTime) })
	}
	p.unbind = context.AfterFunc(ctx, func() { p.Kill(sandbox.ReasonKilled) })
	return p, nil
}

// take makes a descriptor of conn's for the program. Programs expect descriptors that block; that is a matter of the open file,
// which both share, so it is undone when the program has ended.
func (p *loose) take() (*os.File, error) {
	var end *os.File
	var err error
	failed := p.conn.Control(func(fd uintptr) {
		var flags, n int
		if flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil {
			return
		}
		if n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3); err != nil {
			return
		}
		if p.restore = flags&unix.O_NONBLOCK != 0; p.restore {
			err = unix.SetNonblock(n, false)
		}
		end = os.NewFile(uintptr(n), "connection")
	})
	return end, errors.Join(failed, err)
}

func (p *loose) giveBack() {
	if p.restore {
		p.conn.Control(func(fd uintptr) { unix.SetNonblock(int(fd), true) }) // fails when it was closed
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
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
}

// Wait waits until the program has ended, and kills what is left of its process group.
func (p *loose) Wait() (sandbox.Exit, error) {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.ended = true
	e := sandbox.Exit{Reason: p.killed, Code: p.cmd.ProcessState.ExitCode(), Stderr: p.stderr.Bytes()}
	p.mu.Unlock()
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	if p.timer != nil {
		p.timer.Stop()
	}
	p.unbind()
	p.giveBack()
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		e.Signal = int(s.Signal())
	}
	e.CPU = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	if e.Reason == "" {
		e.Reason = sandbox.ReasonExited
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return e, err
	}
	return e, nil
}

// head keeps the beginning of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(b []byte) (int, error) {
	h.Buffer.Write(b[:min(len(b), keptStderr-h.Len())])
	return len(b), nil
}
