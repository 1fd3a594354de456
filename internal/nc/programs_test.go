//go:build unix

package nc

import (
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// TestProgramsAreReaped leaves no child and no orphan behind.
func TestProgramsAreReaped(t *testing.T) {
	l := start(t, ncBinary, "-lkvn", "-c", "cat", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		cmd := exec.Command(ncBinary, "127.0.0.1", port)
		cmd.Stdin = strings.NewReader("hello\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
			t.Fatalf("got %q, %v", out, err)
		}
	}
	held, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	io.WriteString(held, "x\n")
	readLine(held) // the program runs
	children := func() string {
		out, _ := exec.Command("ps", "-o", "stat=", "--ppid", strconv.Itoa(l.cmd.Process.Pid)).Output()
		return strings.TrimSpace(string(out))
	}
	if got := children(); strings.Count(got, "\n") != 0 || strings.Contains(got, "Z") {
		t.Errorf("children: %q, want one alive", got)
	}
	// SIGTERM ends the listener and the program it started.
	l.cmd.Process.Signal(syscall.SIGTERM)
	l.wait(t)
	held.SetReadDeadline(time.Now().Add(patience))
	if _, err := held.Read(make([]byte, 1)); err == nil || report.TimedOut(err) {
		t.Errorf("the program is still there: %v", err)
	}
}

// TestSignalEndsPrograms ends nc by the signal itself, with and without a
// program, and not by one that whoever started it has it ignore.
func TestSignalEndsPrograms(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		l, port := listener(t, "-lk", "-c", "echo up; exec cat")
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		readLine(c)
		l.cmd.Process.Signal(sig)
		l.wait(t)
		if ws := l.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
			t.Errorf("%v: ended with %v", sig, l.cmd.ProcessState)
		}
	}
	l := start(t, "sh", "-c", `trap "" HUP; exec "$0" -lkvn -c "echo up; exec cat" 127.0.0.1 0`, ncBinary)
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	l.cmd.Process.Signal(syscall.SIGHUP)
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := readLine(c); got != "up" {
		t.Errorf("after an ignored SIGHUP: got %q, %s", got, l.errs)
	}
}

// TestOtherSignals end nc as any program.
func TestOtherSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM} {
		l, _ := listener(t, "-l")
		l.cmd.Process.Signal(sig)
		l.wait(t)
		if ws := l.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
			t.Errorf("%v: ended with %v", sig, l.cmd.ProcessState)
		}
	}
}

// TestHangUp tells a program on a terminal that its user was cut off.
func TestHangUp(t *testing.T) {
	l, port := listener(t, "-l", "--pty", "-c", "echo up; while :; do read x || sleep 1; done")
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	readLine(c)
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	l.wait(t) // it would go on for ever
}

// TestQuit ends nc by SIGQUIT as any program, without a word.
func TestQuit(t *testing.T) {
	l, _ := listener(t, "-l")
	before := l.errs.String()
	l.cmd.Process.Signal(syscall.SIGQUIT)
	l.wait(t)
	if ws := l.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGQUIT {
		t.Errorf("ended with %v", l.cmd.ProcessState)
	}
	if l.errs.String() != before {
		t.Errorf("it says %s", l.errs)
	}
}

// TestProxyRefusalArrives reads the whole refusal although the client goes on sending.
func TestProxyRefusalArrives(t *testing.T) {
	_, port := listener(t, "-lk", "--proxy-type", "http", "--proxy-auth", "u:p")
	for range 20 {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "CONNECT h:1 HTTP/1.1\r\n\r\n"+strings.Repeat("more", 10000))
		c.(*net.TCPConn).CloseWrite()
		p, err := io.ReadAll(c)
		c.Close()
		if err != nil || !strings.HasPrefix(string(p), "HTTP/1.1 407 ") {
			t.Fatalf("got %q, %v", p, err)
		}
	}
}
