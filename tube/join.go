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
// bytes between two sockets stay in the kernel.
//
// When one direction fails, both are ended and the first error is returned;
// when ctx ends, its cause. Default timeouts do not apply.
func Join(ctx context.Context, a, b *Tube) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { joinHalf(ctx, cancel, b, a) })
	wg.Go(func() { joinHalf(ctx, cancel, a, b) })
	wg.Wait()
	return context.Cause(ctx)
}

func joinHalf(ctx context.Context, cancel context.CancelCauseFunc, dst, src *Tube) {
	_, err := src.With(ctx).WriteTo(dst.With(ctx))
	if err == nil {
		err = dst.CloseWrite()
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrReset) || errors.Is(err, net.ErrClosed) || isNotConnected(err) {
			err = nil // dst cannot be told, or is gone: then its own direction ends too
		}
	}
	if err != nil {
		cancel(err)
	}
}

// WriteTo copies everything to w until the end of the stream; see io.WriterTo.
// The default timeout does not apply, the view's deadline and context do. When
// it fails, what was received and not written is unread again where the bytes
// passed through the Tube; on Linux, between two sockets, the bytes stay in
// the kernel and those under way are lost.
func (t *Tube) WriteTo(w io.Writer) (int64, error) {
	c := call{view: t}
	defer c.end()
	c.untimed()
	if err := t.receive(&c); err != nil {
		return 0, t.unheld("write to", "", err)
	}
	defer t.in.leave()
	t.last = false
	if dst, ok := w.(*Tube); ok {
		n, err := t.flushTo(w)
		if err == nil && t.rerr == nil && canSplice(dst.stream, t.stream) {
			var m int64
			m, err = t.splice(&c, dst)
			return n + m, t.copyErr(err)
		}
		if err != nil {
			return n, t.copyErr(err)
		}
		m, err := t.copyTo(&c, w)
		return n + m, t.copyErr(err)
	}
	n, err := t.copyTo(&c, w)
	return n, t.copyErr(err)
}

func (t *Tube) copyErr(err error) error {
	if err == nil || err == io.EOF {
		return nil
	}
	return t.failed("write to", "", err)
}

// flushTo writes what is unread.
func (t *Tube) flushTo(w io.Writer) (int64, error) {
	total := int64(0)
	for len(t.buf.chunks) > 0 && (t.buf.size > 0 || t.packet) {
		data := t.buf.chunks[0].unread()
		n, err := w.Write(data)
		total += int64(n)
		if len(data) == 0 {
			t.buf.chunks = append(t.buf.chunks[:0], t.buf.chunks[1:]...)
		} else {
			t.buf.discard(n)
		}
		if err == nil && n < len(data) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (t *Tube) copyTo(c *call, w io.Writer) (int64, error) {
	total := int64(0)
	for {
		n, err := t.flushTo(w)
		total += n
		if err == nil {
			err = t.fill(c)
		}
		if err != nil {
			return total, err
		}
	}
}

// canSplice says whether the system can move the bytes itself: between stream
// sockets, when nobody wants to see them.
func canSplice(dst, src *stream) bool {
	if dst.cfg.trace != nil || src.cfg.trace != nil || src.packet || dst.packet {
		return false
	}
	_, dstTCP := dst.conn.(*net.TCPConn)
	_, dstUnix := dst.conn.(*net.UnixConn)
	_, srcTCP := src.conn.(*net.TCPConn)
	_, srcUnix := src.conn.(*net.UnixConn)
	return dstTCP && (srcTCP || srcUnix) || srcTCP && dstUnix
}

// splice lets package net copy, which uses splice(2) on Linux.
func (t *Tube) splice(c *call, dst *Tube) (int64, error) {
	cd := call{view: dst}
	defer cd.end()
	cd.untimed()
	if err := dst.out.enter(&cd, dst.writeUser); err != nil {
		return 0, err
	}
	defer dst.out.leave()
	// Bytes on their way through the kernel are lost when the writing half
	// wakes early: arm to the point.
	defer dst.armExactly(&dst.wd)()
	c.watch()
	cd.watch()
	total := int64(0)
	for {
		err := t.arm(&t.rd, c)
		if err == nil {
			err = dst.arm(&dst.wd, &cd)
		}
		if err != nil {
			return total, err
		}
		n, err := io.Copy(dst.conn, t.conn)
		total += n
		if err == nil {
			t.rerr = io.EOF
			return total, nil
		}
		if err = classify(err); err != os.ErrDeadlineExceeded {
			return total, err
		}
	}
}

// Interactive connects in and out to the tube: what is read from in is sent,
// what is received is written to out. The end of in half-closes the tube, and
// Interactive goes on receiving; it returns nil when the stream has ended. in
// is not read any more then, but a Read that is under way, as on a terminal,
// cannot be taken back: its goroutine ends with that Read.
func (t *Tube) Interactive(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	view := t.With(ctx)
	go func() {
		// A plain copy: io.Copy must not find WriteTo or ReadFrom here.
		_, err := io.Copy(struct{ io.Writer }{view}, struct{ io.Reader }{in})
		if err == nil && ctx.Err() == nil {
			err = t.CloseWrite()
		}
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrReset) {
			cancel(err)
		}
	}()
	_, err := view.WriteTo(struct{ io.Writer }{out})
	return err
}
