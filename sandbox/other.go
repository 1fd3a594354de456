//go:build !linux

package sandbox

import (
	"context"
	"runtime"
	"syscall"
)

// Runner starts one program under one policy, as often as asked. There is none on this system.
type Runner struct {
	// Renewed is never called.
	Renewed func(ended string)
}

// Process is a running session. There is none on this system.
type Process struct{}

func unsupported() error {
	return &UnenforceableError{FeatureLauncher, "programs are confined by what only Linux has, and this is " + runtime.GOOS, "run it on Linux, in a virtual machine if need be"}
}

// Prepare returns an *[UnenforceableError]: the sandbox needs Linux.
func Prepare(Policy, ...string) (*Runner, error) { return nil, unsupported() }

// Start returns an *[UnenforceableError].
func (*Runner) Start(context.Context, syscall.Conn, Session) (*Process, error) {
	return nil, unsupported()
}

// Close does nothing.
func (*Runner) Close() error { return nil }

// Enforced returns nothing.
func (*Runner) Enforced() map[Feature]string { return nil }

// Kill does nothing.
func (*Process) Kill(Reason) {}

// Wait returns an *[UnenforceableError].
func (*Process) Wait() (Exit, error) { return Exit{}, unsupported() }

// Probe finds nothing.
func Probe() Host { return Host{Why: unsupported().Error()} }

// Report returns an *[UnenforceableError].
func Report(Policy) (map[Feature]string, error) { return nil, unsupported() }
