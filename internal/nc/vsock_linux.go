package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// vsockConn is a stream between a virtual machine and its host. Package net
// does not know the family; os.File polls any descriptor.
type vsockConn struct {
	*os.File
	local, remote vsockAddr
}

type vsockAddr struct{ cid, port uint32 }

func (a vsockAddr) Network() string { return "vsock" }
func (a vsockAddr) String() string  { return fmt.Sprintf("%d:%d", a.cid, a.port) }

func (c *vsockConn) LocalAddr() net.Addr  { return c.local }
func (c *vsockConn) RemoteAddr() net.Addr { return c.remote }

// CloseWrite ends the sending half.
func (c *vsockConn) CloseWrite() error {
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

func (c *vsockConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	var pe *os.PathError
	if errors.As(err, &pe) && err != io.EOF {
		err = pe.Err
	}
	return n, err
}

func newVsockConn(fd int, remote vsockAddr) (*vsockConn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &vsockConn{File: os.NewFile(uintptr(fd), "vsock"), remote: remote}, nil
}

func (n *netcat) dialVsock(ctx context.Context) (net.Conn, error) {
	cid, _ := parseUint32(n.c.host)
	to := vsockAddr{cid, uint32(n.c.ports[0].lo)}
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, vsockError(err)
	}
	// The socket is still blocking, so connect waits, at most two seconds by the kernel's own limit.
	if t := n.c.connectTimeout(); t > 0 {
		tv := unix.NsecToTimeval(int64(t))
		unix.SetsockoptTimeval(fd, unix.AF_VSOCK, unix.SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, &tv)
	}
	for {
		err = unix.Connect(fd, &unix.SockaddrVM{CID: to.cid, Port: to.port})
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		unix.Close(fd)
		if err == unix.ECONNRESET {
			err = unix.ECONNREFUSED // what the family answers where nobody listens
		}
		n.r.say("%s: connect to %s port %d (vsock) failed: %s", n.c.name, n.c.host, to.port, cause(err))
		return nil, connectError(err, "vsock "+to.String(), "vsock", "")
	}
	n.r.event("connected", "remote", to.String(), "protocol", "vsock")
	n.r.say("Connection to %s %d port [vsock/*] succeeded!", n.c.host, to.port)
	return newVsockConn(fd, to)
}

func vsockError(err error) error {
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.ENODEV) {
		return withHint(errors.New("this kernel has no vsock"), "it needs the module vsock and a transport (vsock_loopback for CID 1)")
	}
	return fmt.Errorf("vsock: %w", err)
}

// vsockListener accepts through the poller, as os.File does for reads.
type vsockListener struct {
	f    *os.File
	addr vsockAddr
}

func (n *netcat) listenVsock() (net.Listener, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, vsockError(err)
	}
	cid := uint32(unix.VMADDR_CID_ANY)
	if n.c.host != "" {
		cid, _ = parseUint32(n.c.host)
	}
	at := vsockAddr{cid, uint32(n.c.ports[0].lo)}
	err = unix.Bind(fd, &unix.SockaddrVM{CID: at.cid, Port: at.port})
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return nil, listenError(err, "vsock "+at.String())
	}
	n.r.event("listening", "address", at.String(), "protocol", "vsock")
	n.r.say("Listening on vsock %d", at.port)
	return &vsockListener{os.NewFile(uintptr(fd), "vsock"), at}, nil
}

func (l *vsockListener) Accept() (net.Conn, error) {
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
	remote := vsockAddr{}
	if vm, ok := from.(*unix.SockaddrVM); ok {
		remote = vsockAddr{vm.CID, vm.Port}
	}
	return newVsockConn(fd, remote)
}

func (l *vsockListener) Close() error   { return l.f.Close() }
func (l *vsockListener) Addr() net.Addr { return l.addr }

var _ interface {
	SetDeadline(time.Time) error
} = (*vsockConn)(nil)
