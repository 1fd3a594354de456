package tube

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Start starts cmd and returns a Tube to its standard input and output. Its
// standard error joins its output unless cmd.Stderr says otherwise.
//
// CloseWrite closes the program's input. Close also waits until it has ended
// and kills it after WithLinger's time; Wait tells how it ended. Only the
// program itself is killed, not what it has started.
func Start(cmd *exec.Cmd, opts ...Option) (*Tube, error) {
	cfg := newConfig(opts)
	if cmd.Stdin != nil || cmd.Stdout != nil {
		return nil, &Error{Op: "start", Err: errors.New("cmd.Stdin and cmd.Stdout must be nil: the tube takes their place")}
	}
	start := startPipes
	if cfg.pty {
		start = startPTY
	}
	if cmd.WaitDelay == 0 {
		// When cmd.Stderr is no file, a child that outlives the program would
		// keep Close and Wait waiting for the end of the copying.
		cmd.WaitDelay = max(cfg.linger, 100*time.Millisecond)
	}
	conn, err := start(cmd)
	if err != nil {
		return nil, &Error{Op: "start", Err: err}
	}
	t := wrap(conn, cfg)
	t.proc = &process{cmd: cmd, ended: make(chan struct{})}
	go t.proc.reap()
	return t, nil
}

func startPipes(cmd *exec.Cmd) (*fileConn, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = childIn, childOut
	if cmd.Stderr == nil {
		cmd.Stderr = childOut
	}
	err = cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	return &fileConn{r: out, w: in}, nil
}

// process is a started program. One goroutine waits for its end.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // set before ended is closed
}

func (p *process) reap() {
	if p.err = p.cmd.Wait(); p.err == exec.ErrWaitDelay {
		p.err = nil // it ended well, and left a child that holds its standard error
	}
	close(p.ended)
}

func (p *process) wait(c *call) error {
	var expire <-chan time.Time
	if d := c.until(); !d.IsZero() {
		timer := time.NewTimer(time.Until(d))
		defer timer.Stop()
		expire = timer.C
	}
	select {
	case <-p.ended:
		return p.err
	default:
	}
	select {
	case <-p.ended:
		return p.err
	case <-expire:
		return &Error{Op: "wait for the program's end", Err: os.ErrDeadlineExceeded}
	case <-c.done():
		return &Error{Op: "wait for the program's end", Err: c.cause()}
	}
}

// finish waits for the program's end, and kills it when grace is over.
func (p *process) finish(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.ended:
		return
	case <-timer.C:
		p.kill()
	}
	<-p.ended
}

func (p *process) kill() { p.cmd.Process.Kill() } // fails only when it has ended

// endProgram ends the program's input, reads and forgets what it still writes,
// so that it can go on to its own end, and kills it at the given time.
func (t *Tube) endProgram(end time.Time) error {
	half, ok := t.conn.(closeWriter)
	if !ok || half.CloseWrite() != nil || !t.in.enterUntil(end) {
		err := t.conn.Close()
		t.proc.finish(time.Until(end))
		return err
	}
	defer t.in.leave()
	t.conn.SetReadDeadline(time.Time{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(io.Discard, struct{ io.Reader }{t.conn})
	}()
	t.proc.finish(time.Until(end))
	err := t.conn.Close() // and not at the end of its output: a child of the program may hold it open
	<-read
	return err
}

// fileConn makes a net.Conn of files with deadlines: a program's pipes, its
// terminal, or any file the caller has (then r and w are the same).
type fileConn struct {
	r, w *os.File
	pty  bool
	once sync.Once // of closing w
}

func (c *fileConn) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.pty && errors.Is(err, syscall.EIO) {
		err = io.EOF // a terminal whose program has ended
	}
	return n, err
}

func (c *fileConn) Write(p []byte) (int, error) { return c.w.Write(p) }

func (c *fileConn) Close() error {
	if c.r == c.w {
		return c.r.Close()
	}
	c.once.Do(func() { c.w.Close() })
	return c.r.Close()
}

func (c *fileConn) CloseWrite() (err error) {
	if c.r == c.w {
		return noHalf("close write", c)
	}
	c.once.Do(func() { err = c.w.Close() })
	return err
}

func (c *fileConn) LocalAddr() net.Addr  { return c.addr() }
func (c *fileConn) RemoteAddr() net.Addr { return c.addr() }

func (c *fileConn) addr() net.Addr {
	if c.pty {
		return fileAddr{"terminal", c.r.Name()}
	}
	return fileAddr{"pipe", c.r.Name()}
}

type fileAddr struct{ network, name string }

func (a fileAddr) Network() string { return a.network }
func (a fileAddr) String() string  { return a.name }

func (c *fileConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *fileConn) SetReadDeadline(t time.Time) error { return c.r.SetReadDeadline(t) }

// SetWriteDeadline does nothing once CloseWrite has closed the file.
func (c *fileConn) SetWriteDeadline(t time.Time) error {
	err := c.w.SetWriteDeadline(t)
	if errors.Is(err, os.ErrClosed) && c.r != c.w {
		return nil
	}
	return err
}
