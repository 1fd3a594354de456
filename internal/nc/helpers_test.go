//go:build unix

package nc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) *job {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	j := &job{cmd: exec.CommandContext(ctx, name, args...), errs: newWatch(), done: make(chan struct{})}
	j.cmd.Stdout, j.cmd.Stderr = &j.out, j.errs
	if err := j.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() { j.status = j.cmd.Wait(); close(j.done) }()
	t.Cleanup(func() { cancel(); <-j.done })
	return j
}

func (j *job) wait(t *testing.T) {
	t.Helper()
	select {
	case <-j.done:
	case <-time.After(patience):
		t.Fatalf("%v has not ended: %s", j.cmd.Args, j.errs)
	}
}

// freePort is a port that nobody listens on now, for programs that cannot tell theirs.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// listening waits until the kernel says that a port is listened on, without connecting.
func listening(t testing.TB, files []string, port string) {
	t.Helper()
	n, _ := strconv.Atoi(port)
	want := fmt.Sprintf(":%04X ", n)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for {
		for _, f := range files {
			p, _ := os.ReadFile(f)
			for line := range strings.Lines(string(p)) {
				fields := strings.Fields(line)
				if len(fields) > 3 && strings.HasSuffix(fields[1]+" ", want) && (fields[3] == "0A" || fields[3] == "07") {
					return
				}
			}
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("nobody listens on %s", port)
		}
	}
}

var tcpTables = []string{"/proc/net/tcp", "/proc/net/tcp6"}
