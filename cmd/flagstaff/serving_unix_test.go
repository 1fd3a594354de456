//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// hosted is a flagstaff that serves.
type hosted struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	ended chan error
}

var playIt = regexp.MustCompile(`nc 127\.0\.0\.1 (\d+)`)

// begin starts flagstaff with a log and waits until it says where it listens.
func begin(t *testing.T, log io.Writer, args ...string) *hosted {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, log, &exec.Cmd{Path: self, Args: append([]string{"flagstaff"}, args...)})
}

// start is begin for a command of another kind.
func start(t *testing.T, log io.Writer, cmd *exec.Cmd) *hosted {
	t.Helper()
	h := &hosted{t: t, cmd: cmd, ended: make(chan error, 1)}
	h.cmd.Stderr = log
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.cmd.Process.Kill() })
	said := bufio.NewScanner(out)
	for h.addr == "" && said.Scan() {
		if m := playIt.FindStringSubmatch(said.Text()); m != nil {
			h.addr = net.JoinHostPort("127.0.0.1", m[1])
		}
	}
	go func() { io.Copy(io.Discard, out); h.ended <- h.cmd.Wait() }()
	if h.addr == "" {
		t.Fatalf("%q ended at once: %v", cmd.Args, <-h.ended)
	}
	return h
}

func (h *hosted) dial() *tube.Tube {
	h.t.Helper()
	p, err := tube.Dial(h.t.Context(), "tcp", h.addr, tube.WithTimeout(time.Minute))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { p.Close() })
	return p
}

// hold opens a session with cat that is under way when it returns.
func (h *hosted) hold() *tube.Tube {
	h.t.Helper()
	p := h.dial()
	p.SendLine("hello")
	if got, err := p.RecvLine(); got != "hello" {
		h.t.Fatalf("got %q, %v", got, err)
	}
	return p
}

func (h *hosted) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(s); err != nil {
		h.t.Fatal(err)
	}
}

// closed waits until nobody is let in any more.
func (h *hosted) closed() {
	h.t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for late := time.After(time.Minute); ; {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			return
		}
		conn.Close()
		select {
		case <-again.C:
		case <-late:
			h.t.Fatal("it still listens after a signal")
		}
	}
}

// wait waits for the end, and wants it within some time, with exit status 0.
func (h *hosted) wait(most time.Duration) {
	h.t.Helper()
	select {
	case err := <-h.ended:
		if err != nil {
			h.t.Errorf("it ended with %v, want status 0", err)
		}
	case <-time.After(most):
		h.t.Fatalf("it does not end within %v", most)
	}
}

// stalled returns a pipe that is full and that nobody reads.
func stalled(t *testing.T) *os.File {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	for _, fd := range p {
		syscall.CloseOnExec(fd)
	}
	t.Cleanup(func() { syscall.Close(p[0]) })
	syscall.SetNonblock(p[1], true)
	for _, size := range []int{4096, 1} {
		for {
			if _, err := syscall.Write(p[1], make([]byte, size)); err != nil {
				break
			}
		}
	}
	syscall.SetNonblock(p[1], false) // a server's log waits
	w := os.NewFile(uintptr(p[1]), "log")
	t.Cleanup(func() { w.Close() })
	return w
}

// TestStalledLog: who has stopped reading the log stops neither a session nor the end.
func TestStalledLog(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		play func(p *tube.Tube) error
	}{
		{"run", []string{"run", "-l", "127.0.0.1:0", "--no-sandbox", "--", "sh", "-c", "read x; echo $x; echo trouble >&2"}, func(p *tube.Tube) error {
			p.SendLine("hello")
			if got, err := p.RecvAll(100); got != "hello\n" {
				return errors.Join(err, errors.New("got "+got))
			}
			return nil
		}},
		{"serve", []string{"serve", "-l", "127.0.0.1:0", "--levels", "-1", "--drain", "0s"}, func(p *tube.Tube) error {
			_, err := p.RecvLine()
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := begin(t, stalled(t), c.args...)
			for range 3 {
				if err := c.play(h.dial()); err != nil {
					t.Fatal(err)
				}
			}
			h.signal(syscall.SIGTERM)
			h.wait(time.Minute)
		})
	}
}

// TestLastLine: what is logged just before the end is not lost.
func TestLastLine(t *testing.T) {
	log := new(testkit.Buffer)
	h := begin(t, log, "run", "-l", "127.0.0.1:0", "--drain", "0s", "--no-sandbox", "--", "cat")
	h.hold()
	h.signal(syscall.SIGTERM)
	h.wait(time.Minute)
	if !strings.Contains(log.String(), "sessions were still open and have been cut") {
		t.Errorf("the log ends before that:\n%s", log)
	}
}

// TestStalledError: nor does an error that ends a server wait to be read.
func TestStalledError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		start := time.Now()
		err := reported(in, context.Canceled)
		if took := time.Since(start); err != exitError(1) || took != sayTime {
			t.Errorf("got %v after %v, want exit status 1 after %v", err, took, sayTime)
		}
		out.Close() // who says it ends
	})
}

// TestHangup: a terminal that is closed ends a server as SIGTERM does, however often it says so, unless that was ignored from the
// start.
func TestHangup(t *testing.T) {
	testkit.HeedSignals()
	t.Run("heeded", func(t *testing.T) {
		log := new(testkit.Buffer)
		h := begin(t, log, "run", "-l", "127.0.0.1:0", "--drain", "1h", "--no-sandbox", "--", "cat")
		p := h.hold()
		h.signal(syscall.SIGHUP)
		h.closed()
		h.signal(syscall.SIGHUP)
		p.SendLine("still here")
		if got, err := p.RecvLine(); got != "still here" {
			t.Errorf("got %q, %v, want to finish", got, err)
		}
		p.Close()
		h.wait(time.Minute)
		if !strings.Contains(log.String(), "reason=left") && !strings.Contains(log.String(), "reason=done") {
			t.Errorf("the log does not say that the session ended:\n%s", log)
		}
	})
	t.Run("ignored", func(t *testing.T) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "flagstaff") // by this name the test binary is the command
		if err := os.Symlink(self, path); err != nil {
			t.Fatal(err)
		}
		h := start(t, new(testkit.Buffer), exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" run -l 127.0.0.1:0 --drain 0s --no-sandbox -- cat`, path))
		h.signal(syscall.SIGHUP)
		h.hold()
		h.signal(syscall.SIGTERM)
		h.wait(time.Minute)
	})
}
