package tube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
	"github.com/flagstaff-ctf/flagstaff/tube/internal/buffer"
)

// Tube is a byte stream to talk with: a connection that was dialled, one that
// was accepted, or a program that was started. See the package documentation
// for what every wait has in common.
//
// A Tube is a view: Within and With make further views of the same stream,
// with another deadline or context. All views share the unread bytes, the
// connection and its state.
//
// Any number of goroutines may use a Tube at the same time; receiving calls
// wait for each other, sending calls wait for each other, receiving and
// sending do not.
type Tube struct {
	*stream
	ctx      context.Context // nil: the stream's own
	deadline time.Time       // of the view, where fixed
	fixed    bool            // the deadline replaces the default timeout
}

var (
	_ net.Conn       = (*Tube)(nil)
	_ io.WriterTo    = (*Tube)(nil)
	_ io.ByteScanner = (*Tube)(nil)
)

// stream is what all views of a tube share.
type stream struct {
	conn net.Conn        // has deadlines that work
	raw  syscall.RawConn // reads without holding a buffer while waiting; nil where that cannot be
	cfg  config

	socket bool // raw is one's

	trace *tracer    // nil: nobody watches
	shake *handshake // nil: none is due
	owing *owingConn // below TLS, where the Tube made it

	in     gate
	buf    buffer.Buffer
	rerr   error // how the stream ended; every later fill returns it
	packet bool  // every read is a datagram: borders are kept, nothing ends the stream
	last   bool  // a byte was read with ReadByte: UnreadByte may take it back
	lastB  byte

	toldEnd atomic.Bool // Read or ReadByte has returned io.EOF, bare: see Own

	rawFn  func(fd uintptr) bool // handed to raw; made once
	rawN   int
	rawErr error

	out gate

	dmu     sync.Mutex
	rd, wd  side
	changed chan struct{} // closed when a deadline changed or the stream was closed; nil unless somebody waits for it
	finSent bool          // CloseWrite was called
	closed  atomic.Bool   // set with dmu held

	unbind func() bool // ends the binding to the stream's context
	proc   *process    // where Start made the stream
}

// Option changes how a Tube behaves. Every constructor takes options.
type Option func(*config)

type config struct {
	ctx     context.Context
	timeout time.Duration
	max     int
	newline string
	linger  time.Duration
	trace   *traceSink
	tls     *tls.Config
	pty     bool
}

// WithTimeout sets the time each call may take as a whole. Zero, the default,
// sets no limit.
func WithTimeout(d time.Duration) Option { return func(c *config) { c.timeout = d } }

// WithContext binds the whole stream to ctx: when ctx ends, every blocked and
// every later call fails with its cause, except on views made with With.
func WithContext(ctx context.Context) Option { return func(c *config) { c.ctx = ctx } }

// WithMaxBuffer limits what one wait may return, in bytes. A wait that would
// need more fails with ErrTooLong and what came stays readable. Zero, the
// default, sets no limit.
func WithMaxBuffer(n int) Option { return func(c *config) { c.max = n } }

// WithNewline sets what SendLine appends; the default is "\n".
func WithNewline(nl string) Option { return func(c *config) { c.newline = nl } }

// WithLinger sets how long Close waits at most until the peer has
// acknowledged everything that was sent, and how long it waits for a program
// to end before it is killed. The default is 2 seconds.
func WithLinger(d time.Duration) Option { return func(c *config) { c.linger = d } }

// WithTrace writes a hexdump of everything sent and received to w.
// Writes to w come one at a time. A nil w is no trace.
//
// Each line shows the direction (< received, > sent), the offset in that
// direction, up to sixteen bytes in hexadecimal, and those that are printable.
func WithTrace(w io.Writer) Option {
	if w == nil {
		return func(c *config) { c.trace = nil }
	}
	sink := &traceSink{w: w}
	return func(c *config) { c.trace = sink }
}

// WithPTY makes Start give the program a terminal (80x24, raw) instead of
// pipes: programs that buffer their output when it is no terminal then show
// their prompts at once.
func WithPTY() Option { return func(c *config) { c.pty = true } }

