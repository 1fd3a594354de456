package chal

import (
	"os"
	"syscall"
)

// lot is an epoll set of the connections that nobody reads from now. The goroutine that watches it holds no thread: the
// set itself is watched by Go's own.
type lot struct {
	set    *os.File
	raw    syscall.RawConn
	parked map[int32]*session // by descriptor; guarded by srv.mu
}

func openLot() (*lot, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // so that os.NewFile makes it one to wait for
		syscall.Close(fd)
		return nil, err
	}
	l := &lot{set: os.NewFile(uintptr(fd), "parked connections"), parked: make(map[int32]*session)}
	if l.raw, err = l.set.SyscallConn(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lot) close() { l.set.Close() }

// watch calls heard for each descriptor on which something happens, until the lot is closed. It may be called for one that
// has just left, or for another connection that has the number now: that one goes on too early, which costs a stack.
func (l *lot) watch(heard func(fd int32)) {
	var events [128]syscall.EpollEvent
	for {
		n := 0
		err := l.raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			heard(e.Fd)
		}
	}
}

// add puts c in.
func (l *lot) add(conn syscall.Conn, c *session) (number int32, ok bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	raw.Control(func(fd uintptr) {
		number = int32(fd)
		event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: number}
		ok = l.control(syscall.EPOLL_CTL_ADD, int(fd), &event) == nil
	})
	if ok {
		l.parked[number] = c
	}
	return number, ok
}

// remove takes a connection out. It is still open: who parks has no goroutine that could close it.
func (l *lot) remove(number int32) {
	delete(l.parked, number)
	l.control(syscall.EPOLL_CTL_DEL, int(number), nil)
}

func (l *lot) control(op, fd int, event *syscall.EpollEvent) (err error) {
	if e := l.raw.Control(func(set uintptr) { err = syscall.EpollCtl(int(set), op, fd, event) }); e != nil {
		return e
	}
	return err
}
