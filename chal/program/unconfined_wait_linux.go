package program

import (
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// closeInherited makes programs inherit no descriptor but those that are theirs. Go's own are so already; what flagstaff was
// started with is not.
func closeInherited() {
	const first = 3
	if unix.CloseRange(first, 1<<32-1, unix.CLOSE_RANGE_CLOEXEC) != nil { // before Linux 5.11
		closeListed(first)
	}
}

func closeListed(first int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil { // there is no /proc
		closeUpTo(first)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// minder waits for programs to end and reads their standard error: one goroutine for all of a handler's, and no thread,
// since its epoll set is itself watched by Go's own.
type minder struct {
	set *os.File
	raw syscall.RawConn
	run sync.WaitGroup

	mu     sync.Mutex
	last   int32
	minded map[int32]*minded
}

// What an event of the set is about: its Pad.
const (
	aboutEnd int32 = iota
	aboutStderr
)

func newMinder() (*minder, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that os.NewFile makes it one to wait for
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	m := &minder{set: os.NewFile(uintptr(fd), "programs"), minded: make(map[int32]*minded)}
	if m.raw, err = m.set.SyscallConn(); err != nil {
		m.set.Close()
		return nil, err
	}
	m.run.Go(m.watch)
	return m, nil
}

func (m *minder) close() {
	m.set.Close()
	m.run.Wait()
}

func (m *minder) watch() {
	var events [128]unix.EpollEvent
	buf := make([]byte, keptStderr)
	for {
		n := 0
		err := m.raw.Read(func(fd uintptr) bool {
			for err := error(unix.EINTR); err == unix.EINTR; {
				n, err = unix.EpollWait(int(fd), events[:], 0)
			}
			return n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			m.mu.Lock()
			d := m.minded[e.Fd]
			m.mu.Unlock()
			switch {
			case d == nil: // another process was being started and still had its descriptors
			case e.Pad == aboutEnd:
				close(d.exited) // once, by EPOLLONESHOT
			default:
				d.read(buf)
			}
		}
	}
}

func (m *minder) control(op, fd int, event *unix.EpollEvent) (err error) {
	if e := m.raw.Control(func(set uintptr) { err = unix.EpollCtl(int(set), op, fd, event) }); e != nil {
		return e
	}
	return err
}

// minded is what a minder knows of one program.
type minded struct {
	m      *minder
	id     int32
	pidfd  int // -1: the system has none
	exited chan struct{}
	theirs int // the program's end of standard error; -1: there is none, or it has it

	mu     sync.Mutex
	stderr int // ours; -1: there is none, or it is over
	text   tail
}

// prepare makes what a program is started with.
func (m *minder) prepare(attr *syscall.SysProcAttr, stderr bool) (*minded, error) {
	d := &minded{m: m, pidfd: -1, exited: make(chan struct{}), theirs: -1, stderr: -1}
	attr.PidFD = &d.pidfd
	if !stderr {
		return d, nil
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	d.stderr, d.theirs = p[0], p[1]
	if _, err := unix.FcntlInt(uintptr(d.stderr), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		d.drop()
		return nil, os.NewSyscallError("fcntl", err)
	}
	return d, nil
}

// end is the program's end of its standard error.
func (d *minded) end() uintptr { return uintptr(d.theirs) }

// drop closes all descriptors.
func (d *minded) drop() {
	for _, fd := range []*int{&d.pidfd, &d.theirs, &d.stderr} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// started begins to mind the program.
func (d *minded) started() {
	if d.theirs >= 0 {
		unix.Close(d.theirs)
		d.theirs = -1
	}
	m := d.m
	m.mu.Lock()
	for m.last++; m.minded[m.last] != nil; m.last++ {
	}
	d.id = m.last
	m.minded[d.id] = d
	m.mu.Unlock()
	watch := func(fd *int, about int32, once uint32) {
		if *fd >= 0 && m.control(unix.EPOLL_CTL_ADD, *fd, &unix.EpollEvent{Events: unix.EPOLLIN | once, Fd: d.id, Pad: about}) != nil {
			unix.Close(*fd) // there is no room for it: a thread waits, and standard error is lost
			*fd = -1
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	watch(&d.stderr, aboutStderr, 0)
	watch(&d.pidfd, aboutEnd, unix.EPOLLONESHOT)
}

// wait waits until the program has ended, calls left for what is left of it, and says how it ended.
func (d *minded) wait(pid int, left func()) (status syscall.WaitStatus, usage syscall.Rusage, err error) {
	if d.pidfd >= 0 {
		<-d.exited
	} else {
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		}
	}
	left() // before its number may be another's
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = syscall.Wait4(pid, &status, 0, &usage)
	}
	d.m.mu.Lock()
	delete(d.m.minded, d.id)
	d.m.mu.Unlock()
	d.rest()
	return status, usage, err
}

// read reads once from standard error.
func (d *minded) read(buf []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stderr < 0 {
		return
	}
	n, err := unix.Read(d.stderr, buf)
	switch {
	case n > 0:
		d.text.Write(buf[:n])
	case err != unix.EAGAIN && err != unix.EINTR:
		d.over()
	}
}

// over ends standard error.
func (d *minded) over() {
	d.m.control(unix.EPOLL_CTL_DEL, d.stderr, nil)
	unix.Close(d.stderr)
	d.stderr = -1
}

var rests = sync.Pool{New: func() any { return new([keptStderr]byte) }}

// rest reads what is left of standard error, once the program has ended, and closes everything. What still writes there has left
// the program's group, and is not waited for.
func (d *minded) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stderr >= 0 {
		buf := rests.Get().(*[keptStderr]byte)
		for range mostRest / keptStderr {
			n, err := unix.Read(d.stderr, buf[:])
			if n > 0 {
				d.text.Write(buf[:n])
			} else if err != unix.EINTR {
				break
			}
		}
		rests.Put(buf)
		d.over()
	}
	d.drop()
}

// mostRest is what a pipe may hold, unless somebody has made it larger.
const mostRest = 64 << 10

// said is what has come on standard error.
func (d *minded) said() []byte { return d.text.end() }
