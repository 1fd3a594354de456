package program_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compiled compiles a C program of testdata once for all tests.
func compiled(t testing.TB, name string) string {
	t.Helper()
	gcc := testkit.Program(t, "gcc")
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, name)
	if msg, err := exec.Command(gcc, "-O1", "-w", "-static", "-pthread", "-o", out, "testdata/"+name+".c").CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", name, err, msg)
	}
	return out
}

// served is a challenge that runs a program, on a port of its own.
type served struct {
	t      testing.TB
	server *chal.Server
	addr   string
	mu     sync.Mutex
	ends   map[string]chal.Reason // by the player's address
	over   *sync.Cond
}

func serve(t testing.TB, c program.Config, change ...func(*chal.Server)) *served {
	t.Helper()
	h, err := program.New(c)
	var no *sandbox.UnenforceableError
	if errors.As(err, &no) {
		t.Skipf("%v (%s)", err, no.Hint())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, ends: map[string]chal.Reason{}}
	s.over = sync.NewCond(&s.mu)
	s.server = &chal.Server{
		Handler: h, Flag: "flag{of the session}", MaxPerSource: -1, MaxSessions: -1,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Ledger: func(e chal.Entry) {
			if e.What == chal.EntryEnd {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.ends[e.Remote.String()] = e.Reason
				s.over.Broadcast()
			}
		},
	}
	for _, f := range change {
		f(s.server)
	}
	l, err := chal.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(l) }()
	t.Cleanup(func() {
		s.server.Close()
		<-done
		h.Close()
	})
	return s
}

func (s *served) dial() *tube.Tube {
	s.t.Helper()
	p, err := tube.Dial(context.Background(), "tcp", s.addr, tube.WithTimeout(20*time.Second), tube.WithLinger(0))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.Close() })
	return p
}

// end waits for the end of the session of a player.
func (s *served) end(p *tube.Tube) chal.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ends[p.LocalAddr().String()] == "" {
		s.over.Wait()
	}
	return s.ends[p.LocalAddr().String()]
}

// neighbour is a player who talks to an honest program all the time.
func neighbour(ctx context.Context, s *served, first string) error {
	p, err := tube.Dial(ctx, "tcp", s.addr, tube.WithTimeout(20*time.Second), tube.WithLinger(0))
	if err != nil {
		return err
	}
	defer p.Close()
	if first != "" {
		p.SendLine(first)
	}
	for i := 0; ; i++ {
		want := fmt.Sprintf("line %d", i)
		if err := p.SendLine(want); err != nil {
			return fmt.Errorf("after %d lines: %w", i, err)
		}
		if got, err := p.RecvLine(); err != nil || got != want {
			return fmt.Errorf("line %d: got %q, %w", i, got, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// TestHostile runs every attack, several at once, while players on the same challenge and on another play
// on. The limits are smaller than the defaults, so that they are met soon.
func TestHostile(t *testing.T) {
	policy := sandbox.Policy{
		Memory: 48 << 20, Time: 20 * time.Second, CPU: time.Second, Idle: 7 * time.Second, Output: 4 << 20,
	}
	hostile := serve(t, program.Config{Command: []string{compiled(t, "hostile")}, Policy: policy})
	honest := serve(t, program.Config{Command: []string{"cat"}})
	patient := policy
	patient.Time, patient.CPU = time.Minute, time.Minute
	same := serve(t, program.Config{Command: []string{compiled(t, "hostile")}, Policy: patient})

	ctx, stop := context.WithCancel(t.Context())
	var players sync.WaitGroup
	var mu sync.Mutex
	var trouble []error
	for _, n := range []struct {
		s     *served
		first string
	}{{honest, ""}, {same, "echo"}} {
		players.Go(func() {
			if err := neighbour(ctx, n.s, n.first); err != nil {
				mu.Lock()
				defer mu.Unlock()
				trouble = append(trouble, err)
			}
		})
	}
	t.Run("attack", func(t *testing.T) {
		for _, a := range []struct {
			name string
			want []chal.Reason // any of them
			says string
		}{
			{"forkbomb", []chal.Reason{chal.ReasonTimeUp, "cpu", "memory", chal.ReasonIdle}, ""},
			{"threads", []chal.Reason{chal.ReasonDone}, "done"},
			{"hog", []chal.Reason{"memory"}, "memory"},
			{"hogchildren", []chal.Reason{"memory"}, ""},
			{"hogkernel", []chal.Reason{"memory", chal.ReasonDone}, ""},
			{"fill", []chal.Reason{chal.ReasonDone}, "done"},
			{"flood", []chal.Reason{"output"}, ""},
			{"stubborn", []chal.Reason{chal.ReasonIdle}, "ignoring"},
			{"daemonise", []chal.Reason{chal.ReasonDone}, "done"},
			{"files", []chal.Reason{chal.ReasonDone}, "done"},
			{"net", []chal.Reason{chal.ReasonDone}, "done"},
			{"reconnect", []chal.Reason{chal.ReasonDone}, "done"},
			{"look", []chal.Reason{chal.ReasonDone}, "done"},
			{"others", []chal.Reason{chal.ReasonDone}, "others: 1\n"},
			{"kernel", []chal.Reason{chal.ReasonDone}, "done"},
			{"climb", []chal.Reason{chal.ReasonDone}, ""},
			{"sleeper", []chal.Reason{chal.ReasonIdle}, "Nothing came in time"},
			{"burn", []chal.Reason{"cpu", chal.ReasonIdle, chal.ReasonTimeUp}, ""}, // whichever a busy machine reaches first
			{"pids", []chal.Reason{chal.ReasonDone}, "done"},
		} {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				for _, s := range []*served{hostile, same} {
					if s == same && a.want[0] != chal.ReasonDone {
						continue // it would take as long as the patient policy lets it
					}
					p := s.dial()
					p.SendLine(a.name)
					out, err := io.ReadAll(io.LimitReader(p, 64<<10))
					if err == nil {
						_, err = io.Copy(io.Discard, p) // of a flood, until the server has stopped it
					}
					if err != nil {
						t.Errorf("read: %v", err)
					}
					p.Close()
					if text := string(out); strings.Contains(text, "escaped") || !strings.Contains(text, a.says) {
						t.Errorf("got %.2000q, want %q and nothing escaped", text, a.says)
					}
					got := s.end(p)
					ok := false
					for _, want := range a.want {
						ok = ok || got == want
					}
					if !ok {
						t.Errorf("ended for %q, want one of %q", got, a.want)
					}
				}
			})
		}
	})
	stop()
	players.Wait()
	for _, err := range trouble {
		t.Errorf("a neighbour noticed: %v", err)
	}
}

// TestComputing ends a program that has used up its processor time.
func TestComputing(t *testing.T) {
	s := serve(t, program.Config{Command: []string{compiled(t, "hostile")}, Policy: sandbox.Policy{CPU: time.Second}})
	p := s.dial()
	p.SendLine("burn")
	out, err := p.RecvAll(1 << 20)
	if !strings.Contains(out, "computed for too long") || s.end(p) != "cpu" {
		t.Errorf("got %q, %v, ended for %q", out, err, s.end(p))
	}
}

// TestPlayerLeft ends a session whose player has broken the connection off.
func TestPlayerLeft(t *testing.T) {
	s := serve(t, program.Config{Command: []string{"sleep", "1000"}})
	p := s.dial()
	p.SendLine("x")
	p.Abort()
	if got := s.end(p); got != chal.ReasonLeft {
		t.Errorf("ended for %q, want %q", got, chal.ReasonLeft)
	}
}
