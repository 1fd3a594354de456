package sandbox

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// channel is the server's end of a socket to the launcher or one of its slots. Each message is whole.
type channel struct {
	file *os.File
	raw  syscall.RawConn
}

// errGone says that the other side of a channel has ended, or that the channel was closed because of that. What was to be sent
// was not.
var errGone = errors.New("its process has ended")

// channelPair makes a channel and the other end of it.
func channelPair() (*channel, *os.File, error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	unix.SetNonblock(p[0], true)
	ours, theirs := os.NewFile(uintptr(p[0]), "launcher"), os.NewFile(uintptr(p[1]), "launcher")
	raw, err := ours.SyscallConn()
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, nil, err
	}
	return &channel{ours, raw}, theirs, nil
}

// send sends one message with descriptors, which may be closed afterwards.
func (c *channel) send(m []byte, fds ...int) error {
	var control []byte
	if len(fds) > 0 {
		var space [64 + 4*keptFDs]byte
		n := unix.CmsgSpace(4 * len(fds))
		h := (*unix.Cmsghdr)(unsafe.Pointer(&space))
		h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
		h.SetLen(unix.CmsgLen(4 * len(fds)))
		for i, fd := range fds {
			*(*int32)(unsafe.Pointer(&space[unix.CmsgLen(0)+4*i])) = int32(fd)
		}
		control = space[:n]
	}
	var err error
	failed := c.raw.Write(func(s uintptr) bool {
		_, err = unix.SendmsgN(int(s), m, control, nil, unix.MSG_NOSIGNAL)
		return err != unix.EAGAIN
	})
	if failed != nil || err == unix.EPIPE || err == unix.ECONNRESET {
		return errGone
	}
	return os.NewSyscallError("sendmsg", err)
}

// receive waits for an answer of a kind.
func (c *channel) receive(kind uint32) (a answer, err error) {
	var b [answerSize]byte
	n, err := c.read(b[:])
	if err != nil {
		return answer{}, err
	}
	a, ok := parseAnswer(b[:n])
	if !ok || a.kind != kind {
		return a, io.ErrUnexpectedEOF
	}
	return a, nil
}

// read waits for a message and reads it into b, which must be as long.
func (c *channel) read(b []byte) (n int, err error) {
	failed := c.raw.Read(func(s uintptr) bool {
		n, err = unix.Read(int(s), b)
		return err != unix.EAGAIN
	})
	switch {
	case failed != nil, err == unix.ECONNRESET, err == nil && n == 0:
		return 0, errGone
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	}
	return n, nil
}

func (c *channel) close() { c.file.Close() }
