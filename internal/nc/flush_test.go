//go:build linux

package nc

import (
	"context"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestLastBytes ends nc while the peer has not taken all: what becomes of the rest is its status.
func TestLastBytes(t *testing.T) {
	small := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		rc.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return err
	}}
	const size = 20_000 // more than the peer's buffer, less than ours
	for _, way := range []struct {
		name string
		peer func(*net.TCPConn)
		says string
	}{
		{"takes all", func(c *net.TCPConn) { io.Copy(io.Discard, c) }, ""},
		{"finishes, and takes all", func(c *net.TCPConn) { c.CloseWrite(); io.Copy(io.Discard, c) }, ""},
		{"takes all, and finishes", func(c *net.TCPConn) { io.CopyN(io.Discard, c, size) }, ""},
		{"resets", func(c *net.TCPConn) { c.SetLinger(0) }, "error: the peer cut the connection (reset)"},
		{"closes", func(*net.TCPConn) {}, "error: the peer cut the connection (reset)"},
		{"finishes, then resets", func(c *net.TCPConn) { c.CloseWrite(); c.SetLinger(0) }, "error: the peer cut the connection (reset)"},
		{"takes nothing", nil, "error: the peer has not taken all of the input: "},
	} {
		for _, args := range []string{"--send-only", "-q 0"} {
			t.Run(way.name+" "+args, func(t *testing.T) {
				t.Parallel()
				ln, err := small.Listen(context.Background(), "tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				_, port, _ := net.SplitHostPort(ln.Addr().String())
				cmd := exec.Command(ncBinary, append(strings.Fields(args), "127.0.0.1", port)...)
				cmd.Stdin = filled(t, strings.Repeat("x", size))
				errs := newWatch()
				cmd.Stderr = errs
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer cmd.Process.Kill()
				c, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				if way.peer != nil {
					io.CopyN(io.Discard, c, 1000)
					way.peer(c.(*net.TCPConn))
					c.Close()
				}
				err = <-ended
				if (err == nil) != (way.says == "") || !strings.Contains(errs.String(), way.says) {
					t.Errorf("%v: %s", err, errs)
				}
			})
		}
	}
}
