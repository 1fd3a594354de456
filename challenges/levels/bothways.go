package levels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	// bothwaysSize is more than both kernels hold in both directions, so a player who sends everything
	// before reading anything gets stuck. 4 MiB is not: Linux lets a socket's buffers grow to 4 and 6 MiB.
	bothwaysSize   = 16 << 20
	bothwaysBuffer = 256 << 10        // the server's own share of that, fixed so that it does not grow
	bothwaysStall  = 10 * time.Second // in which a player who reads takes at least a byte
	bothwaysIdle   = time.Minute
	bothwaysTime   = 5 * time.Minute
)

var echoBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// bothways: full duplex and back-pressure. The server sends every byte back as it comes, and reads no
// further while the player does not take what was sent.
func bothways(Options) Level { return bothwaysWith(bothwaysStall) }

func bothwaysWith(stall time.Duration) Level {
	return tcp(bothwaysText, func(_ context.Context, p *player) error {
		if c, ok := p.Conn().(tube.TCPConn); ok {
			c.SetReadBuffer(bothwaysBuffer)
			c.SetWriteBuffer(bothwaysBuffer)
		}
		if err := p.greet("BYTES " + strconv.Itoa(bothwaysSize)); err != nil {
			return err
		}
		buf := echoBuffers.Get().(*[32 << 10]byte)
		defer echoBuffers.Put(buf)
		for total := 0; total < bothwaysSize; {
			n, err := p.Read(buf[:min(len(buf), bothwaysSize-total)])
			switch {
			case err == io.EOF:
				return p.no("You ended after %d of %d bytes.", total, bothwaysSize)
			case errors.Is(err, os.ErrDeadlineExceeded):
				p.no("Nothing came for %v: you have sent %d of %d bytes.", bothwaysIdle, total, bothwaysSize)
				return err
			case err != nil:
				return err
			case total == 0 && isHint(string(buf[:n])):
				return p.sayHint()
			}
			total += n
			p.midLine = true
			if err := echo(p.Tube, buf[:n], stall); errors.Is(err, os.ErrDeadlineExceeded) {
				return tellStuck(p, total, stall)
			} else if err != nil {
				return err
			}
		}
		return p.won()
	})
}

// echo sends b; it gives up when the player takes nothing at all for the time stall.
func echo(t *tube.Tube, b []byte, stall time.Duration) error {
	for {
		n, err := t.Within(stall).Write(b)
		b = b[n:]
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// tellStuck frees a player who is stuck in sending, by reading the rest away, so that the player comes
// to reading and finds out why at the end of what was sent.
func tellStuck(p *player, total int, stall time.Duration) error {
	buf := echoBuffers.Get().(*[32 << 10]byte)
	defer echoBuffers.Put(buf)
	for n := total; n < bothwaysSize; {
		m, err := p.Within(stall).Read(buf[:]) // each: all of it can take longer, and who still sends would never read what follows
		if err != nil {
			break
		}
		n += m
	}
	return p.no("Deadlock: of the %d bytes that had come I sent back what fits the buffers between us, and for %v you took none: you send everything before you read.", total, stall)
}

func solveBothways(_ context.Context, t *tube.Tube) (string, error) {
	count, err := await(t, "BYTES")
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", fmt.Errorf("read count of bytes: %w", err)
	}
	sent := make(chan error, 1)
	go func() {
		var zeros [32 << 10]byte
		var err error
		for left := n; left > 0 && err == nil; {
			var m int
			m, err = t.Write(zeros[:min(left, len(zeros))])
			left -= m
		}
		sent <- err
	}()
	_, err = io.CopyN(io.Discard, t, int64(n))
	if err != nil {
		t.Abort() // the sender must not wait for a server that is gone
	}
	if err := errors.Join(err, <-sent); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
