//go:build unix

package program

import (
	"net"
	"os"
	"syscall"
)

// socketPair makes a pair of connected stream sockets.
func socketPair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock() // not every system can make them close-on-exec at once
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(p[0]), "relay"), os.NewFile(uintptr(p[1]), "program")
	defer ours.Close()
	c, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c.(*net.UnixConn), theirs, nil
}
