package tube

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
)

// Join copies between a and b in both directions until both streams have
// ended, and passes each end on as a half-close, so that an answer that comes
// after the question's end still arrives. It closes neither. On Linux the
// bytes between two sockets stay in the kernel. Default timeouts do not apply.
//
// When one side does not take any more (ErrReset while sending to it), what it
// still has to say is copied to its end; then that error is returned. When a
// direction fails otherwise, both are ended and its error is returned; when
// ctx ends, its cause. A side that has no half-close (UDP, a terminal) cannot
// be told the other's end: Join then waits for its own.
func Join(ctx context.Context, a, b *Tube) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := joint{ctx: inner, cancel: cancel}
	var wg sync.WaitGroup
	wg.Go(func() { j.half(b, a) })
	wg.Go(func() { j.half(a, b) })
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return j.first
}

// joint is a Join under way.
type joint struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	first  error
}

// fail notes the first error, and ends both directions unless they may go on.
func (j *joint) fail(err error, goOn bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.first == nil {
		j.first = err
	}
	if !goOn {
		j.cancel(err)
	}
}

func (j *joint) half(dst, src *Tube) {
	dst, src = dst.With(j.ctx).untimed(), src.With(j.ctx).untimed()
	_, out, err := src.writeTo(dst)
	if err != nil {
		j.fail(err, out && errors.Is(err, ErrReset))
		return
	}
	err = dst.CloseWrite()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrReset) && !isNotConnected(err) {
		j.fail(err, false)
	}
}

// WriteTo copies everything to w until the end of the stream; see io.WriterTo.
// The default timeout does not apply, the view's deadline and context do. When
// it fails, what was received and not written is unread again where the bytes
// passed through the Tube; on Linux, between two sockets, the bytes stay in
// the kernel and those under way are lost.
func (t *Tube) WriteTo(w io.Writer) (int64, error) {
	n, _, err := t.untimed().writeTo(w)
	return n, err
}

// writeTo is WriteTo; out says that it was w that failed.
func (t *Tube) writeTo(w io.Writer) (n int64, out bool, err error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return 0, false, t.unheld("write to", "", err)
	}
	defer t.in.leave()
	t.last = false
	n, out, err = t.copyTo(&c, w)
	if err == io.EOF {
		return n, false, nil
	}
	if !out {
		err = t.failed("write to", "", err)
	}
	return n, out, err
}

func (t *Tube) copyTo(c *call, w io.Writer) (total int64, out bool, err error) {
	for {
		n, err := t.flushTo(w)
		total += n
		if err != nil {
			return total, true, err
		}
		if dst, ok := w.(*Tube); ok && t.rerr == nil && canSplice(dst.stream, t.stream) {
			n, out, err := t.splice(c, dst)
			return total + n, out, err
		}
		if err := t.fill(c); err != nil {
			return total, false, err
		}
	}
}

// flushTo writes what is unread.
func (t *Tube) flushTo(w io.Writer) (int64, error) {
	total := int64(0)
	for t.unread() {
		data := t.buf.First()
		if len(data) == 0 && !t.packet {
			t.buf.DropFirst()
			continue
		}
		n, err := w.Write(data)
		if n < 0 || n > len(data) {
			n, err = 0, errors.Join(errors.New("the writer returned an impossible count"), err)
		}
		total += int64(n)
		if err == nil && n < len(data) {
			err = io.ErrShortWrite
		}
		if len(data) == 0 {
			t.buf.DropFirst()
		} else {
			t.buf.Discard(n)
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// canSplice says whether the system can move the bytes itself: between stream
// sockets, when nobody wants to see them.
func canSplice(dst, src *stream) bool {
	if dst.cfg.trace != nil || src.cfg.trace != nil || src.packet || dst.packet {
		return false
	}
	dstTCP, srcTCP := systemTCP(dst.conn) != nil, systemTCP(src.conn) != nil
	_, dstUnix := dst.conn.(*net.UnixConn)
	_, srcUnix := src.conn.(*net.UnixConn)
	return dstTCP && (srcTCP || srcUnix) || srcTCP && dstUnix
}

// splice lets package net copy, which uses splice(2) on Linux; it returns
// io.EOF at the end of t. out says that it was dst that failed.
func (t *Tube) splice(c *call, dst *Tube) (total int64, out bool, err error) {
	cd := call{view: dst}
	defer cd.end()
	if err := dst.out.enter(&cd, dst.writeUser); err != nil {
		return 0, true, &Error{Op: "write", Err: err, from: dst.stream}
	}
	defer dst.out.leave()
	// Bytes on their way through the kernel are lost when the writing half
	// wakes early: arm to the point.
	defer dst.armExactly(&dst.wd)()
	c.watch()
	cd.watch()
	for {
		if err := t.arm(&t.rd, c); err != nil {
			return total, false, err
		}
		if err := dst.arm(&dst.wd, &cd); err != nil {
			return total, true, &Error{Op: "write", Err: err, from: dst.stream}
		}
		n, err := io.Copy(dst.conn, t.conn)
		total += n
		if err == nil {
			t.rerr = io.EOF
			return total, false, io.EOF
		}
		err = classify(err)
		if err == os.ErrDeadlineExceeded || t.closed.Load() || dst.closed.Load() {
			t.woke(&t.rd)
			dst.woke(&dst.wd)
			continue // arm says whether that was meant
		}
		if t.more() || t.rerr == nil {
			return total, true, &Error{Op: "write", Err: err, from: dst.stream} // t can still be read
		}
		t.rerr = err // the end that more found follows on the error that was reported here
		return total, false, err
	}
}

// Interactive connects in and out to the tube: what is read from in is sent,
// what is received is written to out. The end of in half-closes the tube, and
// Interactive goes on receiving; it returns nil when the stream has ended. The
// default timeout does not apply. in is not read any more then, but a Read
// that is under way, as on a terminal, cannot be taken back: its goroutine
// ends with that Read.
func (t *Tube) Interactive(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	view := t.With(ctx).untimed()
	go func() {
		// A plain copy: io.Copy must not find WriteTo or ReadFrom here.
		_, err := io.Copy(struct{ io.Writer }{view}, struct{ io.Reader }{in})
		if err == nil {
			err = view.CloseWrite()
		}
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrReset) && !isNotConnected(err) {
			cancel(err)
		}
	}()
	_, err := view.WriteTo(struct{ io.Writer }{out})
	return err
}
