package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// canWatch says that the system tells what has passed on a connection that a program holds.
const canWatch = true

// tcpMeter asks the system about conn.
func tcpMeter(conn syscall.Conn) meter {
	raw, err := conn.SyscallConn()
	return func() (in, out uint64, alive bool) {
		if err != nil {
			return 0, 0, false
		}
		failed := raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				return
			}
			const tcpClose = 7 // reset by the player
			in, out, alive = info.Bytes_received, info.Bytes_sent-info.Bytes_retrans, info.State != tcpClose
		})
		return in, out, alive && failed == nil
	}
}

// terminal is the server's end of a pseudo-terminal.
type terminal struct{ *os.File }

// openTerminal makes a pseudo-terminal of 80 by 24. The server's end does not block: each session would hold a thread of the system's.
func openTerminal() (ours, theirs *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	ours = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		ours.Close()
		return nil, nil, os.NewSyscallError("ioctl TIOCSPTLCK", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		ours.Close()
		return nil, nil, os.NewSyscallError("ioctl TIOCSWINSZ", err)
	}
	// Not by its name, which is another's where /dev/pts is.
	end, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		ours.Close()
		return nil, nil, os.NewSyscallError("ioctl TIOCGPTPEER", errno)
	}
	return ours, os.NewFile(end, "terminal"), nil
}

// onTerminal gives the program a terminal and relays.
func (s *session) onTerminal(ctx context.Context) (sandbox.Exit, error) {
	ours, theirs, err := openTerminal()
	if err != nil {
		return sandbox.Exit{}, fmt.Errorf("open a terminal: %w", err)
	}
	t := terminal{ours}
	err = t.change(func(now *unix.Termios) {
		now.Iflag, now.Oflag, now.Lflag = 0, 0, 0
		// With one byte wanted the pause between bytes never counts, except for a read that waits when
		// the input ends: see endInput.
		now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 1
	})
	if err == nil {
		// The session's user must be able to open nothing by it, but to write to it: it is passed open.
		return s.relay(ctx, t, theirs, t.endInput)
	}
	ours.Close()
	theirs.Close()
	return sandbox.Exit{}, fmt.Errorf("set up a terminal: %w", err)
}

// change changes the terminal's settings.
func (t terminal) change(settings func(*unix.Termios)) error {
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		var now *unix.Termios
		if now, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		settings(now)
		err = unix.IoctlSetTermios(int(fd), unix.TCSETS, now)
	})
	return errors.Join(failed, err)
}

// Read returns the end of the stream when the last process has closed the terminal. Nobody will read what is still written then:
// a full terminal would say that it takes more, and take nothing, for ever.
func (t terminal) Read(p []byte) (int, error) {
	n, err := t.File.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
		t.SetWriteDeadline(past)
	}
	return n, err
}

// endInput tells the program that its input has ended, whenever it reads until ctx ends. A terminal knows only
// one way to say so, the end character of a line mode, and it ends one read. It is put into that mode once
// the program has read everything, because a line mode would cut long lines and take bytes of the input for its
// own. A read that was waiting in the mode before takes the character, and then returns for the pause between bytes.
func (t terminal) endInput(ctx context.Context) error {
	const (
		longest = 50 * time.Millisecond
		again   = 250 * time.Millisecond // longer than the pause between bytes, which each end starts anew
	)
	next := time.NewTimer(0)
	defer next.Stop()
	lines := false
	for pause := time.Millisecond; ; pause = min(2*pause, max(pause, longest)) {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		read, err := t.allRead()
		if err == nil && read && !lines {
			lines = true
			err = t.change(func(now *unix.Termios) {
				now.Lflag |= unix.ICANON
				now.Cc[unix.VEOF] = endOfInput
			})
		}
		if err == nil && read {
			pause = again
			_, err = t.Write([]byte{endOfInput})
		}
		if err != nil {
			return err
		}
		next.Reset(pause)
	}
}

const endOfInput = 4 // ^D

// allRead says whether the program has read all that was written. Asking the program's end is the only way to know:
// poll also waits for what the system has not handed over yet. But a program in the middle of a read may have made room
// for more (4,095 bytes) without having asked for it, and a line mode would then throw away what does not fit. So
// whoever reads is waited for, which changing the settings does, and the question is put again: as often as what
// the system holds back (8 KiB and the page that exceeds them) can fill the room.
func (t terminal) allRead() (bool, error) {
	raw, err := t.SyscallConn()
	if err != nil {
		return false, err
	}
	var ready int
	failed := raw.Control(func(fd uintptr) {
		end, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		switch errno {
		case 0:
		case unix.EMFILE, unix.ENFILE: // others end: ask again
			ready = -1
			return
		default:
			err = os.NewSyscallError("ioctl TIOCGPTPEER", errno)
			return
		}
		defer unix.Close(int(end))
		for range 5 {
			for {
				// The runtime's own signals interrupt it, although it does not wait.
				if ready, err = unix.Poll([]unix.PollFd{{Fd: int32(end), Events: unix.POLLIN}}, 0); err != unix.EINTR {
					break
				}
			}
			if ready != 0 || err != nil {
				return
			}
			if err = t.change(func(*unix.Termios) {}); err != nil {
				return
			}
		}
	})
	return ready == 0, errors.Join(failed, err)
}

func (t terminal) LocalAddr() net.Addr  { return terminalAddr{} }
func (t terminal) RemoteAddr() net.Addr { return terminalAddr{} }

type terminalAddr struct{}

func (terminalAddr) Network() string { return "terminal" }
func (terminalAddr) String() string  { return "terminal" }
