package program_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// roles are what the test binary does instead of testing, when a test starts it again with roleVariable set.
var roles = map[string]func(){}

const (
	roleVariable  = "PROGRAM_TEST_ROLE"
	builtVariable = "PROGRAM_TEST_BUILT" // where the test that started this one has compiled the programs
)

// inRole starts the test binary in a role. Its input ends when stop is called, which waits for its end and returns its error, or with the test.
func inRole(t testing.TB, role string, stderr io.Writer, env ...string) (in io.Writer, out *bufio.Scanner, stop func() error) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), env...)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() error {
		stdin.Close()
		return cmd.Wait()
	})
	t.Cleanup(func() { stop() })
	return stdin, bufio.NewScanner(stdout), stop
}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built.dir != "" && os.Getenv(builtVariable) == "" {
			os.RemoveAll(built.dir)
		}
		os.Exit(code)
	}))
}

// built are the programs of testdata that were compiled.
var built struct {
	sync.Mutex
	dir  string
	done map[string]bool
}

// programs returns the directory for what is compiled, one that every user can reach.
func programs(t testing.TB) string {
	t.Helper()
	if built.dir == "" {
		built.dir = os.Getenv(builtVariable)
	}
	if built.dir == "" {
		built.dir = publicDir(t)
	}
	return built.dir
}

// publicDir makes a directory that every user can reach, and that no /tmp of a session's own would hide.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compiled compiles a C program of testdata, a file or a directory, once for all tests.
func compiled(t testing.TB, name string) string {
	t.Helper()
	out, err := compile(t, name, name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compiled32 compiles it for 32 bits; "" where there are none, or where the compiler cannot.
func compiled32(t testing.TB, name string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		return ""
	}
	out, err := compile(t, name, name+"-32", "-m32", "-idirafter", "/usr/include/x86_64-linux-gnu")
	if err != nil {
		t.Log(err)
		return ""
	}
	return out
}

func compile(t testing.TB, name, as string, options ...string) (string, error) {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	out := filepath.Join(programs(t), as)
	if built.done[as] {
		return out, nil
	}
	if os.Getenv(builtVariable) != "" {
		_, err := os.Stat(out)
		return out, err
	}
	sources, _ := filepath.Glob("testdata/" + name + "/*.c")
	if sources == nil {
		sources = []string{"testdata/" + name + ".c"}
	}
	options = append(options, "-O1", "-w", "-static", "-pthread", "-o", out)
	if msg, err := exec.Command(testkit.Program(t, "gcc"), append(options, sources...)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", as, err, msg)
	}
	if built.done == nil {
		built.done = map[string]bool{}
	}
	built.done[as] = true
	return out, nil
}

// script copies a file of testdata to where every user can read it.
func script(t testing.TB, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	out := filepath.Join(programs(t), name)
	if os.Getenv(builtVariable) != "" {
		return out
	}
	text, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = os.WriteFile(out, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// served is a challenge that runs a program, on a port of its own.
type served struct {
	t       testing.TB
	handler *program.Handler
	server  *chal.Server
	addr    string
	players atomic.Uint32
	mu      sync.Mutex
	ends    map[string]chal.Reason // by the player's address
	over    *sync.Cond
}

func serve(t testing.TB, c program.Config, change ...func(*chal.Server)) *served {
	t.Helper()
	h, err := program.New(c)
	skipUnenforceable(t, err)
	s := &served{t: t, handler: h, ends: map[string]chal.Reason{}}
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

// connect connects from an address of each player's own: by that its end is known, and a port alone may be another's soon.
func (s *served) connect(ctx context.Context) (*tube.Tube, error) {
	n := s.players.Add(1)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(1+n>>16), byte(n>>8), byte(n))}}
	conn, err := from.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return tube.New(conn, tube.WithTimeout(slowly(20*time.Second)), tube.WithLinger(0)), nil
}

func (s *served) dial() *tube.Tube {
	s.t.Helper()
	p, err := s.connect(context.Background())
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

func skipUnenforceable(t testing.TB, err error) {
	t.Helper()
	var no *sandbox.UnenforceableError
	if errors.As(err, &no) {
		t.Skipf("%v (%s)", err, no.Hint())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// talk plays a session with a program that echoes lines until ctx ends, or for some lines where most is not
// zero, and returns the longest that an answer took.
func (s *served) talk(ctx context.Context, first string, most int) (slowest time.Duration, err error) {
	p, err := s.connect(context.Background())
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if first != "" {
		p.SendLine(first)
	}
	next := time.NewTicker(5 * time.Millisecond)
	defer next.Stop()
	for i := 0; (most == 0 || i < most) && ctx.Err() == nil; i++ {
		want := fmt.Sprintf("line %d", i)
		start := time.Now()
		if err := p.SendLine(want); err != nil {
			return slowest, fmt.Errorf("after %d lines: %w", i, err)
		}
		if got, err := p.RecvLine(); err != nil || got != want {
			return slowest, fmt.Errorf("line %d: got %q, error %v", i, got, err)
		}
		slowest = max(slowest, time.Since(start))
		select {
		case <-ctx.Done():
		case <-next.C:
		}
	}
	p.CloseWrite()
	if rest, err := p.RecvAll(1 << 10); rest != "" && rest != "done\n" || err != nil {
		return slowest, fmt.Errorf("at the end: got %q, error %v", rest, err)
	}
	return slowest, nil
}
