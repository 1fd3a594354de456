package sock

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a connection that was accepted by a listener of [Own]. It has what a *net.TCPConn has, errors and deadlines included, and like there any
// number of goroutines may call its methods at the same time. Who does not close it loses a descriptor.
type Conn struct {
	fd     int
	remote netip.AddrPort
	polled atomic.Pointer[polled] // nil until a call has to wait; never nil again then

	whole sync.Mutex // held for a whole Write, so that no other's bytes come in between

	mu     sync.Mutex // held for each call on the bare descriptor
	closed bool
	rd, wd time.Time    // the deadlines
	twin   *net.TCPConn // see Standard
}

// polled is the descriptor, known to the runtime's poller.
type polled struct {
	file *os.File
	raw  syscall.RawConn
}

var (
	_ net.Conn        = (*Conn)(nil)
	_ syscall.Conn    = (*Conn)(nil)
	_ syscall.RawConn = (*rawConn)(nil)
	_ io.ReaderFrom   = (*Conn)(nil)
	_ io.WriterTo     = (*Conn)(nil)
)

// until calls f, which must not wait, until it says that it is done, as the Read and Write of a syscall.RawConn do; wait is one of them,
// and deadline the one that counts. The error is net.ErrClosed, os.ErrDeadlineExceeded, or why the poller cannot be had.
func (c *Conn) until(deadline *time.Time, wait func(syscall.RawConn, func(fd uintptr) bool) error, f func(fd uintptr) bool) error {
	if c.polled.Load() == nil {
		if done, err := c.atOnce(deadline, f); done || err != nil {
			return err
		}
	}
	err := wait(c.polled.Load().raw, f)
	if err != nil && err != os.ErrDeadlineExceeded {
		err = net.ErrClosed
	}
	return err
}

// atOnce calls f once while the descriptor is bare; where f is not done, it is bare no more.
func (c *Conn) atOnce(deadline *time.Time, f func(fd uintptr) bool) (done bool, err error) {
	bare, err := c.bare(deadline)
	if !bare {
		return false, err
	}
	defer c.mu.Unlock()
	if f(uintptr(c.fd)) {
		return true, nil
	}
	return false, c.poll()
}

// bare says whether the descriptor is bare, and then takes mu. The error is net.ErrClosed, or os.ErrDeadlineExceeded where a deadline has passed.
func (c *Conn) bare(deadline *time.Time) (ok bool, err error) {
	if c.polled.Load() != nil {
		return false, nil // who waits finds out the rest
	}
	c.mu.Lock()
	switch {
	case c.closed:
		err = net.ErrClosed
	case c.polled.Load() != nil:
	case deadline != nil && !deadline.IsZero() && !time.Now().Before(*deadline):
		err = os.ErrDeadlineExceeded
	default:
		return true, nil
	}
	c.mu.Unlock()
	return false, err
}

// poll makes the descriptor known to the poller; mu is held.
func (c *Conn) poll() error {
	if c.polled.Load() != nil {
		return nil
	}
	// What follows looks at the mode, which may be another program's by now.
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(c.fd), "tcp")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(c.rd) // fails where the poller did not take it
	}
	if err == nil {
		err = file.SetWriteDeadline(c.wd)
	}
	c.polled.Store(&polled{file, raw}) // also with an error: the descriptor is the file's
	if errors.Is(err, os.ErrNoDeadline) {
		// Of sockets it takes so many for each user (fs.epoll.max_user_watches).
		return os.NewSyscallError("epoll_ctl", unix.ENOSPC)
	}
	return err
}

// transfer is a Read or a Write under way. It is kept for the next, with its functions, so that neither takes memory.
type transfer struct {
	p    []byte
	n    int
	err  error
	recv func(fd uintptr) bool
	send func(fd uintptr) bool
}

var transfers = sync.Pool{New: func() any {
	t := new(transfer)
	t.recv = func(fd uintptr) bool {
		t.n, t.err = Recv(fd, t.p)
		return t.err != unix.EAGAIN
	}
	t.send = func(fd uintptr) bool {
		for t.n < len(t.p) {
			n, err := send(fd, t.p[t.n:])
			if t.err = err; err != nil {
				return err != unix.EAGAIN
			}
			t.n += n
		}
		return true
	}
	return t
}}

