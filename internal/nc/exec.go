package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// command makes the program of -e or -c for one connection.
func (n *netcat) command(cl *client) (*exec.Cmd, error) {
	var cmd *exec.Cmd
	if n.c.ShExec != "" {
		cmd = shell(n.c.ShExec)
	} else {
		words, err := cmdline.SplitWords(n.c.Exec)
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(words[0], words[1:]...)
	}
	remote, rport := hostAndPort(cl.peer)
	local, lport := hostAndPort(cl.conn.LocalAddr())
	proto := "TCP"
	if n.c.UDP {
		proto = "UDP"
	}
	if n.c.TLS.On {
		proto = "SSL"
	}
	cmd.Env = append(os.Environ(), "NCAT_REMOTE_ADDR="+remote, "NCAT_REMOTE_PORT="+rport,
		"NCAT_LOCAL_ADDR="+local, "NCAT_LOCAL_PORT="+lport, "NCAT_PROTO="+proto)
	cmd.Stderr = n.r.W
	return cmd, nil
}

func hostAndPort(a net.Addr) (string, string) {
	if a == nil {
		return "", ""
	}
	if ap, ok := addrPort(a); ok {
		return ap.Addr().String(), strconv.Itoa(int(ap.Port()))
	}
	return a.String(), "0"
}

// runProgram connects a program with a connection, and returns when the
// program has ended and its output is sent.
func (n *netcat) runProgram(ctx context.Context, cl *client) error {
	cmd, err := n.command(cl)
	if err != nil {
		cl.conn.Close()
		return err
	}
	n.r.Event("program", "command", cmd.Args, "remote", cl.peer.String())
	if n.c.PTY {
		return n.runOnPty(ctx, cl, cmd)
	}
	ownGroup(cmd)
	if f := n.handOver(cl.conn); f != nil {
		return n.runOnSocket(ctx, cl, cmd, f)
	}
	return n.runOnPipes(ctx, cl, cmd)
}

// handOver returns the connection as a descriptor for the program, if nothing
// has to look at the bytes: they then never pass through this process.
func (n *netcat) handOver(conn net.Conn) *os.File {
	c := n.c
	if n.taps != nil || c.Timeout > 0 || c.IdleTimeout > 0 || c.Delay > 0 || c.QuitAfter >= 0 {
		return nil
	}
	switch conn := conn.(type) {
	case *net.TCPConn:
		f, err := conn.File()
		if err == nil && blocking(f) == nil {
			return f
		}
	case *net.UnixConn:
		if !c.UDP {
			if f, err := conn.File(); err == nil && blocking(f) == nil {
				return f
			}
		}
	}
	return nil
}

func (n *netcat) runOnSocket(ctx context.Context, cl *client, cmd *exec.Cmd, f *os.File) error {
	cmd.Stdin, cmd.Stdout = f, f
	err := cmd.Start()
	// The program has it now: its end must be the connection's end.
	f.Close()
	cl.conn.Close()
	if err != nil {
		return startError(cmd, err)
	}
	unhook := context.AfterFunc(ctx, func() { killGroup(cmd) })
	defer unhook()
	return n.ended(cmd, cmd.Wait())
}

func startError(cmd *exec.Cmd, err error) error {
	hint := "-e takes a program and its arguments; -c a shell command"
	if errors.Is(err, exec.ErrNotFound) {
		hint = "is it installed, and in $PATH? give its whole path; -c takes a shell command"
	}
	return report.WithHint(fmt.Errorf("start %s: %w", cmd.Args[0], errors.Unwrap(err)), hint)
}

// ended tells how a program ended; its exit status is its own affair.
func (n *netcat) ended(cmd *exec.Cmd, err error) error {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	n.r.SayMore("%s: %s ended: %s", n.c.Name, cmd.Args[0], cmd.ProcessState)
	n.r.Event("program-ended", "command", cmd.Args, "state", cmd.ProcessState.String())
	return nil
}

// runOnPipes copies between the connection and the program.
func (n *netcat) runOnPipes(ctx context.Context, cl *client, cmd *exec.Cmd) error {
	defer cl.conn.Close()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return startError(cmd, err)
	}
	n.shuttle(ctx, cl, cmd, stdin, r)
	return n.ended(cmd, cmd.Wait())
}

// shuttle copies until the program's output has ended. The client's end is the
// program's end of input; a client that has gone is told by the broken pipe.
func (n *netcat) shuttle(ctx context.Context, cl *client, cmd *exec.Cmd, stdin io.WriteCloser, stdout io.ReadCloser) {
	unhook := context.AfterFunc(ctx, func() { killGroup(cmd) })
	defer unhook()
	sent, got := meter(n.c), meter(n.c)
	s := &session{n: n, conn: cl.conn, sent: sent, got: got}
	if over := s.idle(ctx); over != nil {
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-over:
				n.r.Say("%s: nothing moved; ending %s", n.c.Name, cmd.Args[0])
				killGroup(cmd)
			case <-done:
			}
		}()
	}
	go func() {
		n.copyTapped(stdin, cl.conn, got, false)
		stdin.Close()
		if n.c.QuitAfter >= 0 {
			time.AfterFunc(n.c.QuitAfter, func() { killGroup(cmd) })
		}
	}()
	if err := n.copyTapped(cl.conn, stdout, sent, true); err != nil && !errors.Is(err, io.EOF) {
		stdout.Close() // the program's next write ends it
	}
	closeWrite(cl.conn)
}

// copyTapped copies and writes down what passes. It returns the writer's error.
func (n *netcat) copyTapped(w io.Writer, r io.Reader, m *relay.Meter, sent bool) error {
	buf := make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		if k > 0 {
			if n.c.Delay > 0 {
				time.Sleep(n.c.Delay)
			}
			if t := n.taps; t != nil {
				record := t.gotBytes
				if sent {
					record = t.sentBytes
				}
				if terr := record(buf[:k]); terr != nil {
					n.r.Note("%v", terr)
				}
			}
			if _, werr := w.Write(buf[:k]); werr != nil {
				return werr
			}
			m.Add(k)
		}
		if err != nil {
			return nil
		}
	}
}
