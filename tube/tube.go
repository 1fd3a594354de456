package tube

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
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

	in     gate
	buf    buffer
	rerr   error // how the stream ended; every later fill returns it
	packet bool  // every read is a datagram: borders are kept, nothing ends the stream
	last   bool  // a byte was read with ReadByte: UnreadByte may take it back
	lastB  byte

	rawFn  func(fd uintptr) bool // handed to raw; made once
	rawN   int
	rawErr error

	out gate

	dmu     sync.Mutex
	rd, wd  side
	changed chan struct{} // closed when a deadline changed or the stream was closed; nil unless somebody waits for it
	closed  bool

	unbind func() bool // ends the binding to the stream's context
	proc   *process    // where Start made the stream
}

// side is the deadline state of one direction.
type side struct {
	user  time.Time       // set with SetReadDeadline or SetWriteDeadline
	armed time.Time       // what the connection was last told
	limit time.Time       // the deadline of the call that armed it last
	ctx   context.Context // and that call's context
	exact bool            // an operation that wakes early could not go on: arm to the point
}

var longAgo = time.Unix(1, 0)

// Option changes how a Tube behaves. Every constructor takes options.
type Option func(*config)

type config struct {
	ctx     context.Context
	timeout time.Duration
	max     int
	newline string
	linger  time.Duration
	trace   *tracer
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
// Writes to w come one at a time.
func WithTrace(w io.Writer) Option { return func(c *config) { c.trace = &tracer{w: w} } }

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
	defer func() {
		switch s.conn.(type) {
		case *tls.Conn, *pump:
			s.wd.exact = true
		}
	}()
	switch c := rwc.(type) {
	case *net.TCPConn:
		s.conn, s.raw = c, rawRead(c)
	case *net.UnixConn:
		s.conn = c
		if s.packet = c.LocalAddr().Network() != "unix"; !s.packet {
			s.raw = rawRead(c)
		}
	case *net.UDPConn, *udpPeer:
		s.conn, s.packet = c.(net.Conn), true
	case *fileConn:
		s.conn, s.raw = c, rawRead(c.r)
	case net.Conn:
		s.conn = c
	case *os.File:
		if c.SetDeadline(time.Time{}) == nil {
			s.conn, s.raw = &fileConn{r: c, w: c}, rawRead(c)
		} else {
			s.conn = newPump(rwc)
		}
	default:
		s.conn = newPump(rwc)
	}
	if s.raw != nil {
		s.rawFn = s.readReady
	}
	if ctx := cfg.ctx; ctx != nil && ctx.Done() != nil {
		s.unbind = context.AfterFunc(ctx, s.wakeEnded)
	}
	return &Tube{stream: s}
}

// Within returns a view of t whose calls, all together, have until d from now:
// one absolute deadline in place of the default timeout. With d zero or less
// a call returns what needs no waiting.
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
	return t.conn
}

// LocalAddr returns the local address of the connection.
func (t *Tube) LocalAddr() net.Addr { return t.conn.LocalAddr() }

// RemoteAddr returns the peer's address.
func (t *Tube) RemoteAddr() net.Addr { return t.conn.RemoteAddr() }

// SetDeadline sets both deadlines; see net.Conn. They apply to all views, in
// addition to timeouts: the earliest counts.
func (t *Tube) SetDeadline(d time.Time) error {
	if err := t.SetReadDeadline(d); err != nil {
		return err
	}
	return t.SetWriteDeadline(d)
}

// SetReadDeadline sets the deadline of receiving calls; see net.Conn.
func (t *Tube) SetReadDeadline(d time.Time) error { return t.setUser(&t.rd, d) }

// SetWriteDeadline sets the deadline of sending calls; see net.Conn.
func (t *Tube) SetWriteDeadline(d time.Time) error { return t.setUser(&t.wd, d) }

func (s *stream) setUser(side *side, d time.Time) error {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	side.user = d
	s.notify()
	if side.exact || !d.IsZero() && (side.armed.IsZero() || d.Before(side.armed)) {
		return s.setConn(side, earliest(d, side.limit))
	}
	// A later deadline needs nothing now: a call that wakes too early sees
	// that it is not yet time and goes on.
	return nil
}

