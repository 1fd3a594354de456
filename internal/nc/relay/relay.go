// Package relay moves bytes between a process's descriptors and a connection
// as fast as the system can, and never spins.
//
//	in := relay.NewInput(os.Stdin)
//	var sent, got relay.Meter
//	go func() { relay.Send(conn, in, &sent, nil); conn.CloseWrite() }()
//	err := relay.Receive(os.Stdout, conn, &got)
//
// On Linux bytes between pipes, files and stream sockets do not pass through
// the process: splice(2) and sendfile(2) move them. Terminals, files opened to
// append, TLS and everything on other systems are copied through one buffer.
//
// An error that wraps [ErrInput] or [ErrOutput] came from the descriptor, any
// other from the connection.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// BufferSize is the size of the buffer that the copying path uses.
const BufferSize = 256 << 10

// The side an error came from.
var (
	ErrInput  = errors.New("read input")
	ErrOutput = errors.New("write output")
)

// ErrStopped is returned by [Input.Read] and [Send] after [Stop.Stop].
var ErrStopped = errors.New("input stopped")

// A Meter counts the bytes of one direction and remembers when the last moved.
// Its methods may be called at any time, by anyone. The nil Meter counts nothing.
type Meter struct {
	bytes atomic.Int64
	moved atomic.Int64 // Unix nanoseconds
	timed bool
}

// Timed makes the meter remember when bytes moved, which costs a clock
// reading for every chunk. It must be called before the meter is used.
func (m *Meter) Timed() { m.timed = true }

// Add counts n bytes.
func (m *Meter) Add(n int) {
	if m == nil || n <= 0 {
		return
	}
	m.bytes.Add(int64(n))
	if m.timed {
		m.moved.Store(time.Now().UnixNano())
	}
}

// Touch sets the time as if bytes had been counted.
func (m *Meter) Touch() {
	if m.timed {
		m.moved.Store(time.Now().UnixNano())
	}
}

// Bytes returns the number of bytes counted so far.
func (m *Meter) Bytes() int64 { return m.bytes.Load() }

// Moved returns when bytes were last counted; the zero time before that.
func (m *Meter) Moved() time.Time {
	if ns := m.moved.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Still returns a channel that is closed when none of the meters, which are
// timed, has moved for limit. It ends with ctx.
func Still(ctx context.Context, limit time.Duration, meters ...*Meter) <-chan struct{} {
	still := make(chan struct{})
	last := time.Now()
	var watch func()
	watch = func() {
		for _, m := range meters {
			if t := m.Moved(); t.After(last) {
				last = t
			}
		}
		switch left := limit - time.Since(last); {
		case ctx.Err() != nil:
		case left > 0:
			time.AfterFunc(left, watch)
		default:
			close(still)
		}
	}
	time.AfterFunc(limit, watch)
	return still
}

// Send copies in to conn until the end of in (then it returns nil), an error,
// or stop. It does not close anything.
func Send(conn net.Conn, in *Input, m *Meter, stop *Stop) error {
	if done, err := spliceIn(conn, in, m, stop); done {
		return err
	}
	return Copy(conn, in, m, stop)
}

// Copy is [Send] through a buffer, for any writer.
func Copy(w io.Writer, in *Input, m *Meter, stop *Stop) error {
	buf := make([]byte, in.bufferSize())
	for {
		n, err := in.Read(buf, stop)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			m.Add(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Receive copies conn to out until the end of conn (then it returns nil) or an error.
func Receive(out *os.File, conn net.Conn, m *Meter) error {
	if done, err := spliceOut(out, conn, m); done {
		return err
	}
	buf := make([]byte, BufferSize)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if werr := WriteAll(out, buf[:n]); werr != nil {
				return werr
			}
			m.Add(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Cut closes a connection that goroutines of this package may be using. Close
// alone would wait for them.
func Cut(conn net.Conn) error {
	c := conn
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
		conn.Close() // TLS says good-bye first
	}
	if s, ok := c.(interface {
		CloseRead() error
		CloseWrite() error
	}); ok {
		s.CloseRead()
		s.CloseWrite()
	}
	return conn.Close()
}

// CloseWrite ends the sending half of a stream; a packet socket has none.
func CloseWrite(conn net.Conn) error {
	if cw, ok := conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// WriteAll writes p to a descriptor; its error wraps [ErrOutput].
func WriteAll(out *os.File, p []byte) error {
	if err := writeAll(out, p); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}

// Between copies src to dst, two connections, until the end of src (then it
// returns nil) or an error.
func Between(dst, src net.Conn, m *Meter) error {
	if done, err := spliceBetween(dst, src, m); done {
		return err
	}
	buf := make([]byte, BufferSize)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				return werr
			}
			m.Add(n)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
