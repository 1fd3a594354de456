//go:build unix

package program

import (
	"context"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
)

func shell(command string) *exec.Cmd { return exec.Command("/bin/sh", "-c", command) }

// blocking clears O_NONBLOCK: the program expects a descriptor like any other.
func blocking(f *os.File) error { return syscall.SetNonblock(int(f.Fd()), false) }

// ownGroup puts the program into a process group of its own, so that it can be
// ended with its children and the caller's group is left alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) {
	if p := cmd.Process; p != nil {
		syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}

// runOnPty gives the program a terminal, of which it is the session's leader.
func (r *Runner) runOnPty(ctx context.Context, conn net.Conn, cmd *exec.Cmd) error {
	defer conn.Close()
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stderr = nil
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		return startError(cmd, err)
	}
	r.shuttle(ctx, conn, cmd, &ptyInput{f}, f)
	err = cmd.Wait()
	f.Close()
	return r.ended(cmd, err)
}

// ptyInput is the terminal's typing side: the end of input is Ctrl-D, for the
// terminal itself has no half-close.
type ptyInput struct{ f *os.File }

func (p *ptyInput) Write(b []byte) (int, error) { return p.f.Write(b) }
func (p *ptyInput) Close() error {
	_, err := p.f.Write([]byte{4})
	return err
}
