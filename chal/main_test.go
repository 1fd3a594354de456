package chal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// double is the challenge of the package documentation, with a solver.
var double = Challenge{
	Name: "double",
	Handler: HandlerFunc(func(_ context.Context, s *Session) error {
		answer, err := s.Ask("21 * 2 = ")
		if err != nil || answer != "42" {
			return s.Say("No.")
		}
		return s.Say(s.Flag)
	}),
	Solve: func(_ context.Context, t *tube.Tube) (string, error) {
		if _, err := t.SendLineAfter(" = ", "42"); err != nil {
			return "", err
		}
		return t.RecvLine()
	},
}

// command runs Main's inside and returns what it printed.
func command(ctx context.Context, c Challenge, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs testkit.Buffer
	lookup := func(key string) (string, bool) { v, ok := env[key]; return v, ok }
	code = run(ctx, c, append([]string{"double"}, args...), lookup, &out, &errs)
	return code, out.String(), errs.String()
}

func TestMainRefusesBadInput(t *testing.T) {
	for _, x := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"--nonsense"}, nil, "there is no flag --nonsense"},
		{[]string{"--listen"}, nil, "--listen needs a value"},
		{[]string{"--json=perhaps"}, nil, `--json "perhaps"`},
		{[]string{"argument"}, nil, `"argument"`},
		{[]string{"--listen", "1337"}, nil, "--listen"},
		{[]string{"--listen", "127.0.0.1:99999"}, nil, `no port "99999"`},
		{[]string{"--session-timeout", "soon"}, nil, `--session-timeout "soon" is no time`},
		{[]string{"--session-timeout", "0"}, nil, "--session-timeout 0 lets nobody play"},
		{[]string{"--max-sessions", "many"}, nil, `--max-sessions "many" is no whole number`},
		{[]string{"--max-per-source", "0"}, nil, "--max-per-source 0 lets nobody play"},
		{[]string{"--drain", "-1s"}, nil, "--drain"},
		{[]string{"--flag", ""}, nil, "--flag: the flag is empty"},
		{[]string{"--flag", "flag{a\nb}"}, nil, "unprintable character at byte 6"},
		{nil, map[string]string{FlagVariable: ""}, FlagVariable + ": the flag is empty"},
		{nil, map[string]string{FlagVariable: "flag{\x00}"}, FlagVariable},
	} {
		code, stdout, stderr := command(t.Context(), double, x.env, x.args...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, x.want) || !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("%q, %v: exit %d, %q, %q; want 2, an error with %q, and a hint", x.args, x.env, code, stdout, stderr, x.want)
		}
	}
}

// TestMainRefusesHalfAChallenge says what an author forgot, before anything listens.
func TestMainRefusesHalfAChallenge(t *testing.T) {
	for want, c := range map[string]Challenge{"has no handler": {Name: "x"}, "has no name": {Handler: double.Handler}} {
		if code, stdout, stderr := command(t.Context(), c, nil); code != 2 || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "\nhint: set Challenge.") {
			t.Errorf("exit %d, %q, %q, want 2 and that it %s", code, stdout, stderr, want)
		}
	}
}

