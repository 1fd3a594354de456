package program_test

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

var runs = flag.Int("runs", 8, "how often TestNoByteLost plays each case")

// ways are the ways from a player to a program.
var ways = []struct {
	name   string
	change func(*program.Config)
}{
	{"direct", func(*program.Config) {}},
	{"relay", func(c *program.Config) { c.Relay = true }},
	{"terminal", func(c *program.Config) { c.Policy.PTY = true }},
	{"unconfined", func(c *program.Config) { c.Unconfined = true }},
}

// TestNoByteLost counts what arrives of a program that prints and exits at once.
func TestNoByteLost(t *testing.T) {
	print := compiled(t, "print")
	for _, way := range ways {
		for _, size := range []int{200, 4 << 10, 8 << 10, 60 << 10, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", way.name, size), func(t *testing.T) {
				t.Parallel()
				c := program.Config{Command: []string{print, strconv.Itoa(size)}}
				way.change(&c)
				s := serve(t, c)
				for i := range *runs {
					p := s.dial()
					if i%2 == 1 { // input that nobody reads
						p.Send(strings.Repeat("unread", 1000))
					}
					n, err := io.Copy(io.Discard, p)
					if n != int64(size) || err != nil {
						t.Errorf("run %d: got %d bytes, want %d, %v", i, n, size, err)
					}
					p.Close()
				}
			})
		}
	}
}

// TestHalfClose gets an answer to all the input.
func TestHalfClose(t *testing.T) {
	for _, c := range []struct{ name, shell, input, want string }{
		{"lines", "wc -c; echo end", strings.Repeat("0123456789\n", 300), "3300\nend\n"},
		{"no newline", "wc -c; echo end", strings.Repeat("0123456789", 1000), "10000\nend\n"},
		{"control characters", "wc -c; echo end", "a\x04b\x03\x04\x04\x1a\xff\x00", "9\nend\n"},
		{"nothing", "wc -c; echo end", "", "0\nend\n"},
		{"a reader that waits", "echo ready; wc -c; echo end", "word", "4\nend\n"},
		{"several reads of the end", "wc -c; wc -c; wc -c; echo end", "word", "4\n0\n0\nend\n"},
		{"a busy program", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; wc -c", strings.Repeat("x", 1<<16), "65536\n"},
	} {
		for _, way := range ways {
			t.Run(c.name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				config := program.Config{Command: []string{"sh", "-c", c.shell}}
				way.change(&config)
				s := serve(t, config)
				for range *runs {
					p := s.dial()
					if strings.HasPrefix(c.shell, "echo ready") {
						p.RecvLine()
					}
					p.Send(c.input)
					p.CloseWrite()
					if got, err := p.RecvAll(1 << 20); got != c.want || err != nil {
						t.Fatalf("got %q, %v, want %q", got, err, c.want)
					}
					if got := s.end(p); got != chal.ReasonDone {
						t.Errorf("ended for %q, want %q", got, chal.ReasonDone)
					}
				}
			})
		}
	}
}

// TestProgramClosesFirst reads input after the program has closed its output.
func TestProgramClosesFirst(t *testing.T) {
	s := serve(t, program.Config{Command: []string{"sh", "-c", "echo question; read x; test \"$x\" = answer && echo right"}})
	p := s.dial()
	if got, err := p.RecvLine(); got != "question" {
		t.Fatalf("got %q, %v", got, err)
	}
	p.SendLine("answer")
	if got, err := p.RecvAll(1 << 20); got != "right\n" {
		t.Errorf("got %q, %v, want %q", got, err, "right\n")
	}
}

