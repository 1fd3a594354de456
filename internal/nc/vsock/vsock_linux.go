package vsock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// conn is a stream between a virtual machine and its host. Package net
// does not know the family; os.File polls any descriptor.
type conn struct {
	*os.File
	local, remote Addr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// CloseWrite ends the sending half.
func (c *conn) CloseWrite() error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	if err := rc.Control(func(fd uintptr) { serr = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return serr
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	var pe *os.PathError
	if errors.As(err, &pe) && err != io.EOF {
		err = pe.Err
	}
	return n, err
}

func newConn(fd int, remote Addr) (*conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &conn{File: os.NewFile(uintptr(fd), "vsock"), remote: remote}, nil
}

// Dial connects. A timeout of 0 leaves the kernel's own limit, two seconds.
func Dial(to Addr, timeout time.Duration) (net.Conn, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, familyError(err)
	}
	// The socket is still blocking, so connect waits.
	if timeout > 0 {
		tv := unix.NsecToTimeval(int64(timeout))
		unix.SetsockoptTimeval(fd, unix.AF_VSOCK, unix.SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, &tv)
	}
	for {
		err = unix.Connect(fd, &unix.SockaddrVM{CID: to.CID, Port: to.Port})
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		unix.Close(fd)
		if err == unix.ECONNRESET {
			err = unix.ECONNREFUSED // what the family answers where nobody listens
		}
		return nil, err
	}
	return newConn(fd, to)
}

func familyError(err error) error {
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.ENODEV) {
		return ErrUnsupported
	}
	return fmt.Errorf("vsock: %w", err)
}

// listener accepts through the poller, as os.File does for reads.
type listener struct {
	f    *os.File
	addr Addr
}

// Listen listens; [Any] takes connections to any context ID of this machine.
func Listen(at Addr) (net.Listener, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, familyError(err)
	}
	err = unix.Bind(fd, &unix.SockaddrVM{CID: at.CID, Port: at.Port})
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &listener{os.NewFile(uintptr(fd), "vsock"), at}, nil
}

func (l *listener) Accept() (net.Conn, error) {
	rc, err := l.f.SyscallConn()
	if err != nil {
		return nil, net.ErrClosed
	}
	var fd int
	var from unix.Sockaddr
	var aerr error
	err = rc.Read(func(s uintptr) bool {
		fd, from, aerr = unix.Accept4(int(s), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return aerr != unix.EAGAIN
	})
	if err != nil {
		return nil, net.ErrClosed
	}
	if aerr != nil {
		return nil, aerr
	}
	remote := Addr{}
	if vm, ok := from.(*unix.SockaddrVM); ok {
		remote = Addr{vm.CID, vm.Port}
	}
	return newConn(fd, remote)
}

func (l *listener) Close() error   { return l.f.Close() }
func (l *listener) Addr() net.Addr { return l.addr }

var _ interface {
	SetDeadline(time.Time) error
} = (*conn)(nil)
