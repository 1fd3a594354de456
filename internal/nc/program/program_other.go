//go:build !unix

package program

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

func shell(command string) *exec.Cmd { return exec.Command("cmd", "/C", command) }

func blocking(*os.File) error { return errors.New("a program cannot be given the socket here") }

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		cmd.Process.Kill()
	}
}

func (r *Runner) runOnPty(_ context.Context, conn net.Conn, _ *exec.Cmd) error {
	conn.Close()
	return report.Usage("leave --pty out", "--pty is not built for this system")
}
