package program_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// TestUnconfinedThreads: sessions that wait hold no threads.
func TestUnconfinedThreads(t *testing.T) {
	s := serve(t, program.Config{Unconfined: true, Command: []string{"cat"}})
	before := threads(t)
	const sessions = 200
	for range sessions {
		p := s.dial()
		p.SendLine("hello")
		if got, err := p.RecvLine(); got != "hello" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if more := threads(t) - before; more > sessions/4 {
		t.Errorf("%d sessions hold %d threads", sessions, more)
	}
}

// TestUnconfinedInherits: a program gets none of the descriptors that the server was started with.
func TestUnconfinedInherits(t *testing.T) {
	secret, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0) // without O_CLOEXEC, as what a shell opens
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(secret)
	for _, stderr := range []string{"", "2>&-"} {
		s := serve(t, program.Config{Unconfined: true, Command: []string{"sh", "-c", "ls /proc/self/fd " + stderr}})
		got, err := s.dial().RecvAll(1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range strings.Fields(got) {
			if n := int(fd[0] - '0'); len(fd) > 1 || n > 3 { // the fourth is the directory that ls reads
				t.Errorf("the program has descriptor %s", fd)
			}
		}
	}
}

// TestUnconfinedStderr: the end of much standard error is kept, also of one that was closed before the program's end, and
// whoever leaves the process group and keeps it open is not waited for.
func TestUnconfinedStderr(t *testing.T) {
	for name, shell := range map[string]string{
		"much":   "yes not this | head -c 3000000 >&2; echo the end >&2",
		"closed": "echo the end >&2; exec 2>&-; read x",
		"kept":   "setsid sh -c 'echo $$; exec sleep 100' & read pid; echo the end >&2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := new(testkit.Buffer)
			s := serve(t, program.Config{Unconfined: true, Command: []string{"sh", "-c", shell}}, func(s *chal.Server) {
				s.Log = slog.New(slog.NewTextHandler(log, nil))
			})
			p := s.dial()
			if name == "kept" {
				var pid int
				line, _ := p.RecvLine()
				if _, err := fmt.Sscan(line, &pid); err != nil {
					t.Fatalf("got %q", line)
				}
				defer syscall.Kill(pid, syscall.SIGKILL)
			}
			start := time.Now()
			p.SendLine("")
			p.CloseWrite()
			if got := s.end(p); got != chal.ReasonDone {
				t.Errorf("ended for %q", got)
			}
			if text := log.String(); !strings.Contains(text, "the end\\n") || len(text) > 8<<10 {
				t.Errorf("the log has %d bytes: %.1000s", len(text), text)
			}
			if took := time.Since(start); name == "kept" && took > slowly(10*time.Second) {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestUnconfinedLastWords: what was written just before the end is not lost.
func TestUnconfinedLastWords(t *testing.T) {
	log := new(testkit.Buffer)
	words := strings.Repeat("x", 60_000) + "the end"
	s := serve(t, program.Config{Unconfined: true, Command: []string{"sh", "-c", `printf %s "$0" >&2`, words}}, func(s *chal.Server) {
		s.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	const sessions = 100
	each(sessions, func(int) {
		p := s.dial()
		p.Discard()
		p.Close()
		s.end(p)
	})
	if got := strings.Count(log.String(), "xthe end"); got != sessions {
		t.Errorf("the last words of %d sessions of %d are in the log", got, sessions)
	}
}

// TestUnconfinedClose: it kills what still runs, and starts nothing more.
func TestUnconfinedClose(t *testing.T) {
	s := serve(t, program.Config{Unconfined: true, Command: []string{"cat"}})
	p := s.dial()
	p.SendLine("hello")
	if got, err := p.RecvLine(); got != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	if err := s.handler.Close(); err != nil {
		t.Error(err)
	}
	if got, err := p.RecvAll(100); !strings.Contains(got, "ended from outside") {
		t.Errorf("got %q, %v, want a reason", got, err)
	}
	if got, err := s.dial().RecvAll(1000); !strings.Contains(got, "Something went wrong on our side") {
		t.Errorf("the next got %q, %v", got, err)
	}
}

// TestUnconfinedEnvironment: what is named twice is there once, as it was named last.
func TestUnconfinedEnvironment(t *testing.T) {
	c := program.Config{Unconfined: true, Flag: program.FlagEnv, Command: []string{"/usr/bin/env"}}
	c.Policy.Env = []string{"PATH=/bin", "FLAG=x", "FLAGS=y"}
	if got, err := serve(t, c).dial().RecvAll(1000); got != "PATH=/bin\nFLAG=flag{of the session}\nFLAGS=y\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func init() { roles["crowded"] = crowded }

const crowdedUser = 54_321

// crowded is a server whose user may have few processes. It says where it listens, and ends with its input.
func crowded() {
	fail := func(err error) bool {
		if err != nil {
			fmt.Println("error:", err)
		}
		return err != nil
	}
	const few = 60 // of which the runtime takes some
	if fail(unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: few, Max: few})) || fail(syscall.Setuid(crowdedUser)) {
		return
	}
	h, err := program.New(program.Config{Unconfined: true, Command: []string{"cat"}})
	if fail(err) {
		return
	}
	defer h.Close()
	s := &chal.Server{Handler: h, MaxPerSource: -1, MaxSessions: -1, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	l, err := chal.Listen(context.Background(), "127.0.0.1:0")
	if fail(err) {
		return
	}
	go s.Serve(l)
	defer s.Close()
	fmt.Println(l.Addr())
	bufio.NewScanner(os.Stdin).Scan()
}

// TestProcessesUsedUp: where no more processes can be started the player is told so, and who plays goes on.
func TestProcessesUsedUp(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become a user who has no processes yet")
	}
	_, said, stop := inRole(t, "crowded", t.Output())
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	said.Scan()
	addr := said.Text()
	if addr == "" || strings.HasPrefix(addr, "error: ") {
		t.Fatal(addr)
	}
	var playing []*tube.Tube
	refused := 0
	for range 100 {
		p, err := tube.Dial(t.Context(), "tcp", addr, tube.WithTimeout(slowly(20*time.Second)), tube.WithLinger(0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		p.SendLine("hello")
		switch got, err := p.RecvLine(); {
		case got == "hello":
			playing = append(playing, p)
		case got == "":
			if got, err = p.RecvLine(); got != "Too many programs run on this server now. Try again in a few seconds." {
				t.Fatalf("was told %q, %v", got, err)
			}
			refused++
		default:
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if len(playing) == 0 || refused == 0 {
		t.Errorf("%d play and %d were refused, want some of both", len(playing), refused)
	}
	for _, p := range playing {
		p.SendLine("still here")
		if got, err := p.RecvLine(); got != "still here" {
			t.Errorf("one who plays got %q, %v", got, err)
		}
	}
}
