package servercheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	keep    = 256              // bytes of each direction that a report may show
	maxLine = 8 << 10          // no answer of a line is longer
	maxHeld = 64 << 10         // what a connection may hold unread
	grace   = time.Second / 10 // what belongs to a wrong answer is waited for
)

// failure is how a check fails: the first cause, and the bytes that show it.
type failure struct {
	cause           string // one sentence
	hint            string // where there is a way out
	sent, want, got *excerpt
}

func (f *failure) Error() string { return f.cause }

// excerpt is a part of a stream: b is what stands at off of total bytes.
type excerpt struct {
	b          []byte
	off, total int
}

func whole[S ~string | ~[]byte](s S) *excerpt {
	return &excerpt{b: []byte(s), total: len(s)}
}

// around returns the excerpt of b that has the byte at i in it.
func around(b []byte, i int) *excerpt {
	from := max(0, i-keep/4) &^ 15
	return &excerpt{b: b[min(from, len(b)):min(len(b), from+keep)], off: min(from, len(b)), total: len(b)}
}

// tail is the end of a stream, in bounded memory.
type tail struct {
	mu    sync.Mutex
	b     []byte
	total int
}

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += len(p)
	t.b = append(t.b, p[max(0, len(p)-keep):]...)
	t.b = append(t.b[:0], t.b[max(0, len(t.b)-keep):]...)
}

func (t *tail) excerpt() *excerpt {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &excerpt{b: bytes.Clone(t.b), off: t.total - len(t.b), total: t.total}
}

// recorder remembers the ends of what goes through a connection.
type recorder struct {
	net.Conn
	sent, got tail
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.got.add(p[:n])
	return n, err
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	r.sent.add(p[:n])
	return n, err
}

func (r *recorder) CloseWrite() error {
	if c, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (r *recorder) SetLinger(sec int) error {
	if c, ok := r.Conn.(interface{ SetLinger(int) error }); ok {
		return c.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

// player is what a check plays with.
type player struct {
	network, addr string
	timeout       time.Duration
	rng           *rand.Rand
	dialer        func(ctx context.Context, network, addr string) (net.Conn, error)
	open          []interface{ end() }
}

// hangUp ends all connections of a check, all within linger.
func (p *player) hangUp() {
	var wg sync.WaitGroup
	for _, c := range p.open {
		wg.Go(c.end)
	}
	wg.Wait()
}

// connect dials the server. The connection ends with ctx or the check.
func (p *player) connect(ctx context.Context) (*wire, error) {
	c, err := p.dialer(ctx, p.network, p.addr)
	if err != nil {
		return nil, p.noConnection(err)
	}
	r := &recorder{Conn: c}
	w := &wire{r: r, timeout: p.timeout, t: tube.New(r, tube.WithContext(ctx), tube.WithMaxBuffer(maxHeld))}
	p.open = append(p.open, w)
	return w, nil
}

func (p *player) noConnection(err error) *failure {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{
			cause: fmt.Sprintf("%s refused the connection: no server listens there.", p.addr),
			hint:  "start the server first; when it had been running, look whether it crashed",
		}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &failure{cause: fmt.Sprintf("no connection to %s came about in %v.", p.addr, p.timeout)}
	}
	return &failure{cause: fmt.Sprintf("cannot connect: %v.", err)}
}

// pause waits until what was sent has surely been received on its own, so that
// a server meets a stream in the pieces the check means.
func (p *player) pause(ctx context.Context) {
	t := time.NewTimer(30 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// alive checks that the server still accepts connections after what happened.
func (p *player) alive(ctx context.Context, happened string) error {
	p.pause(ctx)
	w, err := p.connect(ctx)
	if err != nil {
		return &failure{cause: "After " + happened + " the server is gone: it no longer accepts connections.", hint: "what goes wrong in one connection must end that connection only"}
	}
	w.end()
	return nil
}

// text returns n random letters.
func (p *player) text(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[p.rng.IntN(26)])
	}
	return b.String()
}

// bytes returns n random bytes.
func (p *player) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(p.rng.Uint32())
	}
	return b
}

// wire is a connection to the server. Its methods return a *failure.
type wire struct {
	t       *tube.Tube
	r       *recorder
	timeout time.Duration
	ended   sync.Once
}

// end closes a connection politely, in bounded time and memory.
func (w *wire) end() {
	w.ended.Do(func() {
		over := false
		if w.r.CloseWrite() == nil {
			t := w.t.With(context.Background()).Within(linger)
			b := make([]byte, 32<<10)
			for left := 1 << 20; left > 0 && !over; {
				n, err := t.Read(b)
				left -= max(n, 1)
				over = err != nil
			}
		}
		if !over {
			w.t.Abort() // it sends without end
		}
		w.t.Close()
	})
}

