package program

import (
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

// writerOnly hides what else a writer can do, so that copying goes through Write.
type writerOnly struct{ io.Writer }
