//go:build !unix

package nc

import (
	"context"
	"errors"
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

func (n *netcat) runOnPty(_ context.Context, cl *client, _ *exec.Cmd) error {
	cl.conn.Close()
	return report.Usage("leave --pty out", "--pty is not built for this system")
}
