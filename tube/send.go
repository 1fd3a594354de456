package tube

import (
	"io"
	"os"
)

// Send sends s. When the error is a timeout, a part of s may have been sent;
// Write says how much.
func (t *Tube) Send(s string) error { return t.send("send", []byte(s)) }

// SendBytes is Send for binary data.
func (t *Tube) SendBytes(b []byte) error { return t.send("send", b) }

// SendLine sends s and a newline (see WithNewline).
func (t *Tube) SendLine(s string) error { return t.send("send line", []byte(s+t.cfg.newline)) }

// SendAfter waits for delim as RecvUntil does, sends s, and returns what it
// received. When delim does not come, nothing is sent.
func (t *Tube) SendAfter(delim, s string) (string, error) { return t.sendAfter(delim, s) }

// SendLineAfter is SendAfter with a newline after s.
func (t *Tube) SendLineAfter(delim, s string) (string, error) {
	return t.sendAfter(delim, s+t.cfg.newline)
}

func (t *Tube) sendAfter(delim, s string) (string, error) {
	// One deadline for both steps.
	c := call{view: t}
	if d := c.until(); !d.IsZero() {
		t = &Tube{stream: t.stream, ctx: t.ctx, deadline: d, fixed: true}
	}
	text, err := t.RecvUntil(delim)
	if err != nil {
		return "", err
	}
	return text, t.Send(s)
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
	if !t.out.mu.TryLock() {
		c.watch()
		if err := t.out.enter(&c, t.writeUser); err != nil {
			return 0, &Error{Op: op, Err: err}
		}
	}
	defer t.out.leave()
	n, err = t.writeAll(&c, p)
	if err != nil {
		err = &Error{Op: op, Err: err}
	}
	return n, err
}

// writeAll writes p, again after each early wake-up. The send gate is held.
func (s *stream) writeAll(c *call, p []byte) (sent int, err error) {
	c.watch()
	for {
		if err := s.arm(&s.wd, c); err != nil {
			return sent, err
		}
		n, err := s.conn.Write(p)
		if n > 0 && s.cfg.trace != nil {
			s.cfg.trace.dump('>', p[:n])
		}
		sent += n
		p = p[n:]
		if err == nil {
			if len(p) == 0 {
				return sent, nil
			}
			return sent, io.ErrShortWrite
		}
		if err = classify(err); err != os.ErrDeadlineExceeded {
			return sent, err
		}
		if s.wd.exact {
			return sent, err // it was really time, and nobody knows what was written
		}
	}
}

// closeWriter is what a connection with a half-close has.
type closeWriter interface{ CloseWrite() error }

// closeReader is what a connection that can shut its receiving side has.
type closeReader interface{ CloseRead() error }