// TestListenFamily listens for the family that an address is of.
func TestListenFamily(t *testing.T) {
	for addr, want := range map[string]string{"0.0.0.0:0": "0.0.0.0", "127.0.0.1:0": "127.0.0.1"} {
		l, err := Listen(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if host, _, _ := net.SplitHostPort(l.Addr().String()); host != want {
			t.Errorf("%s: listens on %s", addr, host)
		}
	}
}

func TestMainHelp(t *testing.T) {
	code, stdout, stderr := command(t.Context(), double, nil, "--help")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "--listen ADDR") || !strings.Contains(stdout, "(default 127.0.0.1:1337)") {
		t.Errorf("--help: exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestMainNamesThePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	code, _, stderr := command(t.Context(), double, nil, "--listen", l.Addr().String())
	want := "ss -ltnp"
	if runtime.GOOS != "linux" {
		want = "hint: "
	}
	if code != 1 || !strings.Contains(stderr, "port "+port+" is in use") || !strings.Contains(stderr, want) {
		t.Errorf("exit %d, %q, want 1, the port and %q", code, stderr, want)
	}
}

func TestMainServesUntilToldToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs testkit.Buffer
	exit := make(chan int)
	env := func(key string) (string, bool) { return "flag{env}", key == FlagVariable }
	go func() {
		exit <- run(ctx, double, []string{"double", "--listen", "127.0.0.1:0", "--json"}, env, &out, &errs)
	}()
	var listening struct{ Event, Challenge, Addr string }
	line := waitLine(t, &out, 1)
	if err := json.Unmarshal([]byte(line), &listening); err != nil || listening.Event != "listening" {
		t.Fatalf("first line %q: %v", line, err)
	}
	if want := fmt.Sprintf(`{"event":"listening","challenge":"double","addr":%q}`, listening.Addr); line != want {
		t.Errorf("first line %s, want %s", line, want)
	}
	player, err := tube.Dial(t.Context(), "tcp", listening.Addr, tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := player.RecvUntil(" = "); err != nil {
		t.Error(err)
	}
	stop() // drains: the game goes on
	player.SendLine("42")
	if got, err := player.RecvLine(); got != "flag{env}" {
		t.Errorf("got %q, %v, want the environment's flag", got, err)
	}
	player.Close()
	if code := <-exit; code != 0 {
		t.Errorf("exit %d, want 0; %s", code, errs.String())
	}
	for i, want := range []string{`"event":"start"`, `"reason":"done"`} {
		if line := waitLine(t, &out, i+2); !json.Valid([]byte(line)) || !strings.Contains(line, want) || !strings.Contains(line, `"remote":"127.0.0.1:`) {
			t.Errorf("line %d of the ledger: %s", i+2, line)
		}
	}
}

// closing is a handler that has something to put away.
type closing struct {
	Handler
	closed *atomic.Int32
	open   *atomic.Int32 // sessions
}

func (h closing) ServeChal(ctx context.Context, s *Session) error {
	h.open.Add(1)
	defer h.open.Add(-1)
	return h.Handler.ServeChal(ctx, s)
}

func (h closing) Close() error {
	h.closed.Add(1 + 100*h.open.Load())
	return nil
}

// TestMainClosesTheHandler: what the caller of Main has deferred never runs.
func TestMainClosesTheHandler(t *testing.T) {
	var closed, open atomic.Int32
	c := double
	c.Handler = closing{double.Handler, &closed, &open}
	for i, args := range [][]string{{"--help"}, {"--nonsense"}, {"--check"}} {
		if _, _, stderr := command(t.Context(), c, nil, args...); closed.Load() != int32(i+1) {
			t.Errorf("after %q: closed %d times, want %d; %s", args, closed.Load(), i+1, stderr)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs testkit.Buffer
	exit := make(chan int)
	go func() {
		exit <- run(ctx, c, []string{"double", "--listen", "127.0.0.1:0", "--json"}, func(string) (string, bool) { return "", false }, &out, &errs)
	}()
	var listening struct{ Addr string }
	if err := json.Unmarshal([]byte(waitLine(t, &out, 1)), &listening); err != nil {
		t.Fatal(err)
	}
	player, err := tube.Dial(t.Context(), "tcp", listening.Addr, tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := player.RecvUntil(" = "); err != nil {
		t.Error(err)
	}
	stop() // the game goes on
	if n := closed.Load(); n != 3 {
		t.Errorf("closed %d times while a session is open, want 3", n)
	}
	player.SendLine("42")
	player.Close()
	if code := <-exit; code != 0 || closed.Load() != 4 {
		t.Errorf("exit %d, closed %d times after all sessions, want 4 (100 for each that was open); %s", code, closed.Load(), errs.String())
	}
}

func TestMainCutsWhatDoesNotEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs testkit.Buffer
	exit := make(chan int)
	none := func(string) (string, bool) { return "", false }
	go func() {
		exit <- run(ctx, double, []string{"double", "--listen", "127.0.0.1:0", "--drain", "10ms"}, none, &out, &errs)
	}()
	f := strings.Fields(waitLine(t, &out, 1))
	player, err := tube.Dial(t.Context(), "tcp", net.JoinHostPort(f[len(f)-2], f[len(f)-1]), tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	player.RecvUntil(" = ")
	stop()
	if got, err := player.RecvAll(0); got != "\nThe server is shutting down. Goodbye.\n" {
		t.Errorf("player was told %q, %v", got, err)
	}
	player.Close()
	if code := <-exit; code != 0 || !strings.Contains(errs.String(), "cut_sessions=1") || !strings.Contains(errs.String(), "made up flag{") {
		t.Errorf("exit %d, stderr %q; want 0, the made up flag and the number cut", code, errs.String())
	}
}

// Nobody's session waits for who reads the events.
func TestMainWaitsForNoReader(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	events, out := io.Pipe()
	defer events.Close()
	var errs testkit.Buffer
	exit := make(chan int)
	none := func(string) (string, bool) { return "", false }
	go func() {
		exit <- run(ctx, double, []string{"double", "--listen", "127.0.0.1:0", "--json", "--flag", "flag{x}"}, none, out, &errs)
	}()
	playListening(t, bufio.NewReader(events))
	stop()
	events.Close()
	if code := <-exit; code != 0 {
		t.Errorf("exit %d, want 0; %s", code, errs.String())
	}
}

// playListening wins the game of the double whose first event can be read from events; of the others it reads none.
func playListening(t *testing.T, events *bufio.Reader) {
	t.Helper()
	line, err := events.ReadString('\n')
	var listening struct{ Addr string }
	if err == nil {
		err = json.Unmarshal([]byte(line), &listening)
	}
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	player, err := tube.Dial(t.Context(), "tcp", listening.Addr, tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	if flag, err := double.Solve(t.Context(), player); flag != "flag{x}" {
		t.Errorf("the player got %q, %v", flag, err)
	}
	if _, err := player.RecvAll(0); err != nil { // the end of the session, and its event
		t.Error(err)
	}
}

// waitLine returns line n (from 1) of what is written to b.
func waitLine(t *testing.T, b *testkit.Buffer, n int) string {
	t.Helper()
	end := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if lines := strings.SplitAfter(b.String(), "\n"); len(lines) > n {
			return strings.TrimSuffix(lines[n-1], "\n")
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("no line %d in %q", n, b.String())
		}
	}
}

func TestMainCheck(t *testing.T) {
	wrong, lost, mute, none, panics, fails, stays := double, double, double, double, double, double, double
	after := func(end func(context.Context, *Session) error) Handler {
		return HandlerFunc(func(ctx context.Context, s *Session) error {
			double.ServeChal(ctx, s)
			return end(ctx, s)
		})
	}
	panics.Handler = after(func(ctx context.Context, s *Session) error {
		s.RecvLine() // until the solver has left
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond): // the check must not end the session so soon
		}
		panic("after the flag")
	})
	fails.Handler = after(func(context.Context, *Session) error { return fmt.Errorf("write the score: %w", os.ErrNotExist) })
	stays.Handler = after(func(ctx context.Context, _ *Session) error { <-ctx.Done(); return nil })
	wrong.Solve = func(context.Context, *tube.Tube) (string, error) { return "flag{wrong}", nil }
	lost.Solve = func(_ context.Context, t *tube.Tube) (string, error) { return t.RecvUntil("never") }
	lost.SessionTimeout = 50 * time.Millisecond
	mute.Solve = func(_ context.Context, t *tube.Tube) (string, error) { t.Close(); return t.RecvLine() }
	none.Solve = nil
	for _, x := range []struct {
		name string
		c    Challenge
		code int
		want string
	}{
		{"solved", double, 0, "double: the solver found the flag\n"},
		{"wrong flag", wrong, 1, `error: solve double: got flag "flag{wrong}", want "flag{x}"`},
		{"too slow", lost, 1, "error: solve double: "},
		{"hangs up", mute, 1, "error: solve double: "},
		{"no solver", none, 1, "hint: set Challenge.Solve"},
		{"panics", panics, 1, "error: solve double: the solver got the flag, but the handler panicked\nhint: "},
		{"fails", fails, 1, "error: solve double: the solver got the flag, but the handler failed\nhint: "},
		{"stays", stays, 0, "double: the solver found the flag\n"},
	} {
		code, stdout, stderr := command(t.Context(), x.c, nil, "--check", "--flag", "flag{x}")
		if code != x.code || !strings.Contains(stdout+stderr, x.want) {
			t.Errorf("%s: exit %d, %q, %q; want %d, %q", x.name, code, stdout, stderr, x.code, x.want)
		}
	}
}

func init() { roles["main"] = func() { Main(double) } }

// The whole process, with its signals.
func TestMainEndsOnSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no SIGTERM")
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		var out testkit.Buffer
		cmd := exec.Command(os.Args[0], "--listen", "127.0.0.1:0", "--json")
		cmd.Env = append(os.Environ(), roleVariable+"=main", FlagVariable+"=flag{process}")
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitLine(t, &out, 1)
		cmd.Process.Signal(sig)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v, want exit 0", sig, err)
		}
	}
}

// The whole process goes on when nobody reads its events any more.
func TestMainOutlivesItsReader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no SIGPIPE and no SIGTERM")
	}
	cmd := exec.Command(os.Args[0], "--listen", "127.0.0.1:0", "--json")
	cmd.Env = append(os.Environ(), roleVariable+"=main", FlagVariable+"=flag{x}")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	events := bufio.NewReader(out)
	first, err := events.ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	out.Close()
	for range 3 {
		playListening(t, bufio.NewReader(strings.NewReader(first)))
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, want exit 0", err)
	}
}

func TestRandomFlag(t *testing.T) {
	a, b := RandomFlag(), RandomFlag()
	if a == b || len(a) < 30 || CheckFlag(a) != nil {
		t.Errorf("made up %q and %q", a, b)
	}
}
