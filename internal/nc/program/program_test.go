//go:build unix

package program

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// run starts a program for one end of a connection and returns the other.
func run(t *testing.T, ctx context.Context, r *Runner) (far *net.TCPConn, ended chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	r.Report = &report.Reporter{W: null}
	r.Config.QuitAfter = -1
	ended = make(chan error, 1)
	go func() { ended <- r.Run(ctx, near, near.RemoteAddr()) }()
	return c.(*net.TCPConn), ended
}

// TestWays runs the same program on the socket itself, through pipes, and on a terminal.
func TestWays(t *testing.T) {
	script := `read x; echo "$x from $NCAT_REMOTE_ADDR $NCAT_PROTO"; cat >/dev/null; echo end`
	var mu sync.Mutex
	var sent, got []byte
	for name, r := range map[string]*Runner{
		"socket": {Config: &cmdline.Config{ShExec: script}},
		"words":  {Config: &cmdline.Config{Exec: `sh -c '` + script + `'`}},
		"idle":   {Config: &cmdline.Config{ShExec: script, IdleTimeout: time.Minute}},
		"tapped": {Config: &cmdline.Config{ShExec: script}, Tap: func(p []byte, up bool) error {
			mu.Lock()
			defer mu.Unlock()
			if up {
				sent = append(sent, p...)
			} else {
				got = append(got, p...)
			}
			return nil
		}},
	} {
		far, ended := run(t, t.Context(), r)
		io.WriteString(far, "hello\n")
		far.CloseWrite()
		p, err := io.ReadAll(far)
		if want := "hello from 127.0.0.1 TCP\nend\n"; string(p) != want || err != nil {
			t.Errorf("%s: got %q, %v", name, p, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if string(sent) != "hello from 127.0.0.1 TCP\nend\n" || string(got) != "hello\n" {
		t.Errorf("tapped %q and %q", sent, got)
	}
}

func TestTerminal(t *testing.T) {
	far, ended := run(t, t.Context(), &Runner{Config: &cmdline.Config{ShExec: "test -t 0 && stty size", PTY: true}})
	if p, _ := io.ReadAll(far); !strings.Contains(string(p), "24 80") {
		t.Errorf("got %q", p)
	}
	<-ended
}

// TestKilledWithChildren leaves nobody of the program's group behind.
func TestKilledWithChildren(t *testing.T) {
	for name, c := range map[string]*cmdline.Config{
		"cancelled": {ShExec: "sleep 1000 & echo ready; wait"},
		"still":     {ShExec: "sleep 1000 & echo ready; wait", IdleTimeout: 100 * time.Millisecond},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		far, ended := run(t, ctx, &Runner{Config: c})
		if _, err := io.ReadFull(far, make([]byte, 6)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "cancelled" {
			cancel()
		}
		if p, err := io.ReadAll(far); len(p) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %q, %v; the sleeper still holds the connection", name, p, err)
		}
		<-ended
		cancel()
	}
}

// TestNotThere says what could not be started, and closes the connection.
func TestNotThere(t *testing.T) {
	far, ended := run(t, t.Context(), &Runner{Config: &cmdline.Config{Exec: filepath.Join(t.TempDir(), "nothing")}})
	if p, _ := io.ReadAll(far); len(p) > 0 {
		t.Errorf("got %q", p)
	}
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "start ") {
		t.Errorf("got %v", err)
	}
}

// TestUnreadInput: what a program has written arrives, also when it ends without having read all that the client sent, or goes on
// sending.
func TestUnreadInput(t *testing.T) {
	const size = 1_000_000
	script := `read x; head -c 1000000 /dev/zero`
	for name, c := range map[string]*cmdline.Config{
		"socket": {ShExec: script},
		"pipes":  {ShExec: script, IdleTimeout: time.Minute},
		"pty":    {ShExec: "stty raw -echo; echo ready; " + script, PTY: true},
	} {
		far, ended := run(t, t.Context(), &Runner{Config: c})
		if c.PTY {
			if _, err := io.ReadFull(far, make([]byte, len("ready\n"))); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		over := make(chan struct{})
		var sender sync.WaitGroup
		sender.Go(func() {
			io.WriteString(far, "line\n")
			for far.SetWriteDeadline(time.Now().Add(10*time.Second)) == nil {
				select {
				case <-over:
					return
				default:
				}
				if _, err := io.WriteString(far, strings.Repeat("more\n", 100)); err != nil {
					return
				}
			}
		})
		n, err := io.Copy(io.Discard, far)
		if n != size { // what comes after the close is answered by a reset
			t.Errorf("%s: got %d bytes, %v, want all %d", name, n, err, size)
		}
		close(over)
		far.Close()
		sender.Wait()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLeftInBackground: what a program leaves behind on the socket may still speak.
func TestLeftInBackground(t *testing.T) {
	far, ended := run(t, t.Context(), &Runner{Config: &cmdline.Config{ShExec: "echo now; (read x <&1; echo late) & exit 0"}})
	if _, err := io.ReadFull(far, make([]byte, len("now\n"))); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	io.WriteString(far, "\n")
	if p, err := io.ReadAll(far); string(p) != "late\n" || err != nil {
		t.Errorf("got %q, %v, want what the child says", p, err)
	}
}
