package sock

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// listener accepts Conns.
type listener struct {
	file *os.File
	raw  syscall.RawConn
	addr net.Addr
}

// Own takes over a listener of package net for TCP: what it returns listens on the same socket and accepts Conns, and l is closed. Any other
// listener is returned as it is, and so is l where the system refuses.
func Own(l net.Listener) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l
	}
	file, err := tcp.File()
	if err != nil {
		return l
	}
	raw, err := file.SyscallConn()
	if err == nil {
		// Connections inherit it. Package net sets it on each.
		failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) })
		if failed != nil {
			err = failed
		}
	}
	if err != nil {
		file.Close()
		return l
	}
	l.Close()
	return &listener{file, raw, tcp.Addr()}
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Close() error {
	if l.file.Close() != nil {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	return nil
}

// Accept waits for the next connection, and returns a *Conn.
func (l *listener) Accept() (net.Conn, error) {
	var fd int
	var peer syscall.Sockaddr
	var err error
	closed := l.raw.Read(func(socket uintptr) bool {
		for {
			// That of package unix asks for the protocol of each, too.
			fd, peer, err = syscall.Accept4(int(socket), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			switch err {
			case unix.EINTR, unix.ECONNABORTED: // who came has left the queue again
				continue
			case unix.EAGAIN:
				return false
			}
			return true
		}
	})
	if closed != nil {
		err = net.ErrClosed
	} else if err != nil {
		err = os.NewSyscallError("accept4", err)
	}
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: err}
	}
	return &Conn{fd: fd, remote: addrPort(peer)}, nil
}

// addrPort returns what the system calls an address; not valid where it is none of TCP's.
func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 && addr.Is6() {
			addr = addr.WithZone(zone(int(sa.ZoneId)))
		}
		return netip.AddrPortFrom(addr, uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// zone names a network interface; by its number where it has no name.
func zone(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}
