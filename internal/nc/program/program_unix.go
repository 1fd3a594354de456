//go:build unix

package program

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func shell(command string) *exec.Cmd { return exec.Command("/bin/sh", "-c", command) }

// descriptor returns a descriptor of the connection's, or nil. It blocks, as a program expects of any other; and unlike
// that of conn.File it is nothing that this process waits for.
func descriptor(conn syscall.Conn) *os.File {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	var f *os.File
	raw.Control(func(fd uintptr) {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return
		}
		if unix.SetNonblock(n, false) != nil {
			unix.Close(n)
			return
		}
		f = os.NewFile(uintptr(n), "connection")
	})
	return f
}

// ownGroup puts the program into a process group of its own, so that it can be
// ended with its children and the caller's group is left alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) {
	if p := cmd.Process; p != nil {
		syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}

// groupAlive says whether anybody is left of the group of a program that has ended.
func groupAlive(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }

// runOnPty gives the program a terminal, of which it is the session's leader.
func (r *Runner) runOnPty(ctx context.Context, conn net.Conn, cmd *exec.Cmd) error {
	defer r.hangUp(ctx, conn)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stderr = nil
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return startError(cmd, err)
	}
	idle := r.shuttle(ctx, conn, cmd, &ptyInput{f: f, leader: cmd.Process.Pid}, f)
	err = cmd.Wait()
	f.Close()
	return errors.Join(r.ended(cmd, err), idle)
}

// ptyInput is the terminal's typing side: the end of input is Ctrl-D, for the
// terminal itself has no half-close. After a line that has not ended the first
// Ctrl-D only hands that over.
type ptyInput struct {
	f      *os.File
	leader int  // of its session
	open   bool // a line has begun
}

func (p *ptyInput) Write(b []byte) (int, error) {
	if len(b) > 0 {
		p.open = b[len(b)-1] != '\n'
	}
	return p.f.Write(b)
}

func (p *ptyInput) Close() error {
	end := []byte{4}
	if p.open {
		end = []byte{4, 4}
	}
	_, err := p.f.Write(end)
	return err
}

// HangUp tells the terminal's program that its user has gone, as the system does when a terminal goes. Whose output is still
// being read keeps the terminal.
func (p *ptyInput) HangUp() { syscall.Kill(-p.leader, syscall.SIGHUP) }
