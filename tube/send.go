package tube

import (
	"io"
	"net"
	"os"
	"sync"
	"unsafe"
)

// Send sends s. When the error is a timeout, a part of s may have been sent;
// Write says how much. On a
// *tls.Conn given to New a timeout ends the sending direction for good.
func (t *Tube) Send(s string) error {
	// Write must not change or keep what it is given (io.Writer), so the
	// string need not be copied.
	return t.send("send", unsafe.Slice(unsafe.StringData(s), len(s)))
}

// SendBytes is Send for binary data.
func (t *Tube) SendBytes(b []byte) error { return t.send("send", b) }

// SendLine sends s and a newline (see WithNewline), with one write.
func (t *Tube) SendLine(s string) error {
	nl := t.cfg.newline
	if len(s)+len(nl) > shortLine {
		return t.send("send line", []byte(s+nl))
	}
	p := linePool.Get().(*[shortLine]byte)
	defer linePool.Put(p)
	return t.send("send line", append(append(p[:0], s...), nl...))
}

// shortLine is how long, in bytes, the lines are that are put together in memory which is used again.
const shortLine = 4 << 10

var linePool = sync.Pool{New: func() any { return new([shortLine]byte) }}

// SendAfter waits for delim as RecvUntil does, sends s, and returns what it
// received. When delim does not come, nothing is sent. Both have one deadline.
func (t *Tube) SendAfter(delim, s string) (string, error) {
	view := t.fix()
	text, err := view.RecvUntil(delim)
	if err != nil {
		return "", err
	}
	return text, view.Send(s)
}

// SendLineAfter is SendAfter with a newline after s.
func (t *Tube) SendLineAfter(delim, s string) (string, error) {
	return t.SendAfter(delim, s+t.cfg.newline)
}

func (t *Tube) send(op string, b []byte) error {
	_, err := t.write(op, b)
	return err
}

// Write sends p; see net.Conn. When it fails it says how many bytes were sent.
func (t *Tube) Write(p []byte) (int, error) { return t.write("write", p) }

func (t *Tube) write(op string, p []byte) (n int, err error) {
	c := call{view: t}
	defer c.end()
	if err := t.out.enter(&c, t.writeUser); err != nil {
		return 0, &Error{Op: op, Err: err, from: t.stream}
	}
	defer t.out.leave()
	n, err = t.writeAll(&c, p)
	if err != nil {
		err = &Error{Op: op, Err: err, from: t.stream}
	}
	return n, err
}

// writeAll writes p, again after each early wake-up. The send gate is held.
func (s *stream) writeAll(c *call, p []byte) (sent int, err error) {
	if err := s.ready(c, s.writeUser); err != nil {
		return 0, err
	}
	c.watch()
	defer s.disarm(&s.wd)
	for {
		if err := s.arm(&s.wd, c); err != nil {
			return sent, err
		}
		n, err := s.writeOnce(p)
		if n > 0 && s.trace != nil {
			s.trace.dump('>', p[:n])
		}
		sent += n
		p = p[n:]
		if err == nil {
			if len(p) == 0 {
				return sent, nil
			}
			if s.owing != nil {
				continue
			}
			return sent, io.ErrShortWrite
		}
		err = classify(err)
		if s.closed.Load() {
			return sent, net.ErrClosed
		}
		if err != os.ErrDeadlineExceeded {
			return sent, err
		}
		s.woke(&s.wd)
		if s.wd.exact {
			// It was really time, or the context has ended; nobody knows what
			// was written, so writing cannot go on.
			if cause := c.cause(); cause != nil {
				err = cause
			}
			return sent, err
		}
	}
}

// writeOnce writes p, on TLS a piece of it; when that was not all handed to
// the system in time, it is a timeout.
func (s *stream) writeOnce(p []byte) (int, error) {
	if s.owing == nil {
		return s.conn.Write(p)
	}
	if err := s.owing.flush(); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := s.conn.Write(p[:min(len(p), tlsPiece)])
	if err == nil {
		err = s.owing.flush()
	}
	return n, err
}

// closeWriter is what a connection with a half-close has.
type closeWriter interface{ CloseWrite() error }

// closeReader is what a connection that can shut its receiving side has.
type closeReader interface{ CloseRead() error }
