package report

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// UsageError is a mistake in the command line: what is wrong, and the way out.
type UsageError struct{ Msg, Hint string }

func (e *UsageError) Error() string { return e.Msg }

// Usage is a mistake in the command line with the way out.
func Usage(hint, format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...), hint}
}

// Told is an error that has been told already; only its status is left.
type Told struct{ Err error }

func (t Told) Error() string { return t.Err.Error() }
func (t Told) Unwrap() error { return t.Err }

// Explained is an error with a way out.
type Explained struct {
	Err  error
	Hint string
}

func (e *Explained) Error() string { return e.Err.Error() }
func (e *Explained) Unwrap() error { return e.Err }

// WithHint gives an error a way out.
func WithHint(err error, hint string) error { return &Explained{err, hint} }

// BrokenPipe reports whether the reader of our output has gone.
func BrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

// Cause is the innermost error in the system's words, as strerror writes them.
func Cause(err error) string {
	var errno syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &errno):
		s := errno.Error()
		first, size := utf8.DecodeRuneInString(s)
		return string(unicode.ToUpper(first)) + s[size:]
	case TimedOut(err):
		return "Connection timed out"
	case errors.As(err, &dns):
		return "Name or service not known"
	}
	return err.Error()
}

func TimedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// Reset reports whether the peer has cut the connection instead of finishing.
func Reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

func Refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// ConnectError says why a connection could not be made, and what to do.
func ConnectError(err error, where, proto string, port string) error {
	is := func(e syscall.Errno) bool { return errors.Is(err, e) }
	switch {
	case proto == "unix" && !isSocket(where):
		return WithHint(fmt.Errorf("%s is no socket", where), "is the path right? ss -lx shows the Unix sockets there are")
	case is(syscall.ECONNREFUSED) && proto == "unix":
		return WithHint(fmt.Errorf("connection refused: the socket file %s is there, but nothing listens on it", where), "start the server, or remove the file if it is left over")
	case is(syscall.ECONNREFUSED):
		return WithHint(fmt.Errorf("connection refused: nothing listens on %s", where), "is the port right? on that host, ss -ltn shows what listens"+udpNote(proto))
	case is(syscall.ENOENT) && proto == "unix":
		return WithHint(fmt.Errorf("there is no socket %s", where), "is the path right, and the server running? ss -lx shows the Unix sockets there are")
	case TimedOut(err), is(syscall.ETIMEDOUT):
		return WithHint(fmt.Errorf("no answer from %s", where), "a firewall drops the packets, or the host is down; -w TIME sets how long to wait")
	case is(syscall.EHOSTUNREACH):
		return WithHint(fmt.Errorf("no route to %s", where), "the host is down, or a firewall says no; ip route get shows the way")
	case is(syscall.ENETUNREACH):
		return WithHint(fmt.Errorf("the network of %s cannot be reached", where), "is this machine online? -4 and -6 choose the kind of address")
	case is(syscall.EACCES), is(syscall.EPERM):
		return WithHint(fmt.Errorf("not allowed to connect to %s", where), permissionHint(proto))
	case is(syscall.EINVAL) && strings.HasPrefix(where, "[fe80:") && !strings.Contains(where, "%"):
		return WithHint(fmt.Errorf("connect to %s: a link-local address is one on each network", where), "name the interface behind it: fe80::1%eth0")
	case is(syscall.EADDRNOTAVAIL):
		return WithHint(fmt.Errorf("connect to %s: the local address is not one of this machine's", where), "ip addr shows those it has; look at -s")
	case is(syscall.EADDRINUSE):
		return WithHint(fmt.Errorf("connect to %s: the local port is taken", where), "choose another with -p, or leave it out; ss -tan shows who has it"+portNote(port))
	case is(syscall.EPROTOTYPE):
		return WithHint(fmt.Errorf("the socket %s is of another type", where), "add -u for a datagram socket, or leave it out for a stream")
	}
	return fmt.Errorf("connect to %s: %w", where, Bare(err))
}