// reset ends a connection as a crash or a pulled cable would.
func (w *wire) reset() { w.ended.Do(func() { w.t.Abort() }) }

// ending says how waiting for bytes ended.
type ending int

const (
	other   ending = iota // bytes came, other ones
	timeout               // the deadline of the check passed
	closed                // end of stream
	reset                 // RST
)

func endingOf(err error) ending {
	switch {
	case err == nil:
		return other
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return closed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return timeout
	}
	return reset
}

// told says in a sentence how waiting for what ended.
func (w *wire) told(e ending, what string) string {
	switch e {
	case closed:
		return fmt.Sprintf("The server closed the connection before %s had come.", what)
	case timeout:
		return fmt.Sprintf("In %v, %s had not come, and the connection is still open.", w.timeout, what)
	case reset:
		return fmt.Sprintf("The server reset the connection (RST) before %s had come: it closed with bytes unread, or crashed.", what)
	}
	return fmt.Sprintf("Other bytes came than %s.", what)
}

// fail makes a failure of what the connection has sent and received.
func (w *wire) fail(cause string) *failure {
	return &failure{cause: cause, sent: w.r.sent.excerpt(), got: w.r.got.excerpt()}
}

// send sends s at once, in one write.
func (w *wire) send(s string) error {
	err := w.t.Send(s)
	switch endingOf(err) {
	case other:
		return nil
	case timeout:
		return w.fail(fmt.Sprintf("The server stopped reading: in %v, it did not take what was sent.", w.timeout))
	}
	return w.fail("The server closed the connection while it was still being sent to.")
}

// finish half-closes: the server reads end of stream, and can still answer.
func (w *wire) finish() error {
	if err := w.t.CloseWrite(); err != nil {
		return w.fail("The server closed the connection before the client had finished sending.")
	}
	return nil
}

// explain gives the cause of a wrong answer when it knows it, or "".
type explain func(got []byte, e ending) string

// want receives exactly the bytes of want, which are called what.
func (w *wire) want(want []byte, what string, why explain) error {
	got := make([]byte, 0, len(want))
	var e ending
	for len(got) < len(want) && e == other {
		b := make([]byte, min(len(want)-len(got), 32<<10))
		n, err := w.t.Read(b)
		same := bytes.Equal(b[:n], want[len(got):len(got)+n])
		got = append(got, b[:n]...)
		if !same {
			got = append(got, w.rest(grace)...)
			return w.differ(want, got, what, other, why)
		}
		e = endingOf(err)
	}
	if len(got) < len(want) {
		return w.differ(want, got, what, e, why)
	}
	return nil
}

// rest returns what comes until the server has been quiet for d.
func (w *wire) rest(d time.Duration) []byte {
	var got []byte
	for b := make([]byte, 1024); len(got) < maxLine; {
		n, err := w.t.Within(d).Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			break
		}
	}
	return got
}

func (w *wire) differ(want, got []byte, what string, e ending, why explain) error {
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	cause := ""
	if why != nil {
		cause = why(got, e)
	}
	switch {
	case cause != "":
	case e == other:
		cause = fmt.Sprintf("Other bytes came than %s: the first difference is at byte %d of %d.", what, at, len(want))
	case len(got) > 0:
		cause = w.told(e, fmt.Sprintf("all of %s (%d bytes of %d came)", what, len(got), len(want)))
	default:
		cause = w.told(e, what)
	}
	return &failure{cause: cause, sent: w.r.sent.excerpt(), want: around(want, at), got: around(got, at)}
}

// line receives a line, which is called what, without its newline.
func (w *wire) line(what string) (string, error) {
	s, err := w.t.RecvUntil("\n")
	var te *tube.Error
	switch {
	case err == nil && len(s) <= maxLine:
		return strings.TrimSuffix(s, "\n"), nil
	case err == nil, errors.Is(err, tube.ErrTooLong):
		return "", w.fail(fmt.Sprintf("A line longer than %d bytes came instead of %s.", maxLine, what))
	case errors.As(err, &te) && te.N > 0:
		return "", w.fail(fmt.Sprintf("What came instead of %s has no newline at its end: whoever reads lines waits for it for ever.", what))
	}
	return "", w.fail(w.told(endingOf(err), what))
}

// eof expects the end of the stream, a FIN, and nothing before it.
func (w *wire) eof(what string) error {
	b := make([]byte, 1)
	n, err := w.t.Read(b)
	e := endingOf(err)
	switch {
	case n > 0:
		w.rest(grace)
		return w.fail(fmt.Sprintf("More bytes came where %s should have closed the connection.", what))
	case e == closed:
		return nil
	case e == timeout:
		return w.fail(fmt.Sprintf("In %v the server did not close the connection: %s.", w.timeout, what+" should have"))
	}
	return w.fail("The server reset the connection (RST) instead of closing it: it closed with bytes unread, or crashed.")
}
