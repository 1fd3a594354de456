package relay

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// To write a file takes longer than to receive what is to be in it: the system finds pages for it and copies. So while one pipe is written out, the
// next ones are filled, by another thread. That is a third faster than a loop of both, for the same processor time.
const (
	bulk      = pipeSize / 4 // so much at once is worth a second thread
	bulkPipes = 4
)

func socketToFile(out int, rc syscall.RawConn, m *Meter) (bool, error) {
	return throughPipe(rc, func(p *privatePipe, n int64) (all bool, err error) {
		if err := p.drainToFile(out, n, m); err != nil || n < bulk {
			return false, err
		}
		return true, bulkToFile(out, rc, m)
	})
}

// filled is a pipe with so many bytes.
type filled struct {
	p *privatePipe
	n int64
}

// bulkToFile writes out the rest of what comes from a socket.
func bulkToFile(out int, rc syscall.RawConn, m *Meter) error {
	full, free := make(chan filled, bulkPipes), make(chan *privatePipe, bulkPipes)
	for i := range bulkPipes {
		p, err := newPrivatePipe()
		if err != nil {
			if i == 0 {
				return fmt.Errorf("make a pipe: %w", err)
			}
			break
		}
		defer p.close()
		free <- p
	}
	var failed error // of the socket
	go func() {
		defer close(full)
		var beat pace
		for p := range free {
			beat.step()
			n, err := p.fillFromSocket(rc)
			if failed = err; n == 0 || err != nil {
				return
			}
			full <- filled{p, n}
		}
	}()
	var beat pace
	for f := range full {
		beat.step()
		if err := f.p.drainToFile(out, f.n, m); err != nil {
			// The thread that waits for the socket ends with that.
			rc.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_RD) })
			close(free)
			for range full { // until it has
			}
			return err
		}
		free <- f.p
	}
	return failed
}

// drainToFile empties the pipe into out. What cannot be spliced (a device
// without the operation) is read and written: the bytes are already ours.
func (p *privatePipe) drainToFile(out int, left int64, m *Meter) error {
	for left > 0 {
		n, err := splice(p.r, out, int(left), unix.SPLICE_F_MOVE)
		switch err {
		case nil:
			left -= n
			m.Add(int(n))
			continue
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			if err := waitOutput(out); err != nil {
				return fmt.Errorf("%w: %w", ErrOutput, err)
			}
			continue
		case unix.EINVAL:
			if err := p.copyToFile(out, left, m); err != nil {
				return err
			}
			left = 0
		default:
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
	}
	return nil
}

func (p *privatePipe) copyToFile(out int, left int64, m *Meter) error {
	buf := make([]byte, 64<<10)
	for left > 0 {
		n, err := unix.Read(p.r, buf[:min(int64(len(buf)), left)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if err := writeFD(out, buf[:n]); err != nil {
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
		left -= int64(n)
		m.Add(n)
	}
	return nil
}
