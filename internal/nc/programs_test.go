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
