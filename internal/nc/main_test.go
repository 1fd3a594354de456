package nc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// ncBinary is the real program, built once.
var ncBinary string

func TestMain(m *testing.M) {
	testkit.HeedSignals()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "nc-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		ncBinary = filepath.Join(dir, "nc")
		built := filepath.Join(dir, "built")
		build := exec.Command("go", "build", "-o", built, "github.com/flagstaff-ctf/flagstaff/cmd/nc")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released: no loader, no libc
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build nc: %v\n%s", err, out)
			return 1
		}
		// Measured as it is installed, by copying: what the linker wrote lies in the page cache in
		// single pages, and such a program takes a quarter longer to start.
		p, err := os.ReadFile(built)
		if err == nil {
			err = os.WriteFile(ncBinary, p, 0o755)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := os.Symlink(ncBinary, filepath.Join(dir, "ncat-of-ours")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// patience is how long anything may take before the test calls it hung.
const patience = 10 * time.Second

func TestScripts(t *testing.T) {
	testscript.Run(t, params("testdata/script", ncBinary))
}

// TestOracle runs what is common to all netcats with ours and with theirs: the
// expectations are the same.
func TestOracle(t *testing.T) {
	t.Run("ours", func(t *testing.T) { testscript.Run(t, params("testdata/oracle", ncBinary)) })
	for _, peer := range []string{"nc.openbsd", "ncat"} {
		t.Run(peer, func(t *testing.T) {
			testscript.Run(t, params("testdata/oracle", testkit.Program(t, peer)))
		})
	}
}

func params(dir, program string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(ncBinary)+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("NC", program)
			e.Setenv("FIN", "-n")
			if strings.HasSuffix(program, "nc.openbsd") {
				e.Setenv("FIN", "-N") // what the others do of themselves
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":  cmdServe,
			"listen": cmdListen,
			"open":   cmdOpen,
			"join":   cmdJoin,
		},
		Condition: func(cond string) (bool, error) {
			if name, ok := strings.CutPrefix(cond, "is:"); ok {
				return filepath.Base(program) == name, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	}
}

// cmdServe starts a peer in this process: "serve VAR KIND [TEXT]" sets VAR to its port.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { ln.Close() })
	ts.Setenv(args[0], strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	text := ""
	if len(args) > 2 {
		text, err = strconv.Unquote(`"` + args[2] + `"`)
		ts.Check(err)
	}
	got := ts.MkAbs("got")
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go playPeer(c.(*net.TCPConn), args[1], text, got)
		}
	}()
}

func playPeer(c *net.TCPConn, kind, text, got string) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	line := func() { readLine(c) }
	switch kind {
	case "echo":
		io.Copy(c, c)
	case "say": // and close
		io.WriteString(c, text)
		c.CloseWrite()
		io.Copy(io.Discard, c)
	case "answer": // one line, then close
		line()
		io.WriteString(c, text)
		c.CloseWrite()
		io.Copy(io.Discard, c) // a close before all is read would be a reset
	case "late": // answers only when the client has finished
		n, _ := io.Copy(io.Discard, c)
		fmt.Fprintf(c, "%d bytes\n", n)
	case "listener": // says it will never say anything, and takes everything
		c.CloseWrite()
		p, _ := io.ReadAll(c)
		os.WriteFile(got, fmt.Appendf(nil, "%d\n", len(p)), 0o600)
	case "stay": // says something and stays
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
		<-time.After(patience)
	case "reset":
		line()
		c.SetLinger(0)
	}
}

