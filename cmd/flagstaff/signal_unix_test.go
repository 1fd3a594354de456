//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

func sendSignal(p *os.Process, name string) error {
	switch name {
	case "INT":
		return p.Signal(syscall.SIGINT)
	case "HUP":
		return p.Signal(syscall.SIGHUP)
	case "TERM":
		return p.Signal(syscall.SIGTERM)
	}
	return fmt.Errorf("no signal %q", name)
}