// isSocket says that a path is a socket's, or nothing's.
func isSocket(path string) bool {
	fi, err := os.Stat(path)
	return err != nil || fi.Mode()&os.ModeSocket != 0
}

func udpNote(proto string) string {
	if proto == "udp" {
		return " (-u: ss -lun)"
	}
	return ""
}

func portNote(port string) string {
	if port == "" {
		return ""
	}
	return " (" + port + ")"
}

func permissionHint(proto string) string {
	if proto == "unix" {
		return "look at the rights of the socket file"
	}
	return "a broadcast address needs -b; else a firewall on this machine says no"
}

// ListenUnixError says why a path could not be listened on.
func ListenUnixError(err error, path string) error {
	is := func(e syscall.Errno) bool { return errors.Is(err, e) }
	switch {
	case is(syscall.EADDRINUSE) && !isSocket(path):
		return WithHint(fmt.Errorf("listen on %s: there is a file, which is no socket", path), "choose another path, or move the file away")
	case is(syscall.EADDRINUSE):
		return WithHint(fmt.Errorf("listen on %s: the address is taken", path), "ss -lxp shows by whom; choose another path")
	case is(syscall.EACCES), is(syscall.EPERM), is(syscall.EROFS):
		return WithHint(fmt.Errorf("listen on %s: not allowed", path), "you must be able to write to the directory: choose another, such as $XDG_RUNTIME_DIR or /tmp")
	case is(syscall.ENOENT):
		return WithHint(fmt.Errorf("listen on %s: there is no such directory", path), "make the directory first")
	}
	return fmt.Errorf("listen on %s: %w", path, Bare(err))
}

// ListenError says why an address could not be listened on.
func ListenError(err error, where string) error {
	is := func(e syscall.Errno) bool { return errors.Is(err, e) }
	switch {
	case is(syscall.EADDRINUSE):
		return WithHint(fmt.Errorf("listen on %s: the address is taken", where), "ss -ltnp shows by whom; choose another port, or 0 for any free one")
	case is(syscall.EACCES), is(syscall.EPERM):
		return WithHint(fmt.Errorf("listen on %s: not allowed", where), "ports below 1024 are root's: choose a higher one, or run with sudo")
	case is(syscall.EADDRNOTAVAIL):
		return WithHint(fmt.Errorf("listen on %s: that address is not one of this machine's", where), "ip addr shows those it has; 0.0.0.0 means all of them")
	}
	return fmt.Errorf("listen on %s: %w", where, Bare(err))
}

// Bare takes off the layers of package net, which repeat the address.
func Bare(err error) error {
	var op *net.OpError
	for errors.As(err, &op) {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		return sys.Err
	}
	return err
}

// LookupError says that a name has no address, or none of the network's kind: "ip", "ip4" or "ip6".
func LookupError(host, network string, err error) error {
	var dns *net.DNSError
	kind, letter := "IPv4", "-4"
	if network == "ip6" {
		kind, letter = "IPv6", "-6"
	}
	switch {
	case errors.As(err, new(*net.AddrError)): // it has addresses of the other kind
		return WithHint(fmt.Errorf("%s has no %s address", host, kind), "leave "+letter+" out")
	case errors.As(err, &dns) && dns.IsNotFound && network != "ip":
		return WithHint(fmt.Errorf("the name %q has no %s address", host, kind), "is it spelt right? leave "+letter+" out for any kind of address; --resolve "+host+":ADDR gives it one for this run")
	case errors.As(err, &dns) && dns.IsNotFound:
		return WithHint(fmt.Errorf("the name %q has no address", host), "is it spelt right? --resolve "+host+":ADDR gives it one for this run")
	case TimedOut(err):
		return WithHint(fmt.Errorf("the DNS did not answer for %q", host), "is this machine online? an address instead of the name needs no DNS")
	}
	if errors.As(err, &dns) {
		return WithHint(fmt.Errorf("look up %q: %s", host, strings.TrimPrefix(dns.Err, "lookup ")), "is this machine online? an address instead of the name needs no DNS")
	}
	return err
}
