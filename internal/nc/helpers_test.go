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

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
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

// A talker is a program whose input is held open, to be spoken with line by line.
type talker struct {
	*job
	in  *os.File // the writing end of its input
	out *watch
}

// talk starts a program whose input stays open until hangUp or the test's end.
func talk(t *testing.T, name string, args ...string) *talker {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	k := &talker{&job{cmd: exec.CommandContext(ctx, name, args...), errs: newWatch(), done: make(chan struct{})}, w, newWatch()}
	k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = r, k.out, k.errs
	err = k.cmd.Start()
	r.Close()
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() { k.status = k.cmd.Wait(); close(k.done) }()
	t.Cleanup(func() { cancel(); w.Close(); <-k.done })
	return k
}

func (k *talker) say(t *testing.T, s string) {
	t.Helper()
	if _, err := k.in.WriteString(s); err != nil {
		t.Fatalf("%v: %v", k.cmd.Args, err)
	}
}

// hears waits until the program has written exactly want since it began.
func (k *talker) hears(t *testing.T, want string) {
	t.Helper()
	if err := k.out.until(func(s string) bool { return len(s) >= len(want) }); err != nil || k.out.String() != want {
		t.Fatalf("%v wrote %q, want %q; %s", k.cmd.Args, k.out, want, k.errs)
	}
}

func (k *talker) hangUp() { k.in.Close() }

// listener starts nc with -v, and waits for its port.
func listener(t *testing.T, args ...string) (l *job, port string) {
	t.Helper()
	l = start(t, ncBinary, append(args, "-v", "-n", "127.0.0.1", "0")...)
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	return l, port
}

// says waits for a text on the standard error.
func (j *job) says(t *testing.T, text string) {
	t.Helper()
	if err := j.errs.until(func(s string) bool { return strings.Contains(s, text) }); err != nil {
		t.Fatalf("%v does not say %q: %s", j.cmd.Args, text, j.errs)
	}
}

// forTest is a netcat for a command line, that tells nothing.
func forTest(t *testing.T, args ...string) *netcat {
	t.Helper()
	c, _, err := cmdline.Parse(append([]string{"nc"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return &netcat{c: c, r: &report.Reporter{Name: "nc"}}
}

// filled is an input that is all there from the beginning. What exec.Cmd copies
// from a reader may come after a quick peer has answered and ended.
func filled(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return r
}
