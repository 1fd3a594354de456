//go:build unix

package relay

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Input is a descriptor that several sessions read one after another: a read
// that is stopped has taken no byte. It leaves the descriptor's flags alone,
// since other processes may share it. One goroutine reads at a time. A terminal
// is read only in its foreground: what is typed elsewhere is somebody else's.
type Input struct {
	f    *os.File
	fd   int
	kind kind
}

// NewInput makes an Input of f.
func NewInput(f *os.File) *Input {
	fd := int(f.Fd())
	return &Input{f: f, fd: fd, kind: kindOf(fd)}
}

// A Stop interrupts one reader of an Input.
type Stop struct {
	state atomic.Int32
	once  sync.Once // of the closing of w
	freed sync.Once // of the closing of fd
	fd, w int       // the pipe: poll sees the end of fd when w is closed
	grace time.Duration
	keep  func() bool
	turns atomic.Uint64

	// Moved, if set, is called by the reader of a terminal when it finds that the process has left the foreground (false), and
	// before it reads again there (true). It is set before the Stop is used.
	Moved func(foreground bool)
}

const (
	running int32 = iota
	lastWords
	stopped
)

// NewStop returns a Stop that has not happened, to be released. Its pipe is a
// bare one: os.Pipe would register both ends with the poller, which nobody waits
// in, and that is a tenth of the system calls of a short session.
func NewStop() (*Stop, error) {
	var p [2]int
	syscall.ForkLock.RLock()
	err := unix.Pipe(p[:])
	if err == nil {
		unix.CloseOnExec(p[0])
		unix.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	return &Stop{fd: p[0], w: p[1]}, nil
}

// Stop makes the reads that use s return [ErrStopped], those that wait and all later ones.
func (s *Stop) Stop() {
	s.state.Store(stopped)
	s.wake()
}

// WhenIdle stops the reader as soon as the input has had nothing for grace and
// keep, asked then and after each further grace, says no.
func (s *Stop) WhenIdle(grace time.Duration, keep func() bool) {
	s.grace, s.keep = grace, keep
	s.state.CompareAndSwap(running, lastWords)
	s.wake()
}

func (s *Stop) wake() { s.once.Do(func() { unix.Close(s.w) }) }

// Turn counts how often the reader has begun and ended to wait for input: an
// odd number while it waits, an even one while it passes on what it has read.
func (s *Stop) Turn() uint64 { return s.turns.Load() }

// Release frees the Stop's descriptors. No read may use it any more.
func (s *Stop) Release() { s.Stop(); s.freed.Do(func() { unix.Close(s.fd) }) }

// Read waits for bytes, the end, or stop (which may be nil).
func (in *Input) Read(p []byte, stop *Stop) (int, error) {
	for {
		if in.kind != regular {
			if err := in.wait(stop); err != nil {
				return 0, err
			}
		} else if stop.stopped() {
			return 0, ErrStopped
		}
		n, err := unix.Read(in.fd, p)
		switch {
		case n > 0:
			return n, nil
		case err == unix.EINTR || err == unix.EAGAIN:
			continue
		case err == unix.EIO && in.kind == terminal:
			return 0, io.EOF // the terminal is gone
		case err != nil:
			return 0, fmt.Errorf("%w: %w", ErrInput, err)
		}
		return 0, io.EOF
	}
}

// Ready reports whether a Read would return at once.
func (in *Input) Ready() bool {
	if in.kind == regular {
		return true
	}
	if in.Background() {
		return false
	}
	pfd := []unix.PollFd{{Fd: int32(in.fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(pfd, 0)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n > 0
	}
}

// Terminal reports whether the input is a terminal.
func (in *Input) Terminal() bool { return in.kind == terminal }

// Regular reports whether the input is a file.
func (in *Input) Regular() bool { return in.kind == regular }

func (s *Stop) stopped() bool { return s != nil && s.state.Load() == stopped }

// wait blocks until the descriptor can be read or stop has happened.
func (in *Input) wait(stop *Stop) error {
	if stop != nil {
		stop.turns.Add(1)
		defer stop.turns.Add(1)
	}
	pfd := []unix.PollFd{{Fd: int32(in.fd)}, {Fd: -1}}
	for away := false; ; {
		timeout := -1
		if now := in.Background(); now != away {
			away = now
			if stop != nil && stop.Moved != nil {
				stop.Moved(!away)
			}
		}
		pfd[0].Events = unix.POLLIN
		if away {
			pfd[0].Events = 0 // only its end
			timeout = int(lookAgain.Milliseconds())
		}
		pfd[1].Fd = -1
		last := false
		if stop != nil {
			switch stop.state.Load() {
			case running:
				pfd[1] = unix.PollFd{Fd: int32(stop.fd), Events: unix.POLLIN}
			case lastWords:
				last, timeout = true, int(stop.grace.Milliseconds())
			default:
				return ErrStopped
			}
		}
		n, err := unix.Poll(pfd, timeout)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("%w: %w", ErrInput, err)
		case pfd[0].Revents&unix.POLLNVAL != 0:
			return io.EOF // closed by whoever started us
		case pfd[0].Revents == unix.POLLIN && in.Background():
			// It has moved while it waited.
		case pfd[0].Revents != 0:
			return nil
		case n == 0 && last && (stop.keep == nil || !stop.keep()):
			return ErrStopped
		}
	}
}

// lookAgain is how often a process in the background looks whether it still is: some shells only give it the terminal.
const lookAgain = 200 * time.Millisecond

// Background reports whether the input is the terminal of a process that is in the background there: to read it, or to change
// its state, would stop the process. One that no shell can bring back is not in the background; its terminal has ended.
func (in *Input) Background() bool {
	if in.kind != terminal {
		return false
	}
	group, err := unix.IoctlGetInt(in.fd, unix.TIOCGPGRP)
	if err != nil || group == unix.Getpgrp() {
		return false
	}
	own, err := unix.Getsid(0)
	if err != nil {
		return true
	}
	parents, err := unix.Getsid(os.Getppid())
	return err == nil && own == parents
}

func (in *Input) bufferSize() int {
	if in.kind == terminal {
		return 4 << 10
	}
	return BufferSize
}

// writeAll writes through the descriptor itself: *os.File would raise SIGPIPE
// for descriptors 1 and 2, and a reader that has gone is a result here.
func writeAll(out *os.File, p []byte) error { return writeFD(int(out.Fd()), p) }

func writeFD(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if n > 0 {
			p = p[n:]
		}
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			if err := waitOutput(fd); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// waitOutput blocks until fd takes bytes, or never will again.
func waitOutput(fd int) error {
	pfd := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		if _, err := unix.Poll(pfd, -1); err != unix.EINTR {
			return err
		}
	}
}

// waitInput blocks until fd has bytes, or never will again.
func waitInput(fd int) error {
	pfd := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(pfd, -1); err != unix.EINTR {
			return err
		}
	}
}

type kind int

const (
	other kind = iota
	pipe
	regular
	socket
	terminal
)

func kindOf(fd int) kind {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return other
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return pipe
	case unix.S_IFREG:
		return regular
	case unix.S_IFSOCK:
		return socket
	case unix.S_IFCHR:
		if isTerminal(fd) {
			return terminal
		}
	}
	return other
}
