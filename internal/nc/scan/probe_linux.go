package scan

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/sockopt"
)

// flight is one connection attempt that has not ended.
type flight struct {
	index int
	begun time.Time
}

// probeMany connects to ports of one address, many at once, in one thread with
// one poll(2): a goroutine, a poller registration and a dialer for each port
// cost more than the three calls that a closed port takes. It calls tell with
// each outcome and reports false, having done nothing, when the command line
// asks for what only the dialer does. Its error is as Each's.
func (s *Scanner) probeMany(ctx context.Context, a netip.Addr, ports []int, tell func(index int, err error)) (bool, error) {
	if s.UDP || s.Interval > 0 || s.Dialer || a.Zone() != "" {
		return false, nil
	}
	together := room()
	var pfds []unix.PollFd
	var flying []flight
	limit := s.Limit
	land := func(i int, err error) {
		unix.Close(int(pfds[i].Fd))
		tell(flying[i].index, err)
		last := len(pfds) - 1
		pfds[i], flying[i] = pfds[last], flying[last]
		pfds, flying = pfds[:last], flying[:last]
	}
	// wait handles what has ended; it blocks until something has.
	wait := func() {
		timeout := 200 // so that a cancelled scan ends soon
		if limit > 0 && len(flying) > 0 {
			timeout = int(min(200, max(1, limit-time.Since(flying[0].begun)).Milliseconds()+1))
		}
		if _, err := unix.Poll(pfds, timeout); err != nil && err != unix.EINTR {
			return
		}
		now := time.Now()
		for i := len(pfds) - 1; i >= 0; i-- {
			switch {
			case pfds[i].Revents != 0:
				land(i, answered(int(pfds[i].Fd)))
			case limit > 0 && now.Sub(flying[i].begun) >= limit:
				land(i, unix.ETIMEDOUT)
			}
		}
	}
	var failed error
	for i := 0; i < len(ports) && failed == nil && ctx.Err() == nil; {
		if len(pfds) >= together {
			wait()
			continue
		}
		fd, err := s.beginConnect(a, ports[i])
		switch {
		case err == unix.EINPROGRESS:
			pfds = append(pfds, unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT})
			flying = append(flying, flight{i, time.Now()})
			i++
			continue
		case lacking(err) != nil && len(pfds) > 0:
			wait() // what ends gives back what was missing
		case lacking(err) != nil:
			failed = fmt.Errorf("look at port %d: %w", ports[i], err)
		default:
			if err == nil {
				err = answered(fd)
			}
			tell(i, err)
			i++
		}
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	for len(pfds) > 0 && ctx.Err() == nil {
		wait()
	}
	for len(pfds) > 0 {
		land(len(pfds)-1, context.Cause(ctx))
	}
	return true, failed
}

// answered is how a connection attempt ended. On this machine the system may connect from the very port that is asked for, and the
// socket is then connected to itself: nobody else has that port.
func answered(fd int) error {
	e, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case e != 0:
		return unix.Errno(e)
	}
	if local, err := unix.Getsockname(fd); err == nil {
		if peer, err := unix.Getpeername(fd); err == nil && reflect.DeepEqual(local, peer) {
			return unix.ECONNREFUSED
		}
	}
	return nil
}

// beginConnect starts a connection and returns its socket.
func (s *Scanner) beginConnect(a netip.Addr, port int) (int, error) {
	family, network := unix.AF_INET6, "tcp6"
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: port, Addr: a.As16()}
	if a.Is4() {
		family, network = unix.AF_INET, "tcp4"
		sa = &unix.SockaddrInet4{Port: port, Addr: a.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if s.Socket != (sockopt.Options{}) {
		if err := s.Socket.Set(uintptr(fd), network); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	for {
		if err = unix.Connect(fd, sa); err != unix.EINTR {
			return fd, err
		}
	}
}
