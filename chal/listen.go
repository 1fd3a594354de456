package chal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
)

// Listen makes a TCP listener on addr, "host:port", for a [Server]. Its connections have no TCP
// keep-alive: a server's time limits do that work, without five system calls a connection. On Linux they are no
// *net.TCPConn, which would take five more: [tube.TCP] returns what all of them can do. An IPv4 address listens for
// IPv4 alone, 0.0.0.0 too; no address at all listens for both. An error that the user can do
// something about has a method Hint() string.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	network := "tcp"
	if at, err := netip.ParseAddrPort(addr); err == nil && at.Addr().Is4() {
		network = "tcp4" // package net would take 0.0.0.0 for ::
	}
	l, err := lc.Listen(ctx, network, addr)
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // it repeats the address
	}
	switch {
	case err == nil:
		return sock.Own(l), nil
	case portInUse(err):
		_, port, _ := net.SplitHostPort(addr)
		return nil, &hintError{fmt.Errorf("listen on %s: port %s is in use", addr, port), whoHasPort(port)}
	case errors.Is(err, syscall.EACCES):
		return nil, &hintError{fmt.Errorf("listen on %s: %w", addr, err), "ports below 1024 are for privileged users: choose one above"}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, &hintError{fmt.Errorf("listen on %s: %w", addr, err), "the address is none of this machine's: 127.0.0.1 is for this machine alone, 0.0.0.0 for everybody"}
	}
	return nil, fmt.Errorf("listen on %s: %w", addr, err)
}

// portInUse knows Windows' own number too, which syscall has no name for.
func portInUse(err error) bool {
	const wsaEADDRINUSE = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, wsaEADDRINUSE)
}

// whoHasPort names the command that shows which program has the port.
func whoHasPort(port string) string {
	switch runtime.GOOS {
	case "linux":
		return fmt.Sprintf("`ss -ltnp 'sport = :%s'` shows who has it; --listen takes another port", port)
	case "windows":
		return "`netstat -ano` shows who has it; --listen takes another port"
	}
	return fmt.Sprintf("`lsof -nP -iTCP:%s -sTCP:LISTEN` shows who has it; --listen takes another port", port)
}

// hintError is an error with a way out.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }
func (e *hintError) Hint() string  { return e.hint }
