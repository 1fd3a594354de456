package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// All waiting here happens in the calls that move the bytes, so the socket is
// made blocking: a blocking splice gathers what a non-blocking one returns
// piece by piece, and Go's poller would wake a second thread for every piece.
// That halves the processor time. Deadlines then do nothing, and a connection
// that is in use here must be ended with [Cut].

// pipeSize is what the pipes are grown to: with the default 64 KiB the two
// ends wake each other for every 16 pages.
const pipeSize = 1 << 20

// rawStream returns the descriptor access of a connection whose bytes the
// kernel can move: a TCP or Unix stream, not wrapped by anything, now blocking.
func rawStream(c net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch c := c.(type) {
	case *net.TCPConn:
		sc = c
	case *net.UnixConn:
		if c.RemoteAddr().Network() != "unix" {
			return nil
		}
		sc = c
	default:
		return nil
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	if err := rc.Control(func(fd uintptr) { unix.SetNonblock(int(fd), false) }); err != nil {
		return nil
	}
	return rc
}

// pace keeps a loop of system calls from looking stuck. A goroutine that has been on its processor for ten milliseconds without
// the scheduler is one to take the processor from, and in a system call that is done at once, in every call, fifty thousand
// times a second where it can be. Who goes through the scheduler before that is left alone.
type pace struct{ last time.Time }

const paceTime = 5 * time.Millisecond

func (p *pace) step() {
	if now := time.Now(); now.Sub(p.last) >= paceTime {
		if !p.last.IsZero() {
			runtime.Gosched()
		}
		p.last = now
	}
}

// spliceIn is Send without copying. It reports false, having moved nothing,
// when this pair of descriptors must be copied.
func spliceIn(conn net.Conn, in *Input, m *Meter, stop *Stop) (bool, error) {
	rc := rawStream(conn)
	if rc == nil {
		return false, nil
	}
	switch in.kind {
	case pipe:
		growPipe(in.fd)
		return pipeToSocket(rc, in, m, stop)
	case regular:
		return fileToSocket(rc, in, m, stop)
	case socket:
		return socketInToSocket(rc, in, m, stop)
	}
	return false, nil
}

// growPipe asks for a big pipe; an unprivileged user over the limit keeps the small one.
func growPipe(fd int) { unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeSize) }

