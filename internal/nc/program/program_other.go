//go:build !unix

package program

import (
	"context"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

func shell(command string) *exec.Cmd { return exec.Command("cmd", "/C", command) }

// descriptor returns nil: a program cannot be given the socket here.
func descriptor(syscall.Conn) *os.File { return nil }

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		cmd.Process.Kill()
	}
}

func groupAlive(*exec.Cmd) bool { return false }

func (r *Runner) runOnPty(_ context.Context, conn net.Conn, _ *exec.Cmd) error {
	conn.Close()
	return report.Usage("leave --pty out", "--pty is not built for this system")
}