func readLine(r io.Reader) string {
	var line []byte
	b := make([]byte, 1)
	for {
		if _, err := io.ReadFull(r, b); err != nil || b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

// job is a program in the background.
type job struct {
	cmd    *exec.Cmd
	out    bytes.Buffer
	errs   *watch
	done   chan struct{}
	status error
}

// watch collects output and tells when something was written.
type watch struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newWatch() *watch { return &watch{more: make(chan struct{}, 1)} }

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.buf.Write(p)
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// until waits for ok to be content with everything written so far.
func (w *watch) until(ok func(string) bool) error {
	end := time.After(patience)
	for !ok(w.String()) {
		select {
		case <-w.more:
		case <-end:
			return fmt.Errorf("not after %v: %q", patience, w.String())
		}
	}
	return nil
}

// port waits for a -v line that tells where a program listens.
func (w *watch) port() (port string, err error) {
	err = w.until(func(s string) bool {
		for line := range strings.Lines(s) {
			f := strings.Fields(line)
			if len(f) == 4 && (f[0] == "Listening" || f[0] == "Bound") && strings.HasSuffix(line, "\n") {
				port = f[3]
			}
		}
		return port != ""
	})
	return port, err
}

var jobs sync.Map // *testscript.TestScript + name -> *job

type jobKey struct {
	ts   *testscript.TestScript
	name string
}

// cmdListen starts a listener in the background, "listen VAR program args…":
// VAR is the port it tells with -v, and the name for join. Its input is the
// file "stdin-VAR" if there is one, else at its end.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	ts.Defer(cancel)
	j := &job{cmd: exec.CommandContext(ctx, args[1], args[2:]...), errs: newWatch(), done: make(chan struct{})}
	if args[1] == "nc" {
		j.cmd = exec.CommandContext(ctx, ncBinary, args[2:]...)
	}
	j.cmd.Dir = ts.Getenv("WORK")
	j.cmd.Env = append(os.Environ(), "WORK="+ts.Getenv("WORK"))
	j.cmd.Stdout, j.cmd.Stderr = &j.out, j.errs
	if f, err := os.Open(ts.MkAbs("stdin-" + args[0])); err == nil {
		defer f.Close()
		j.cmd.Stdin = f
	}
	ts.Check(j.cmd.Start())
	go func() { j.status = j.cmd.Wait(); close(j.done) }()
	ts.Defer(func() { cancel(); <-j.done })
	jobs.Store(jobKey{ts, args[0]}, j)
	port, err := j.errs.port()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// cmdJoin waits for a listener to end and leaves its output in the files
// out-VAR and err-VAR. "join VAR -int TEXT" interrupts it when it has told TEXT:
// the client may know before it does.
func cmdJoin(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := jobs.LoadAndDelete(jobKey{ts, args[0]})
	if !ok {
		ts.Fatalf("nothing listens as %s", args[0])
	}
	j := v.(*job)
	if len(args) > 1 && args[1] == "-int" {
		if len(args) > 2 {
			ts.Check(j.errs.until(func(said string) bool { return strings.Contains(said, args[2]) }))
		}
		j.cmd.Process.Signal(os.Interrupt)
	}
	select {
	case <-j.done:
	case <-time.After(patience):
		ts.Fatalf("%s has not ended after %v", args[0], patience)
	}
	os.WriteFile(ts.MkAbs("out-"+args[0]), j.out.Bytes(), 0o600)
	os.WriteFile(ts.MkAbs("err-"+args[0]), []byte(j.errs.String()), 0o600)
	if len(args) == 1 && (j.status != nil) != neg {
		ts.Fatalf("%s ended with %v: %s", args[0], j.status, j.errs.String())
	}
}

// cmdOpen runs a program whose input is a pipe that stays open after the text:
// "open TEXT program args…". Its output is left in the files out and err.
func cmdOpen(ts *testscript.TestScript, neg bool, args []string) {
	text, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	r, w, err := os.Pipe()
	ts.Check(err)
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	if args[1] == "nc" {
		cmd = exec.CommandContext(ctx, ncBinary, args[2:]...)
	}
	cmd.Dir = ts.Getenv("WORK")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, &out, &errs
	if text != "" { // before it starts: it may end before it has read anything
		_, err = w.WriteString(text)
		ts.Check(err)
	}
	start := time.Now()
	ts.Check(cmd.Start())
	r.Close()
	err = cmd.Wait()
	os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600)
	os.WriteFile(ts.MkAbs("err"), errs.Bytes(), 0o600)
	if ctx.Err() != nil {
		ts.Fatalf("%v has not ended after %v; it wrote %q and %q", args[1:], patience, out.String(), errs.String())
	}
	if (err != nil) != neg {
		ts.Fatalf("%v ended with %v after %v: %s", args[1:], err, time.Since(start), errs.String())
	}
}
