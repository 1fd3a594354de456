package doctest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long what a document expects is waited for.
const patience = 30 * time.Second

// Options says what a document may count on.
type Options struct {
	// Program skips the test, or fails it, when a program is missing that the
	// document needs: testkit.Program.
	Program func(t testing.TB, name string) (path string)
	// Levels maps the ports of flagstaff's levels, "4001", to those where they
	// listen now. Blocks marked level=NAME are run only when it is not empty;
	// without their level they are counted and logged.
	Levels map[string]string
	// Bin is a directory whose programs are found before all others.
	Bin string
}

// Run runs the document and fails t at the first thing that is not as it says.
func Run(t *testing.T, file string, o Options) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the documents are written for a Unix shell")
	}
	text, blocks, err := read(file)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	r := &runner{t: t, file: filepath.Base(file), dir: t.TempDir(), o: o, terminals: map[string]*terminal{}}
	defer r.stopAll()
	if err := r.ports.scan(text, o.Levels); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		r.step(b)
	}
}

type runner struct {
	t         *testing.T
	file, dir string
	o         Options
	ports     ports
	terminals map[string]*terminal
	last      *terminal // the block before, when it was sh
}

func (r *runner) fatalf(b block, format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s:%d: %s", r.file, b.line, fmt.Sprintf(format, args...))
}

func (r *runner) step(b block) {
	r.t.Helper()
	if _, ok := b.args["level"]; ok && len(r.o.Levels) == 0 {
		r.t.Logf("%s:%d: not run: there is no level %s", r.file, b.line, b.args["level"])
		return
	}
	switch b.lang {
	case "text":
	case "needs":
		for _, name := range strings.Fields(b.args[""]) {
			if _, err := os.Stat(filepath.Join(r.o.Bin, name)); r.o.Bin != "" && err == nil {
				continue
			}
			r.o.Program(r.t, name)
		}
	case "stop":
		if t := r.terminals[b.args[""]]; t != nil {
			t.stop()
			return
		}
		r.fatalf(b, "no terminal is called %q", b.args[""])
	case "sh":
		r.run(b)
	case "output":
		r.output(b)
	default:
		name := filepath.Join(r.dir, filepath.FromSlash(b.args["file"]))
		if err := os.WriteFile(name, []byte(replace(b.text, r.ports.there)), 0o666); err != nil {
			r.fatalf(b, "%v", err)
		}
	}
}

func (r *runner) run(b block) {
	r.t.Helper()
	// As a person's terminal: the shell's own messages, no prompt.
	cmd := exec.Command("sh", "-ec", replace(b.text, r.ports.there))
	cmd.Dir = r.dir
	cmd.Env = append(cmd.Environ(), "PYTHONUNBUFFERED=1", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"GOFLAGS=-ldflags=-s",              // linking is most of what go run costs
		"RES_OPTIONS=timeout:1 attempts:1") // a name that does not exist, where no name server answers
	path := os.Getenv("PATH")
	for _, dir := range []string{pythonDir(), r.o.Bin} {
		if dir != "" {
			path = dir + string(os.PathListSeparator) + path
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+path)
	t := &terminal{cmd: cmd, changed: make(chan struct{}, 1), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = t, t
	if b.args["level"] != "" {
		// A reader who has not typed anything yet.
		in, hold, err := os.Pipe()
		if err != nil {
			r.fatalf(b, "%v", err)
		}
		defer in.Close()
		r.t.Cleanup(func() { hold.Close() })
		cmd.Stdin = in
	}
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		r.fatalf(b, "%v", err)
	}
	go func() {
		t.err = cmd.Wait()
		close(t.ended)
	}()
	r.last = t
	name := b.args["terminal"]
	if level := b.args["level"]; level != "" {
		name = "level " + level
	}
	if name != "" {
		if old := r.terminals[name]; old != nil {
			old.stop()
		}
		r.terminals[name] = t
		return
	}
	select {
	case <-t.ended:
	case <-time.After(patience):
		t.stop()
		r.fatalf(b, "did not end in %v:\n%s\nprinted so far:\n%s", patience, b.text, t.all())
	}
	want := 0
	if s, ok := b.args["exit"]; ok {
		want, _ = strconv.Atoi(s)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		r.fatalf(b, "exit status %d, want %d:\n%s\nprinted:\n%s", got, want, b.text, t.all())
	}
}

func (r *runner) output(b block) {
	r.t.Helper()
	want := lines(b.text)
	t := r.last
	if name := b.args["terminal"]; name != "" {
		t = r.terminals[name]
	}
	if t == nil {
		r.fatalf(b, "there is no command before this output")
	}
	if !r.isTerminal(t) {
		if got := lines(replace(t.all(), r.ports.back)); !matchAll(want, got) {
			r.fatalf(b, "want\n%s\ngot\n%s", b.text, strings.Join(got, "\n"))
		}
		return
	}
	late := time.After(patience)
	for {
		ended := false
		select {
		case <-t.ended:
			ended = true
		default:
		}
		got := lines(replace(t.all(), r.ports.back))[t.seen:]
		if n := matchPart(want, got); n >= 0 {
			t.seen += n
			return
		}
		if ended {
			r.fatalf(b, "the command ended (%v); want\n%s\ngot\n%s", t.err, b.text, strings.Join(got, "\n"))
		}
		select {
		case <-t.changed:
		case <-t.ended:
		case <-late:
			r.fatalf(b, "in %v, want\n%s\ngot\n%s", patience, b.text, strings.Join(got, "\n"))
		}
	}
}

func (r *runner) isTerminal(t *terminal) bool {
	for _, o := range r.terminals {
		if o == t {
			return true
		}
	}
	return false
}

func (r *runner) stopAll() {
	for _, t := range r.terminals {
		t.stop()
	}
}

// terminal is a command and what it has printed. It is an io.Writer.
type terminal struct {
	cmd     *exec.Cmd
	changed chan struct{} // holds one token when something was printed
	ended   chan struct{}
	err     error // how it ended, after ended
	seen    int   // lines that output blocks have matched

	mu  sync.Mutex
	out []byte
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.out = append(t.out, p...)
	t.mu.Unlock()
	select {
	case t.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (t *terminal) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.out)
}

// stop ends the command and all it has started, and waits for it.
func (t *terminal) stop() {
	endGroup(t.cmd)
	<-t.ended
}

// pythonDir is where the real python3 is. Version managers put a script before
// it, which takes longer to run than most of what the documents do.
var pythonDir = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return ""
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
})

// freePort returns a port that nobody uses, for TCP or UDP, below those that
// systems give to clients: so it stays free until the document takes it.
func freePort(taken map[int]bool) (int, error) {
	for range 1000 {
		port := 12000 + rand.IntN(18000)
		if taken[port] {
			continue
		}
		if portFree(strconv.Itoa(port)) {
			taken[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no port from 12000 to 29999 is free")
}

// portFree says whether nobody uses the port, for TCP or UDP.
func portFree(port string) bool {
	addr := net.JoinHostPort("127.0.0.1", port)
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	u.Close()
	return true
}
