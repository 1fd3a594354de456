package program

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// countedConn counts what passes.
type countedConn struct {
	net.Conn
	in, out atomic.Uint64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.out.Add(uint64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.in.Add(uint64(n))
	return n, err
}

func (c *countedConn) meter() (in, out uint64, alive bool) { return c.in.Load(), c.out.Load(), true }

const (
	smallPour = 2 << 10
	largePour = 128 << 10
)

// pour copies src to dst until the end. Its buffer is small as long as little comes, for thousands of sessions wait in here,
// and grows with what comes at once. When that is as much as it can be, bulk, unless it is nil, copies the rest.
func pour(dst io.Writer, src io.Reader, bulk func() error) error {
	buf := make([]byte, smallPour)
	for little := 0; ; {
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == largePour && bulk != nil:
			return bulk()
		case n == len(buf) && n < largePour:
			buf, little = make([]byte, 8*n), 0
		case n <= smallPour && len(buf) > smallPour:
			if little++; little == 8 {
				buf, little = make([]byte, smallPour), 0
			}
		default:
			little = 0
		}
	}
}