func newConfig(opts []Option) config {
	c := config{newline: "\n", linger: 2 * time.Second}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// New makes a Tube of any stream: a net.Conn, an *os.File, or an
// io.ReadWriteCloser without deadlines, for which New keeps goroutines that
// end when the stream is closed. The Tube owns rwc from then on: closing the
// Tube closes it.
//
// On Unix a Tube over a TCP or Unix-domain connection holds no buffer while it
// waits.
func New(rwc io.ReadWriteCloser, opts ...Option) *Tube {
	return wrap(rwc, newConfig(opts))
}

func wrap(rwc io.ReadWriteCloser, cfg config) *Tube {
	s := &stream{cfg: cfg}
	switch c := rwc.(type) {
	case *net.TCPConn:
		s.conn, s.raw, s.socket = c, rawRead(c), true
	case *sock.Conn:
		s.conn, s.raw, s.socket = c, c.Raw(), true
	case *net.UnixConn:
		s.conn, s.packet = c, isPacket(c)
		if !s.packet {
			s.raw, s.socket = rawRead(c), true
		}
	case *net.UDPConn, *udpPeer, *boundConn:
		s.conn, s.packet = c.(net.Conn), true
	case *fileConn:
		s.wrapFile(c)
	case *os.File:
		s.wrapFile(&fileConn{r: c, w: c})
	case *tls.Conn:
		s.conn = c
		if s.owing, _ = c.NetConn().(*owingConn); s.owing == nil {
			s.wd.exact = true // a write that timed out breaks the TLS state
		}
		if !c.ConnectionState().HandshakeComplete {
			s.shake = &handshake{done: make(chan struct{})}
		}
	case net.Conn:
		// Nobody knows what a deadline that passes does to it; some
		// WebSocket connections are closed by it. So it gets deadlines
		// only while a call waits, and only those that are meant.
		s.conn, s.packet = c, isPacket(c)
		s.rd.exact, s.wd.exact = true, true
	default:
		s.wrapPump(rwc)
	}
	if s.raw != nil {
		s.rawFn = s.readReady
	}
	if cfg.trace != nil {
		s.trace = &tracer{sink: cfg.trace}
	}
	s.unbind = afterEnd(cfg.ctx, s.wakeEnded)
	return &Tube{stream: s}
}

// afterEnd is context.AfterFunc, but asks first a context that does that itself: context.AfterFunc does so only where
// there is none of the standard library's inside. It returns nil for a context that never ends.
func afterEnd(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return own.AfterFunc(f)
	}
	if ctx == nil || ctx.Done() == nil {
		return nil
	}
	return context.AfterFunc(ctx, f)
}

// wrapFile takes a file as it is where it has deadlines: pipes and terminals
// on Unix. Others, and all files on Windows, need a pump.
func (s *stream) wrapFile(c *fileConn) {
	if c.SetDeadline(time.Time{}) != nil {
		s.wrapPump(c)
		return
	}
	setNonblock(c.r)
	setNonblock(c.w)
	s.conn, s.raw = c, rawRead(c.r)
}

func (s *stream) wrapPump(rwc io.ReadWriteCloser) {
	s.conn = newPump(rwc)
	s.wd.exact = true // what a write that timed out has written is not known
}

// isPacket says whether each read of c is a datagram.
func isPacket(c net.Conn) bool {
	switch networkOf(c) {
	case "udp", "udp4", "udp6", "unixgram", "unixpacket":
		return true
	}
	return false
}

// Within returns a view of t whose calls, all together, have until d from now:
// one absolute deadline in place of the default timeout.
//
// With d zero or less nothing waits: a receiving call succeeds with what has
// already come (where the system can be asked for it: on Unix, on TCP,
// Unix-domain sockets, pipes and terminals; elsewhere with what an earlier
// call left unread), a sending call fails.
func (t *Tube) Within(d time.Duration) *Tube {
	return &Tube{stream: t.stream, ctx: t.ctx, deadline: time.Now().Add(d), fixed: true}
}

// With returns a view of t whose calls end when ctx ends, with its cause. The
// context takes the place of the one the stream was bound to; the default
// timeout or the view's deadline stays.
func (t *Tube) With(ctx context.Context) *Tube {
	return &Tube{stream: t.stream, ctx: ctx, deadline: t.deadline, fixed: t.fixed}
}

// Conn returns the connection below, or nil where the stream is no net.Conn
// of the caller's. Reading from it past the Tube loses the Tube's unread bytes.
func (t *Tube) Conn() net.Conn {
	switch t.conn.(type) {
	case *pump, *fileConn, *udpPeer:
		return nil
	}
	if c, ok := t.conn.(*boundConn); ok {
		return c.UnixConn
	}
	return t.conn
}

// LocalAddr returns the local address of the connection.
func (t *Tube) LocalAddr() net.Addr { return t.conn.LocalAddr() }

// RemoteAddr returns the peer's address.
func (t *Tube) RemoteAddr() net.Addr { return t.conn.RemoteAddr() }

// Process returns the program that Start started, or nil. To wait for its
// end use Wait.
func (t *Tube) Process() *os.Process {
	if t.proc == nil {
		return nil
	}
	return t.proc.cmd.Process
}

// Wait waits until the program that Start started has ended, and returns nil
// when it exited with status 0, else an *exec.ExitError. It does not read
// what is left of the program's output. The view's deadline and context apply.
// Where Start has started none the error is errors.ErrUnsupported.
func (t *Tube) Wait() error {
	if t.proc == nil {
		return &Error{Op: "wait", Err: fmt.Errorf("the tube is to no program: %w", errors.ErrUnsupported)}
	}
	return t.proc.wait(&call{view: t})
}
