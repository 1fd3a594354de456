package tube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

// ErrReset says that the peer ended the connection with a reset (TCP RST, or
// a pipe nobody reads any more) rather than with an orderly end of stream.
var ErrReset = errors.New("connection reset by the peer")

// ErrTooLong says that a wait would have needed more unread bytes than its
// limit allows (WithMaxBuffer, or the limit given to RecvAll). The bytes that
// came stay readable; Skip passes over them.
var ErrTooLong = errors.New("longer than the limit")

// gotLimit is how many of the last unread bytes an Error shows.
const gotLimit = 256

// Error is what every wait of a Tube returns when it did not get what it
// waited for. It is a net.Error. Use errors.Is to tell why:
//
//   - os.ErrDeadlineExceeded: the timeout, the view's or the context's deadline passed
//   - io.EOF: the stream ended and nothing was left unread
//   - io.ErrUnexpectedEOF: the stream ended in the middle; the bytes stay readable
//   - ErrReset: the peer reset the connection
//   - ErrTooLong: the limit on unread bytes was reached
//   - net.ErrClosed: the tube was closed here
//   - the context's cause, when a context ended the wait
type Error struct {
	Op   string // the method, in words: "recv until"
	Want string // what was waited for, quoted; "" where the method waits for anything
	Got  []byte // the last 256 bytes at most of what came instead, still unread
	N    int    // how many bytes came instead and are still unread
	Err  error  // why the wait ended

	from *stream // whose call it was; nil: no Tube's, as of Dial
}

// Error names the operation, what was waited for, why it ended and what came
// instead, in one line.
func (e *Error) Error() string {
	msg := e.Op
	if e.Want != "" {
		msg += " " + e.Want
	}
	msg += ": " + reason(e.Err)
	switch {
	case e.N == 0:
	case e.N > len(e.Got):
		msg += fmt.Sprintf("; %d bytes came instead, the last: %s", e.N, strconv.Quote(string(e.Got)))
	default:
		msg += "; came instead: " + strconv.Quote(string(e.Got))
	}
	return msg
}

// reason words the causes a person meets most often.
func reason(err error) string {
	switch err {
	case os.ErrDeadlineExceeded:
		return "timed out"
	case io.EOF:
		return "the stream has ended"
	case io.ErrUnexpectedEOF:
		return "the stream ended first"
	}
	return err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Is makes a context's deadline count as a timeout too.
func (e *Error) Is(target error) bool {
	if o, ok := target.(*owner); ok {
		if o.err == nil && e.from != nil && (e.from == o.stream || e.from.isOver(o.stream) || o.isOver(e.from)) {
			o.err = e
		}
		return o.err != nil
	}
	return target == os.ErrDeadlineExceeded && errors.Is(e.Err, context.DeadlineExceeded)
}

// Timeout says whether the wait ended because its time was up.
func (e *Error) Timeout() bool { return errors.Is(e, os.ErrDeadlineExceeded) }

// Temporary is the same as Timeout: waiting again may succeed.
func (e *Error) Temporary() bool { return e.Timeout() }

var _ net.Error = (*Error)(nil)

// Own returns the error of t's that err is or wraps, or nil: a program that talks with several peers finds out by it which
// one has failed. That is the *Error of a call on any view of t, or of a Tube above or below t, where [New] made one
// of the other, or of a connection whose NetConn method leads to it, as *tls.Conn's does.
//
// Read and ReadByte must return io.EOF itself, which does not say whose it is. So io.EOF and io.ErrUnexpectedEOF, which
// readers make of it, count as t's when they come without any *Error and Read or ReadByte on t has returned io.EOF.
func (t *Tube) Own(err error) error {
	if e, ok := err.(*Error); ok && e.from == t.stream {
		return e // as most are; it costs nothing
	}
	o := &owner{stream: t.stream}
	if errors.Is(err, o) {
		return o.err
	}
	var other *Error
	if t.toldEnd.Load() && !errors.As(err, &other) {
		for _, end := range []error{io.EOF, io.ErrUnexpectedEOF} {
			if errors.Is(err, end) {
				return end
			}
		}
	}
	return nil
}

// owner is what Own looks for with errors.Is, which goes into every branch of an error.
type owner struct {
	*stream
	err error
}

func (*owner) Error() string { return "an error of this tube" }

// isOver says whether s's bytes go through the other stream.
func (s *stream) isOver(other *stream) bool {
	for conn := s.conn; conn != nil; {
		switch c := conn.(type) {
		case *Tube:
			return c.stream == other || c.isOver(other)
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return false
		}
	}
	return false
}

// classify turns what the operating system says into the errors documented
// at Error; the system's own error stays in the chain.
func classify(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
		return net.ErrClosed
	case errors.Is(err, ErrReset):
		return err
	case isReset(err), errors.Is(err, io.ErrClosedPipe): // what net.Pipe and io.Pipe say when the other end is closed
		return fmt.Errorf("%w (%w)", ErrReset, err)
	case !errors.As(err, &errno) && errors.As(err, &timeout) && timeout.Timeout():
		// A connection from another library may have an error of its own for
		// a deadline. Not so ETIMEDOUT: that is the end of a TCP connection.
		return os.ErrDeadlineExceeded
	}
	return err
}
