package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// canWatch says that the system tells what has passed on a connection that a program holds.
const canWatch = true

// tcpMeter asks the system about conn.
func tcpMeter(conn *net.TCPConn) meter {
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

// socketPair makes a pair of connected stream sockets.
func socketPair() (*net.UnixConn, *os.File, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(p[0]), "relay"), os.NewFile(uintptr(p[1]), "program")
	defer ours.Close()
	c, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c.(*net.UnixConn), theirs, nil
}

// terminal is the server's end of a pseudo-terminal.
type terminal struct{ *os.File }

// onTerminal gives the program a terminal and relays.
func (s session) onTerminal(ctx context.Context) (sandbox.Exit, error) {
	ours, theirs, err := pty.Open()
	if err != nil {
		return sandbox.Exit{}, fmt.Errorf("open a terminal: %w", err)
	}
	t := terminal{ours}
	err = t.set(theirs, 0)
	if err == nil {
		err = pty.Setsize(ours, &pty.Winsize{Rows: 24, Cols: 80})
	}
	if err == nil {
		// The session's user must be able to open nothing by it, but to write to it: it is passed open.
		return s.relay(ctx, t, theirs)
	}
	ours.Close()
	theirs.Close()
	return sandbox.Exit{}, fmt.Errorf("set up a terminal: %w", err)
}

// set makes the terminal pass bytes as they are; local may add unix.ICANON.
func (t terminal) set(f *os.File, local uint32) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		var now *unix.Termios
		if now, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		now.Iflag, now.Oflag, now.Lflag = 0, 0, local
		now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
		if local != 0 {
			now.Cc[unix.VEOF] = endOfInput
		}
		err = unix.IoctlSetTermios(int(fd), unix.TCSETS, now)
	})
	return errors.Join(failed, err)
}

const endOfInput = 4 // ^D

// Read returns the end of the stream when the last process has closed the terminal.
func (t terminal) Read(p []byte) (int, error) {
	n, err := t.File.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

// CloseWrite tells the program that its input has ended. A terminal knows only one way to say so, the end
// character of a line mode, so it is put into that mode for it.
func (t terminal) CloseWrite() error {
	if err := t.set(t.File, unix.ICANON); err != nil {
		return err
	}
	_, err := t.Write([]byte{endOfInput})
	return err
}

func (t terminal) LocalAddr() net.Addr  { return terminalAddr{} }
func (t terminal) RemoteAddr() net.Addr { return terminalAddr{} }

type terminalAddr struct{}

func (terminalAddr) Network() string { return "terminal" }
func (terminalAddr) String() string  { return "terminal" }
