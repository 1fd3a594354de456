// Package program connects programs with connections: -e, -c and --pty.
//
//	r := &program.Runner{Config: c, Report: rep}
//	err := r.Run(ctx, conn, conn.RemoteAddr())
//
// Where nothing has to look at the bytes, the program gets the socket itself, and
// they never pass through this process. A program is in a process group of its
// own: when ctx is done it is killed with its children. Its output is never cut,
// and it is always reaped; its exit status is its own affair.
package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/crlf"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// A Runner runs a program for each connection. Its fields are not changed while
// it is used; Run may be called by many at once.
type Runner struct {
	Config *cmdline.Config
	Report *report.Reporter
	// Tap is given what passes, in pieces, sent or received; nil when nobody looks.
	Tap func(p []byte, sent bool) error
}

// command makes the program of -e or -c for one connection.
func (r *Runner) command(conn net.Conn, peer net.Addr) (*exec.Cmd, error) {
	var cmd *exec.Cmd
	if r.Config.ShExec != "" {
		cmd = shell(r.Config.ShExec)
	} else {
		words, err := cmdline.SplitWords(r.Config.Exec)
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(words[0], words[1:]...)
	}
	remote, rport := hostAndPort(peer)
	local, lport := hostAndPort(conn.LocalAddr())
	cmd.Env = append(os.Environ(), "NCAT_REMOTE_ADDR="+remote, "NCAT_REMOTE_PORT="+rport,
		"NCAT_LOCAL_ADDR="+local, "NCAT_LOCAL_PORT="+lport, "NCAT_PROTO="+r.protocol())
	cmd.Stderr = r.Report.W
	return cmd, nil
}

// protocol is what a program finds in NCAT_PROTO.
func (r *Runner) protocol() string {
	switch c := r.Config; {
	case c.TLS.On:
		return "SSL"
	case c.Unix:
		return "UNIX"
	case c.Vsock:
		return "VSOCK"
	case c.UDP:
		return "UDP"
	}
	return "TCP"
}

// hostAndPort splits an address. A Unix socket's is its path, and nothing where it has none, as clients' have.
func hostAndPort(a net.Addr) (string, string) {
	if a == nil {
		return "", ""
	}
	if u, ok := a.(*net.UnixAddr); ok {
		if u == nil || u.Name == "@" {
			return "", ""
		}
		return u.Name, ""
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String(), "0"
	}
	return host, port
}

// Run connects a program with a connection, and returns when the
// program has ended and its output is sent.
func (r *Runner) Run(ctx context.Context, conn net.Conn, peer net.Addr) error {
	cmd, err := r.command(conn, peer)
	if err != nil {
		conn.Close()
		return err
	}
	r.Report.Event("program", "command", cmd.Args, "remote", peer.String())
	if r.Report.JSON && !r.Config.PTY {
		errs, flush, err := r.errorEvents(peer)
		if err != nil {
			conn.Close()
			return err
		}
		defer flush()
		cmd.Stderr = errs
	}
	if r.Config.PTY {
		return r.runOnPty(ctx, conn, cmd)
	}
	ownGroup(cmd)
	if f := r.handOver(conn); f != nil {
		return r.runOnSocket(ctx, conn, cmd, f)
	}
	return r.runOnPipes(ctx, conn, cmd)
}

// errorEvents makes events of what a program writes to its standard error, a line each. flush is called when the program has
// ended; children it has left behind are not waited for.
func (r *Runner) errorEvents(peer net.Addr) (w *os.File, flush func(), err error) {
	in, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer in.Close()
		lines := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := lines.ReadSlice('\n') // as much of it as fits
			if len(line) > 0 {
				r.Report.Event("stderr", "remote", peer.String(), "text", strings.TrimSuffix(string(line), "\n"))
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	}()
	return w, func() {
		w.Close()
		select {
		case <-done:
		case <-time.After(100 * time.Millisecond):
		}
	}, nil
}

// handOver returns the connection as a descriptor for the program, if nothing
// has to look at the bytes: they then never pass through this process.
func (r *Runner) handOver(conn net.Conn) *os.File {
	c := r.Config
	if r.Tap != nil || c.CRLF || c.Timeout > 0 || c.IdleTimeout > 0 || c.Delay > 0 || c.QuitAfter >= 0 {
		return nil
	}
	switch conn := conn.(type) {
	case *net.TCPConn:
		return descriptor(conn)
	case *net.UnixConn:
		if !c.UDP {
			return descriptor(conn)
		}
	}
	return nil
}

// runOnSocket starts the program by os.StartProcess, since package exec would do what is done once for all connections
// again for each.
func (r *Runner) runOnSocket(ctx context.Context, conn net.Conn, cmd *exec.Cmd, f *os.File) error {
	if cmd.Err != nil {
		f.Close()
		conn.Close()
		return startError(cmd, &exec.Error{Name: cmd.Args[0], Err: cmd.Err})
	}
	p, err := os.StartProcess(cmd.Path, cmd.Args, &os.ProcAttr{
		Files: []*os.File{f, f, cmd.Stderr.(*os.File)}, Env: cmd.Env, Sys: cmd.SysProcAttr,
	})
	conn.Close() // from now on this process is not woken when something comes
	defer f.Close()
	if err != nil {
		return startError(cmd, err)
	}
	cmd.Process = p
	unhook := context.AfterFunc(ctx, func() { killGroup(cmd) })
	cmd.ProcessState, err = p.Wait()
	unhook()
	// A child that was left in the background may still speak to the client; without one the program's end is the connection's.
	if !groupAlive(cmd) {
		if conn, err := net.FileConn(f); err == nil {
			f.Close()
			r.hangUp(ctx, conn)
		}
	}
	return r.ended(cmd, err)
}