func TestFlag(t *testing.T) {
	const want = "flag{of the session}"
	for _, c := range []struct {
		way   program.FlagWay
		fixed string
		shell string
		want  string
	}{
		{program.FlagFile, "", "cat /flag", want},
		{program.FlagFile, "flag{fixed}", "cat /flag", "flag{fixed}"},
		{program.FlagEnv, "", "echo -n $FLAG", want},
		{program.FlagArg, "", "echo -n $0", want},
		{program.FlagNone, "", "cat /flag; env | grep -i flag; echo -n none", "none"},
	} {
		t.Run(string(c.way)+c.fixed, func(t *testing.T) {
			t.Parallel()
			s := serve(t, program.Config{Command: []string{"sh", "-c", c.shell}, Flag: c.way, FixedFlag: c.fixed})
			if got, err := s.dial().RecvAll(1 << 20); got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestFlagWayUnknown(t *testing.T) {
	if _, err := program.New(program.Config{Command: []string{"cat"}, Flag: "mail"}); err == nil {
		t.Error("got no error")
	}
}

// TestPlayer tells the program who plays.
func TestPlayer(t *testing.T) {
	s := serve(t, program.Config{Command: []string{"sh", "-c", "echo $FLAGSTAFF_REMOTE $FLAGSTAFF_TEAM"}, Player: true}, func(s *chal.Server) {
		next := s.Handler
		s.Handler = chal.Chain(next, team("7"))
	})
	p := s.dial()
	want := p.LocalAddr().String() + " 7\n"
	if got, err := p.RecvAll(1 << 20); got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestTLS plays over TLS, where the program cannot have the connection.
func TestTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	config := web.TLS.Clone()
	web.Close()
	config.NextProtos = nil
	h, err := program.New(program.Config{Command: []string{"sh", "-c", "wc -c; echo end"}})
	skipUnenforceable(t, err)
	defer h.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := &chal.Server{Handler: h}
	go server.Serve(l)
	defer server.Close()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	p := tube.New(conn, tube.WithTimeout(20*time.Second), tube.WithLinger(0))
	defer p.Close()
	p.Send(strings.Repeat("x", 100_000))
	p.CloseWrite()
	if got, err := p.RecvAll(1 << 20); got != "100000\nend\n" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "100000\nend\n")
	}
}

// TestMemory plays over a connection that is none of the system's.
func TestMemory(t *testing.T) {
	h, err := program.New(program.Config{Command: []string{"cat"}})
	skipUnenforceable(t, err)
	t.Cleanup(func() { h.Close() })
	p := chaltest.Start(t, h)
	p.SendLine("hello")
	if got, err := p.RecvLine(); got != "hello" {
		t.Errorf("got %q, %v, want %q", got, err, "hello")
	}
}

// TestUnreadFirst relays what the tube has received before the program is started.
func TestUnreadFirst(t *testing.T) {
	s := serve(t, program.Config{Command: []string{"head", "-n", "2"}}, func(s *chal.Server) {
		s.Handler = chal.Chain(s.Handler, askFirst)
	})
	p := s.dial()
	p.Send("name\none\ntwo\n")
	if got, err := p.RecvAll(1 << 20); got != "one\ntwo\n" {
		t.Errorf("got %q, %v, want both lines after the first", got, err)
	}
}

// TestCannotStart tells the organiser and not the player: of a program that somebody has spoilt after the start.
func TestCannotStart(t *testing.T) {
	dir := publicDir(t)
	t.Cleanup(func() { os.RemoveAll(dir) })
	broken := dir + "/broken"
	write := func(text string) {
		if err := os.WriteFile(broken, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("#!/bin/sh\n")
	s := serve(t, program.Config{Command: []string{broken}})
	write("#!/no/such/interpreter\n")
	p := s.dial()
	if got, err := p.RecvAll(1 << 20); !strings.Contains(got, "went wrong on our side") {
		t.Errorf("got %q, %v", got, err)
	}
	if got := s.end(p); got != chal.ReasonFailed {
		t.Errorf("ended for %q, want %q", got, chal.ReasonFailed)
	}
}

// TestShutdown ends the programs with the server.
func TestShutdown(t *testing.T) {
	s := serve(t, program.Config{Command: []string{"sh", "-c", "echo ready; exec sleep 1000"}})
	p := s.dial()
	if got, err := p.RecvLine(); got != "ready" {
		t.Fatalf("got %q, %v", got, err)
	}
	s.server.Close()
	if got, _ := p.RecvAll(1 << 20); !strings.Contains(got, "shutting down") {
		t.Errorf("got %q, want to be told", got)
	}
}

// TestLogged logs the end of a long standard error, and no flag of it.
func TestLogged(t *testing.T) {
	var log testkit.Buffer
	script := `i=0; while [ $i -lt 1000 ]; do echo "line $i of many flag{of the session}" >&2; i=$((i+1)); done; echo "the end" >&2`
	s := serve(t, program.Config{Command: []string{"/bin/sh", "-c", script}}, func(s *chal.Server) { s.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	p := s.dial()
	p.CloseWrite()
	if _, err := p.RecvAll(100); err != nil {
		t.Fatal(err)
	}
	s.end(p)
	text := log.String()
	if !strings.Contains(text, "line 999 of many [flag]\\nthe end\\n") || strings.Contains(text, "flag{") || !strings.Contains(text, "stderr_cut=") || len(text) > 8<<10 {
		t.Errorf("got %d bytes: %.300s … %s", len(text), text, text[max(0, len(text)-300):])
	}
}

// TestSetsLinger is left by a program that has told the system to hold whoever closes the connection for an hour, while the player
// does not read.
func TestSetsLinger(t *testing.T) {
	s := serve(t, program.Config{Command: []string{python, "-c", `
import os, socket, struct
socket.socket(fileno=os.dup(1)).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
os.write(1, b"x" * 400000)
`}}, func(s *chal.Server) { s.Linger = 50 * time.Millisecond })
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	c, err := d.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the session has ended", func() bool { st := s.server.Stats(); return st.Started == 1 && st.Open == 0 })
}

// TestLogIsBounded: players who make a program write to standard error do not fill the log's disk.
func TestLogIsBounded(t *testing.T) {
	var log testkit.Buffer
	s := serve(t, program.Config{Command: []string{"sh", "-c", "head -c 16384 /dev/zero >&2; exit 3"}}, func(s *chal.Server) {
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	const sessions = 120
	for range sessions {
		p := s.dial()
		if _, err := p.RecvAll(10); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	eventually(t, "all are logged", func() bool { return strings.Count(log.String(), "program ended") == sessions })
	text := log.String()
	if len(text) > 3<<20/2 {
		t.Errorf("%d sessions wrote %d bytes to the log", sessions, len(text))
	}
	if !strings.Contains(text, "stderr_left_out=4096") || strings.Count(text, "code=3") != sessions {
		t.Errorf("the log does not say what was left out, or how the programs ended; its end:\n%s", text[max(0, len(text)-500):])
	}
}