// setConn tells the connection a deadline; dmu is held.
func (s *stream) setConn(side *side, d time.Time) error {
	side.armed = d
	if side == &s.rd {
		return s.conn.SetReadDeadline(d)
	}
	return s.conn.SetWriteDeadline(d)
}

// arm makes the connection wake the coming read or write when the call's
// time is up, or says why the call may not wait any more.
//
// A deadline that is set already and not too late is left alone: the call may
// wake early, sees that it is not time yet, and arms again. So a server that
// gives every wait its 60 seconds does not touch a timer for each line.
func (s *stream) arm(side *side, c *call) error {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if err := c.cause(); err != nil {
		return err
	}
	side.ctx, side.limit = c.context(), c.until()
	want := earliest(side.user, side.limit)
	if want.IsZero() && side.armed.IsZero() {
		return nil
	}
	now := time.Now()
	if !want.IsZero() && !now.Before(want) {
		return os.ErrDeadlineExceeded
	}
	early := !side.armed.IsZero() && side.armed.After(now) && (want.IsZero() || !side.armed.After(want))
	if early && !side.exact {
		return nil
	}
	return s.setConn(side, want)
}

// armExactly switches off early wake-ups until the returned function is called.
func (s *stream) armExactly(side *side) (restore func()) {
	set := func(exact bool) (before bool) {
		s.dmu.Lock()
		defer s.dmu.Unlock()
		before, side.exact = side.exact, exact
		return before
	}
	before := set(true)
	return func() { set(before) }
}

// wakeEnded wakes the calls whose context has ended, and nobody else.
func (s *stream) wakeEnded() {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.closed {
		return
	}
	for _, side := range []*side{&s.rd, &s.wd} {
		if side.ctx != nil && side.ctx.Err() != nil {
			s.setConn(side, longAgo)
		}
	}
	s.notify()
}

// notify wakes those who wait at a gate; dmu is held.
func (s *stream) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wake returns a channel that is closed at the next change of a deadline.
func (s *stream) wake() <-chan struct{} {
	s.dmu.Lock()
	defer s.dmu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// call is one method call: the view it was made on, and its one deadline.
type call struct {
	view  *Tube
	known bool
	limit time.Time
	stop  func() bool // ends the watch over the call's own context
}

// until returns the call's deadline, or zero. It is fixed when first asked
// for, so that a call that need not wait does not look at the clock.
func (c *call) until() time.Time {
	if !c.known {
		c.known = true
		if c.view.fixed {
			c.limit = c.view.deadline
		} else if d := c.view.cfg.timeout; d > 0 {
			c.limit = time.Now().Add(d)
		}
	}
	return c.limit
}

// untimed makes the call's view's deadline the only one: no default timeout.
func (c *call) untimed() { c.known, c.limit = true, c.view.deadline }

func (c *call) context() context.Context {
	if c.view.ctx != nil {
		return c.view.ctx
	}
	return c.view.cfg.ctx
}

func (c *call) done() <-chan struct{} {
	if ctx := c.context(); ctx != nil {
		return ctx.Done()
	}
	return nil
}

// cause returns why the call's context ended, or nil.
func (c *call) cause() error {
	if ctx := c.context(); ctx != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// ended returns why the call may not wait any more, or nil.
func (c *call) ended(user time.Time) error {
	s := c.view.stream
	s.dmu.Lock()
	closed := s.closed
	s.dmu.Unlock()
	if closed {
		return net.ErrClosed
	}
	if err := c.cause(); err != nil {
		return err
	}
	if d := earliest(user, c.until()); !d.IsZero() && !time.Now().Before(d) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// watch makes the end of the call's own context wake the stream. The
// stream's context does so anyway.
func (c *call) watch() {
	if c.stop == nil && c.view.ctx != nil && c.view.ctx.Done() != nil {
		c.stop = context.AfterFunc(c.view.ctx, c.view.wakeEnded)
	}
}

func (c *call) end() {
	if c.stop != nil {
		c.stop()
	}
}

func (s *stream) readUser() time.Time  { s.dmu.Lock(); defer s.dmu.Unlock(); return s.rd.user }
func (s *stream) writeUser() time.Time { s.dmu.Lock(); defer s.dmu.Unlock(); return s.wd.user }

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

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
func (t *Tube) Wait() error {
	if t.proc == nil {
		return &Error{Op: "wait", Err: exec.ErrNotFound}
	}
	return t.proc.wait(&call{view: t})
}
