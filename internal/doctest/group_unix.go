//go:build unix

package doctest

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd and what it starts a group, so that it can be ended as a
// whole.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