// patience is how long a client that still sends what nobody reads is waited for, until it has what the program has written: closed
// before, the connection would be reset, and that would be lost.
const patience = 10 * time.Second

// hangUp ends the connection of a program that has ended.
func (r *Runner) hangUp(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	stream := conn
	if tcp := tube.TCP(conn); tcp != nil {
		stream = tcp // what comes need not be decrypted
	} else if _, ok := conn.(*net.UnixConn); !ok || r.Config.UDP {
		return
	}
	tube.New(stream, tube.WithLinger(patience)).Close()
}

func startError(cmd *exec.Cmd, err error) error {
	hint := "-e takes a program and its arguments; -c a shell command"
	switch {
	case errors.Is(err, exec.ErrNotFound):
		hint = "is it installed, and in $PATH? give its whole path; -c takes a shell command"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		hint = "more may be open after ulimit -n; -m N serves no more than N connections at once"
	case errors.Is(err, syscall.EAGAIN):
		hint = "more processes may run after ulimit -u; -m N serves no more than N connections at once"
	}
	return report.WithHint(fmt.Errorf("start %s: %w", cmd.Args[0], errors.Unwrap(err)), hint)
}

// ended tells how a program ended; its exit status is its own affair.
func (r *Runner) ended(cmd *exec.Cmd, err error) error {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	r.Report.SayMore("%s: %s ended: %s", r.Config.Name, cmd.Args[0], cmd.ProcessState)
	r.Report.Event("program-ended", "command", cmd.Args, "state", cmd.ProcessState.String())
	return nil
}

// runOnPipes copies between the connection and the program.
func (r *Runner) runOnPipes(ctx context.Context, conn net.Conn, cmd *exec.Cmd) error {
	defer r.hangUp(ctx, conn)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return startError(cmd, err)
	}
	idle := r.shuttle(ctx, conn, cmd, stdin, out)
	return errors.Join(r.ended(cmd, cmd.Wait()), idle)
}

// shuttle copies until the program's output has ended. The client's end is the
// program's end of input; a client that has gone is told by the broken pipe. The error is that of --idle-timeout.
func (r *Runner) shuttle(ctx context.Context, conn net.Conn, cmd *exec.Cmd, stdin io.WriteCloser, stdout io.ReadCloser) error {
	unhook := context.AfterFunc(ctx, func() { killGroup(cmd) })
	defer unhook()
	sent, got := new(relay.Meter), new(relay.Meter)
	idle := make(chan error, 1)
	if limit := r.Config.IdleLimit(); limit > 0 {
		sent.Timed()
		got.Timed()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		still := relay.Still(ctx, limit, sent, got)
		go func() {
			select {
			case <-still:
				r.Report.Say("%s: nothing moved; ending %s", r.Config.Name, cmd.Args[0])
				if limit != r.Config.Timeout {
					idle <- report.WithHint(fmt.Errorf("nothing moved for %v", limit), "--idle-timeout sets how long to wait")
				}
				killGroup(cmd)
			case <-ctx.Done():
			}
		}()
	}
	go func() {
		err := r.copyTapped(stdin, conn, got, false)
		if t, ok := stdin.(hangUpper); ok && errors.As(err, new(cutError)) {
			t.HangUp()
			return
		}
		stdin.Close()
		if r.Config.QuitAfter >= 0 {
			time.AfterFunc(r.Config.QuitAfter, func() { killGroup(cmd) })
		}
	}()
	if err := r.copyTapped(conn, stdout, sent, true); err != nil && !errors.Is(err, io.EOF) {
		stdout.Close() // the program's next write ends it
	}
	relay.CloseWrite(conn)
	select {
	case err := <-idle:
		return err
	default:
		return nil
	}
}

// hangUpper is a terminal, whose program is told by a signal that its user has gone.
type hangUpper interface{ HangUp() }

// cutError is why no more can be read from a connection, other than that the peer has finished.
type cutError struct{ error }

// copyTapped copies and writes down what passes. It returns the writer's error, or a cutError.
func (r *Runner) copyTapped(w io.Writer, from io.Reader, m *relay.Meter, sent bool) error {
	buf := make([]byte, 64<<10)
	if sent && r.Config.CRLF {
		w = &lines{w: w}
	}
	for {
		k, err := from.Read(buf)
		if k > 0 {
			if r.Config.Delay > 0 {
				time.Sleep(r.Config.Delay)
			}
			if r.Tap != nil {
				if err := r.Tap(buf[:k], sent); err != nil {
					r.Report.Note("%v", err)
				}
			}
			if _, werr := w.Write(buf[:k]); werr != nil {
				return werr
			}
			m.Add(k)
		}
		switch {
		case err != nil && (sent || err == io.EOF): // a terminal's end is an error, too
			return nil
		case err != nil:
			return cutError{err}
		}
	}
}

// lines makes CRLF of each LF.
type lines struct {
	w    io.Writer
	made crlf.Maker
}

func (l *lines) Write(p []byte) (int, error) {
	if _, err := l.w.Write(l.made.Append(nil, p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
