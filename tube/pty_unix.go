//go:build unix

package tube

import (
	"os/exec"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// startPTY starts cmd on a terminal in raw mode: no echo, and bytes pass as
// they are.
func startPTY(cmd *exec.Cmd) (*fileConn, error) {
	ptmx, tty, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	err = pty.Setsize(ptmx, &pty.Winsize{Rows: 24, Cols: 80})
	if err == nil {
		_, err = term.MakeRaw(int(tty.Fd()))
	}
	if err == nil {
		cmd.Stdin, cmd.Stdout = tty, tty
		if cmd.Stderr == nil {
			cmd.Stderr = tty
		}
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
		err = cmd.Start()
	}
	if err != nil {
		ptmx.Close()
		return nil, err
	}
	return &fileConn{r: ptmx, w: ptmx, pty: true}, nil
}
