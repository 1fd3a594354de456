package secure

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	// gatherSize is how many bytes of records go to the system together: crypto/tls would make a call for each record of 16 KiB.
	gatherSize = 128 << 10
	readSize   = 64 << 10
)

// bulkConn is a TLS connection whose long writes, and reads, take few system calls.
type bulkConn struct {
	*tls.Conn
	below   *gather
	writing atomic.Int32
}

// Write writes p in as many records as it takes, and in fewer system calls. As with [tls.Conn], it may be called beside Read.
func (c *bulkConn) Write(p []byte) (int, error) {
	c.writing.Add(1)
	defer c.writing.Add(-1)
	c.below.hold(true)
	n, err := c.Conn.Write(p)
	if ferr := c.below.hold(false); err == nil {
		err = ferr
	}
	return n, err
}

// Read reads. An end that the peer has not told (close_notify) is [io.ErrUnexpectedEOF]: anybody in between can have cut the
// stream there. [tls.Conn] takes it for the end where a record ends.
func (c *bulkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF && c.below.ended.Load() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close says good-bye and closes. While a Write runs it breaks that off instead, as [tls.Conn] does: what Write gathered is under
// way outside of the TLS connection's Write, and the good-bye would wait for it.
func (c *bulkConn) Close() error {
	if c.writing.Load() > 0 {
		return c.below.Conn.Close()
	}
	return c.Conn.Close()
}

// NetConn returns the connection below TLS.
func (c *bulkConn) NetConn() net.Conn { return c.below.Conn }

// gather is the connection below TLS. While it holds, what is written to it waits until there is enough of it.
type gather struct {
	net.Conn
	in    *bufio.Reader
	ended atomic.Bool // the peer sends nothing more; TLS that has been told its end does not come to see that

	mu      sync.Mutex
	holding bool
	out     []byte
}

func newGather(c net.Conn) *gather { return &gather{Conn: c, in: bufio.NewReaderSize(c, readSize)} }

func (g *gather) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	if err == io.EOF {
		g.ended.Store(true)
	}
	return n, err
}

func (g *gather) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.holding {
		return g.Conn.Write(p)
	}
	g.out = append(g.out, p...)
	if len(g.out) < gatherSize {
		return len(p), nil
	}
	if err := g.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold begins or ends to hold back; at the end all is written.
func (g *gather) hold(on bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holding = on
	return g.flush()
}

func (g *gather) flush() error {
	if len(g.out) == 0 {
		return nil
	}
	_, err := g.Conn.Write(g.out)
	g.out = g.out[:0]
	return err
}