// pipeToSocket splices with NONBLOCK so that stop can interrupt the wait for
// input. EAGAIN then means an empty pipe, mostly, or a full socket: input is
// waited for first, and the socket when there is input and it still does not go.
func pipeToSocket(rc syscall.RawConn, in *Input, m *Meter, stop *Stop) (bool, error) {
	moved, waited := false, false
	var beat pace
	for {
		beat.step()
		var n int64
		var err error
		werr := rc.Write(func(fd uintptr) bool {
			for {
				n, err = splice(in.fd, int(fd), pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
				switch {
				case err == unix.EINTR:
					continue
				case err == unix.EAGAIN && waited:
					waited = false
					waitOutput(int(fd))
					continue
				}
				return true
			}
		})
		switch {
		case werr != nil:
			return true, werr
		case n > 0:
			moved, waited = true, false
			m.Add(int(n))
		case err == unix.EAGAIN:
			if err := in.wait(stop); err != nil {
				return true, endOfInput(err)
			}
			waited = true
		case err == unix.EINVAL && !moved:
			return false, nil
		case err != nil:
			return true, os.NewSyscallError("splice", err)
		default:
			return true, nil
		}
	}
}

// endOfInput turns the end that a wait saw into the nil of a finished copy.
func endOfInput(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func fileToSocket(rc syscall.RawConn, in *Input, m *Meter, stop *Stop) (bool, error) {
	moved := false
	var beat pace
	for {
		beat.step()
		if stop.stopped() {
			return true, ErrStopped
		}
		var n int
		var err error
		werr := rc.Write(func(fd uintptr) bool {
			for {
				n, err = unix.Sendfile(int(fd), in.fd, nil, 4<<20)
				if err == unix.EAGAIN {
					waitOutput(int(fd))
				}
				if err != unix.EINTR && err != unix.EAGAIN {
					return true
				}
			}
		})
		switch {
		case werr != nil:
			return true, werr
		case n > 0:
			moved = true
			m.Add(n)
		case err != nil && !moved && (err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOVERFLOW):
			return false, nil
		case err != nil:
			return true, os.NewSyscallError("sendfile", err)
		default:
			return true, nil
		}
	}
}

// socketInToSocket serves an input that is itself a socket (inetd, ssh's ProxyUseFdpass and the like).
func socketInToSocket(rc syscall.RawConn, in *Input, m *Meter, stop *Stop) (bool, error) {
	p, err := newPrivatePipe()
	if err != nil {
		return false, nil
	}
	defer p.close()
	moved := false
	for {
		if err := in.wait(stop); err != nil {
			return true, endOfInput(err)
		}
		n, err := splice(in.fd, p.w, pipeSize, unix.SPLICE_F_MOVE)
		switch {
		case err == unix.EINTR || err == unix.EAGAIN:
			continue
		case err != nil && !moved:
			return false, nil // a kind of socket that cannot be spliced
		case err != nil:
			return true, fmt.Errorf("%w: %w", ErrInput, os.NewSyscallError("splice", err))
		case n == 0:
			return true, nil
		}
		moved = true
		if err := p.drainToSocket(rc, n, m); err != nil {
			return true, err
		}
	}
}

// spliceOut is Receive without copying; it reports false, having moved
// nothing, when the pair must be copied.
func spliceOut(out *os.File, conn net.Conn, m *Meter) (bool, error) {
	rc := rawStream(conn)
	if rc == nil {
		return false, nil
	}
	fd := int(out.Fd())
	if _, tcp := conn.(*net.TCPConn); tcp && isNull(fd) {
		return true, discard(rc, m)
	}
	switch kindOf(fd) {
	case terminal:
		return false, nil
	case pipe:
		growPipe(fd)
		return socketToPipe(fd, rc, m)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_APPEND != 0 {
		return false, nil // splice(2) refuses files opened to append
	}
	return socketToFile(fd, rc, m)
}

// isNull says whether a descriptor is /dev/null.
func isNull(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}

// discard receives for /dev/null: of TCP, MSG_TRUNC takes bytes away without copying them anywhere (tcp(7)).
func discard(rc syscall.RawConn, m *Meter) error {
	nobody := make([]byte, 4<<20) // never written to
	var beat pace
	for {
		beat.step()
		var n int
		var err error
		rerr := rc.Read(func(fd uintptr) bool {
			for {
				n, _, err = unix.Recvfrom(int(fd), nobody, unix.MSG_TRUNC)
				if err == unix.EAGAIN {
					waitInput(int(fd))
				}
				if err != unix.EINTR && err != unix.EAGAIN {
					return true
				}
			}
		})
		switch {
		case rerr != nil:
			return rerr
		case err != nil:
			return os.NewSyscallError("recv", err)
		case n == 0:
			return nil
		}
		m.Add(n)
	}
}

// socketToPipe splices without NONBLOCK: the wait for room in the pipe happens
// inside the call. With NONBLOCK a full pipe would look like an empty socket
// that is readable, and the loop would spin. The wait for the socket happens
// outside: the call keeps the pipe locked meanwhile, and who reads the pipe
// would not get what is in it before the peer's next bytes.
func socketToPipe(out int, rc syscall.RawConn, m *Meter) (bool, error) {
	moved := false
	var beat pace
	for {
		beat.step()
		var n int64
		var err error
		rerr := rc.Read(func(fd uintptr) bool {
			for {
				waitInput(int(fd))
				n, err = splice(int(fd), out, pipeSize, unix.SPLICE_F_MOVE)
				switch err {
				case unix.EINTR:
					continue
				case unix.EAGAIN: // somebody else made the pipe non-blocking
					if fullFD(out) {
						waitOutput(out)
					}
					continue
				}
				return true
			}
		})
		switch {
		case rerr != nil:
			return true, rerr
		case n > 0:
			moved = true
			m.Add(int(n))
		case err == unix.EINVAL && !moved:
			return false, nil
		case err == unix.EPIPE:
			return true, fmt.Errorf("%w: %w", ErrOutput, err)
		case err != nil:
			return true, os.NewSyscallError("splice", err)
		default:
			return true, nil
		}
	}
}

// spliceBetween is Between without copying.
func spliceBetween(dst, src net.Conn, m *Meter) (bool, error) {
	from, to := rawStream(src), rawStream(dst)
	if from == nil || to == nil {
		return false, nil
	}
	return throughPipe(from, func(p *privatePipe, n int64) (bool, error) { return false, p.drainToSocket(to, n, m) })
}

// throughPipe moves everything that comes from a socket through a private
// pipe to where drain takes it, unless drain says that it has seen to the rest. It returns false, with nothing moved, where the
// system cannot do that.
func throughPipe(from syscall.RawConn, drain func(p *privatePipe, n int64) (all bool, err error)) (bool, error) {
	p, err := newPrivatePipe()
	if err != nil {
		return false, nil
	}
	defer p.close()
	var beat pace
	for first := true; ; first = false {
		beat.step()
		n, err := p.fillFromSocket(from)
		switch {
		case err != nil && first && errors.Is(err, unix.EINVAL):
			return false, nil
		case err != nil:
			return true, err
		case n == 0:
			return true, nil
		}
		if all, err := drain(p, n); all || err != nil {
			return true, err
		}
	}
}

// privatePipe is the pipe that splice(2) needs between two ends that are not pipes.
type privatePipe struct{ r, w int }

func newPrivatePipe() (*privatePipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	growPipe(fds[1])
	return &privatePipe{fds[0], fds[1]}, nil
}

func (p *privatePipe) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// fillFromSocket moves what the socket has into the empty pipe; 0 is the end.
func (p *privatePipe) fillFromSocket(rc syscall.RawConn) (int64, error) {
	var n int64
	var err error
	rerr := rc.Read(func(fd uintptr) bool {
		for {
			n, err = splice(int(fd), p.w, pipeSize, unix.SPLICE_F_MOVE)
			if err == unix.EAGAIN {
				waitInput(int(fd))
			}
			if err != unix.EINTR && err != unix.EAGAIN {
				return true
			}
		}
	})
	if rerr != nil {
		return 0, rerr
	}
	return n, os.NewSyscallError("splice", err)
}

func (p *privatePipe) drainToSocket(rc syscall.RawConn, left int64, m *Meter) error {
	for left > 0 {
		var n int64
		var err error
		werr := rc.Write(func(fd uintptr) bool {
			for {
				n, err = splice(p.r, int(fd), int(left), unix.SPLICE_F_MOVE)
				if err == unix.EAGAIN {
					waitOutput(int(fd))
				}
				if err != unix.EINTR && err != unix.EAGAIN {
					return true
				}
			}
		})
		if werr != nil {
			return werr
		}
		if err != nil {
			return os.NewSyscallError("splice", err)
		}
		left -= n
		m.Add(int(n))
	}
	return nil
}

// splice is splice(2) without offsets; package unix counts by another type on each architecture.
func splice(from, to, n, flags int) (int64, error) {
	moved, err := unix.Splice(from, nil, to, nil, n, flags)
	return int64(moved), err
}