// begin returns a transfer of p. Whoever ends it has read what became of it.
func begin(p []byte) *transfer {
	t := transfers.Get().(*transfer)
	t.p, t.n, t.err = p, 0, nil
	return t
}

func (t *transfer) end() {
	t.p = nil
	transfers.Put(t)
}

// Read reads; see net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := begin(p)
	defer t.end()
	if err := c.until(&c.rd, syscall.RawConn.Read, t.recv); err != nil {
		return 0, c.opError("read", err)
	}
	switch {
	case t.err != nil:
		return 0, c.opError("read", os.NewSyscallError("recvfrom", t.err))
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// Write writes all of p, or says how much of it; see net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.whole.Lock()
	defer c.whole.Unlock()
	t := begin(p)
	defer t.end()
	if err := c.until(&c.wd, syscall.RawConn.Write, t.send); err != nil {
		return t.n, c.opError("write", err)
	}
	if t.err != nil {
		return t.n, c.opError("write", os.NewSyscallError("sendto", t.err))
	}
	return t.n, nil
}

// Recv reads from a socket of any kind, and never waits: it says EAGAIN then.
func Recv(fd uintptr, p []byte) (int, error) {
	return pass(unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

// send never waits either.
func send(fd uintptr, p []byte) (int, error) {
	return pass(unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

func pass(call, fd uintptr, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := unix.Syscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// Ended reads what has come into junk, without waiting, and says whether the stream is at its end, in order or not. Where much has come, it
// reads some of it.
func (c *Conn) Ended(junk []byte) (ended bool) {
	look := func(fd uintptr) {
		for range 8 {
			if n, err := Recv(fd, junk); n < len(junk) {
				ended = n == 0 && err != unix.EAGAIN
				return
			}
		}
	}
	if bare, _ := c.bare(nil); bare {
		defer c.mu.Unlock()
		look(uintptr(c.fd))
		return ended
	}
	return c.control(look) != nil || ended
}

// control calls f with the descriptor, unless the connection is closed.
func (c *Conn) control(f func(fd uintptr)) error {
	bare, err := c.bare(nil)
	if bare {
		defer c.mu.Unlock()
		f(uintptr(c.fd))
		return nil
	}
	if err == nil && c.polled.Load().raw.Control(f) != nil {
		err = net.ErrClosed
	}
	return err
}

// do is control for one system call.
func (c *Conn) do(op, call string, f func(fd int) error) error {
	var err error
	if failed := c.control(func(fd uintptr) { err = os.NewSyscallError(call, f(int(fd))) }); failed != nil {
		err = failed
	}
	return c.opError(op, err)
}

// CloseWrite ends the sending side.
func (c *Conn) CloseWrite() error {
	return c.do("close", "shutdown", func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// CloseRead ends the receiving side.
func (c *Conn) CloseRead() error {
	return c.do("close", "shutdown", func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
}

// Close closes the connection. Calls that wait return.
func (c *Conn) Close() error {
	c.mu.Lock()
	closed, p, twin := c.closed, c.polled.Load(), c.twin
	c.closed = true // from here on nobody uses the bare descriptor
	c.mu.Unlock()
	if closed {
		return c.opError("close", net.ErrClosed)
	}
	if p == nil {
		unix.Close(c.fd) // what it may say is of no use: the descriptor is gone
		return nil
	}
	if twin != nil {
		twin.Close()
	}
	p.file.Close()
	return nil
}

// SetDeadline sets both deadlines; see net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of reading; see net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(&c.rd, t, (*os.File).SetReadDeadline, (*net.TCPConn).SetReadDeadline)
}

// SetWriteDeadline sets the deadline of writing; see net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.wd, t, (*os.File).SetWriteDeadline, (*net.TCPConn).SetWriteDeadline)
}

func (c *Conn) setDeadline(own *time.Time, t time.Time, file func(*os.File, time.Time) error, twin func(*net.TCPConn, time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	*own = t
	if c.twin != nil {
		twin(c.twin, t)
	}
	if p := c.polled.Load(); p != nil {
		// Without the poller a call may still be done at once, and none waits.
		if err := file(p.file, t); !errors.Is(err, os.ErrNoDeadline) {
			return c.opError("set", err)
		}
	}
	return nil
}

// SetLinger sets what Close does with what was not sent yet; see (*net.TCPConn).SetLinger.
func (c *Conn) SetLinger(seconds int) error {
	l := unix.Linger{Onoff: 1, Linger: int32(seconds)}
	if seconds < 0 {
		l = unix.Linger{}
	}
	return c.do("set", "setsockopt", func(fd int) error { return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l) })
}

// SetKeepAlive says whether the system asks now and then whether the peer is alive, as often as it is set up to.
func (c *Conn) SetKeepAlive(on bool) error {
	return c.option(unix.SOL_SOCKET, unix.SO_KEEPALIVE, truth(on))
}

// SetNoDelay says whether small pieces are sent at once. They are unless this was called.
func (c *Conn) SetNoDelay(on bool) error {
	return c.option(unix.IPPROTO_TCP, unix.TCP_NODELAY, truth(on))
}

// SetReadBuffer sets how many bytes the system keeps that were not read.
func (c *Conn) SetReadBuffer(bytes int) error {
	return c.option(unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
}

// SetWriteBuffer sets how many bytes the system keeps that were not taken by the peer.
func (c *Conn) SetWriteBuffer(bytes int) error {
	return c.option(unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}

func (c *Conn) option(level, name, value int) error {
	return c.do("set", "setsockopt", func(fd int) error { return unix.SetsockoptInt(fd, level, name, value) })
}

func truth(on bool) int {
	if on {
		return 1
	}
	return 0
}

// Remote returns the peer's address, that of IPv4 as such.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// RemoteAddr returns the peer's address, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// LocalAddr returns the address that the peer has connected to, a *net.TCPAddr; it is empty once the connection is closed.
func (c *Conn) LocalAddr() net.Addr {
	var local netip.AddrPort
	c.control(func(fd uintptr) {
		if sa, err := syscall.Getsockname(int(fd)); err == nil {
			local = addrPort(sa)
		}
	})
	if !local.IsValid() {
		return new(net.TCPAddr)
	}
	return net.TCPAddrFromAddrPort(local)
}

// SyscallConn returns access to the descriptor, as that of package net: whatever is called with it, and however long that takes, holds up no other
// call but Close.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.opError("raw", net.ErrClosed)
	}
	if err := c.poll(); err != nil {
		return nil, c.opError("raw", err)
	}
	return c.Raw(), nil
}

// Raw is SyscallConn for functions that never wait: the descriptor stays bare until one says that it is not done.
func (c *Conn) Raw() syscall.RawConn { return (*rawConn)(c) }

type rawConn Conn

func (r *rawConn) Control(f func(fd uintptr)) error { return (*Conn)(r).control(f) }

func (r *rawConn) Read(f func(fd uintptr) bool) error {
	return (*Conn)(r).until(&r.rd, syscall.RawConn.Read, f)
}

func (r *rawConn) Write(f func(fd uintptr) bool) error {
	return (*Conn)(r).until(&r.wd, syscall.RawConn.Write, f)
}

// Standard returns a connection of package net for the same socket, made at the first call: for what only that can do, as moving bytes within
// the kernel. It shares c's deadlines, and is closed with c.
func (c *Conn) Standard() (*net.TCPConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.opError("file", net.ErrClosed)
	}
	if c.twin != nil {
		return c.twin, nil
	}
	if err := c.poll(); err != nil {
		return nil, c.opError("file", err)
	}
	conn, err := net.FileConn(c.polled.Load().file)
	if err != nil {
		return nil, err
	}
	c.twin = conn.(*net.TCPConn)
	c.twin.SetReadDeadline(c.rd)
	c.twin.SetWriteDeadline(c.wd)
	return c.twin, nil
}

// ReadFrom sends what comes from r, where it can without taking it out of the kernel; see (*net.TCPConn).ReadFrom.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	twin, err := c.Standard()
	if err != nil {
		return 0, err
	}
	c.whole.Lock()
	defer c.whole.Unlock()
	return twin.ReadFrom(r)
}

// WriteTo receives into w, where it can without taking it out of the kernel; see (*net.TCPConn).WriteTo.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	twin, err := c.Standard()
	if err != nil {
		return 0, err
	}
	return twin.WriteTo(w)
}

// opError is the error as package net words it.
func (c *Conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}
