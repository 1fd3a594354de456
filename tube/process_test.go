package tube_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

func init() {
	programs["say"] = func(args []string) { // on both outputs, then exits as told
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	}
	programs["stubborn"] = func([]string) { // does not end with its input, nor by signals it can ignore
		signal.Ignore(os.Interrupt, syscall.SIGHUP)
		fmt.Println("ready")
		<-time.After(time.Minute)
	}
	programs["save"] = func(args []string) { // echoes its input, and saves what it got to the end
		var all bytes.Buffer
		io.Copy(os.Stdout, io.TeeReader(os.Stdin, &all))
		os.WriteFile(args[0], all.Bytes(), 0o600)
	}
	programs["leave a child"] = func([]string) { // a child keeps the outputs open
		cmd := ourselves("stubborn")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(cmd.Process.Pid)
	}
	programs["terminal"] = func([]string) {
		w, h, err := term.GetSize(0)
		fmt.Println(term.IsTerminal(0), term.IsTerminal(1), term.IsTerminal(2), w, h, err)
		io.Copy(os.Stdout, os.Stdin)
	}
}

func start(t testing.TB, cmd *exec.Cmd, opts ...tube.Option) *tube.Tube {
	t.Helper()
	p, err := tube.Start(cmd, append([]tube.Option{tube.WithTimeout(patience)}, opts...)...)
	must(t, err)
	t.Cleanup(func() { p.Abort() })
	return p
}

func TestStart(t *testing.T) {
	t.Parallel()
	p := start(t, ourselves("say", "3"))
	s, err := p.RecvAll(0)
	got(t, "both outputs", s, err, "to stdout\nto stderr\n")
	var exit *exec.ExitError
	for range 2 {
		if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("Wait: %v, want exit status 3", err)
		}
		must(t, p.Close())
	}
	ok := start(t, ourselves("say", "0"))
	must(t, ok.Wait())

	var stderr strings.Builder
	cmd := ourselves("say", "0")
	cmd.Stderr = &stderr
	apart := start(t, cmd)
	s, err = apart.RecvAll(0)
	got(t, "the output alone", s, err, "to stdout\n")
	must(t, apart.Wait())
	if stderr.String() != "to stderr\n" {
		t.Errorf("stderr got %q", stderr.String())
	}
}

// How a program ended is its own affair, not that of a child that still holds its standard error.
func TestWaitLeavesChildrenAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell's")
	}
	var stderr strings.Builder
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo $!")
	cmd.Stderr = &stderr
	p := start(t, cmd, tube.WithLinger(time.Millisecond))
	line, err := p.RecvLine()
	must(t, err)
	child, err := strconv.Atoi(line)
	must(t, err)
	defer func() {
		if sleeper, err := os.FindProcess(child); err == nil {
			sleeper.Kill()
		}
	}()
	must(t, p.Wait())
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	_, err := tube.Start(exec.Command(filepath.Join(t.TempDir(), "missing")))
	failed(t, "starting what is not there", err, os.ErrNotExist)
	cmd := ourselves("say", "0")
	cmd.Stdout = io.Discard
	if _, err := tube.Start(cmd); err == nil || !strings.Contains(err.Error(), "cmd.Stdout") {
		t.Errorf("starting with a taken Stdout: %v", err)
	}
	a, _ := pipe()
	if err := a.Wait(); !errors.Is(err, errors.ErrUnsupported) || a.Process() != nil {
		t.Errorf("Wait without a program: %v", err)
	}
}

// A program is told the end of its input and comes to its own end; what it
// says in the meantime does not hold it up.
func TestCloseLetsAProgramEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "saved")
	p := start(t, ourselves("save", file), tube.WithLinger(patience))
	// More than the pipes hold: nobody reads the echo before Close.
	want := strings.Repeat("0123456789abcdef", 1<<12)
	must(t, p.Send(want))
	must(t, p.Close())
	if saved, err := os.ReadFile(file); string(saved) != want {
		t.Errorf("the program got %d bytes to their end, %v, want %d", len(saved), err, len(want))
	}
	must(t, p.Wait())
}

func TestCloseKillsAfterLinger(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]tube.Option{nil, {tube.WithPTY()}} {
		if opts != nil && runtime.GOOS == "windows" {
			continue
		}
		p := start(t, ourselves("stubborn"), append(opts, tube.WithLinger(5*soon))...)
		s, err := p.RecvLine()
		got(t, "RecvLine", s, err, "ready")
		failed(t, "Wait", p.Within(soon).Wait(), os.ErrDeadlineExceeded)
		begun := time.Now()
		must(t, p.Close())
		if took := time.Since(begun); took < 4*soon || took > patience/2 {
			t.Errorf("Close took %v, want about %v", took, 5*soon)
		}
		var exit *exec.ExitError
		if err := p.Wait(); !errors.As(err, &exit) || exit.Success() {
			t.Errorf("Wait: %v, want that it was killed", err)
		}
		gone(t, p.Process().Pid)
	}
}

func TestAbortKills(t *testing.T) {
	t.Parallel()
	p := start(t, ourselves("stubborn"), tube.WithLinger(time.Hour))
	_, err := p.RecvLine()
	must(t, err)
	must(t, p.Abort())
	gone(t, p.Process().Pid)
}

// gone fails the test when the process is there, be it as a zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
	}
	if err == nil {
		t.Errorf("process %d is still there", pid)
	}
}

// A child that a program has left behind, and that holds the program's outputs,
// does not hold up Close and Wait.
func TestAChildHoldsTheOutputs(t *testing.T) {
	t.Parallel()
	for _, stderr := range []io.Writer{nil, io.Discard} {
		cmd := ourselves("leave a child")
		cmd.Stderr = stderr
		p := start(t, cmd, tube.WithLinger(5*soon))
		line, err := p.RecvLine()
		must(t, err)
		pid, err := strconv.Atoi(line)
		must(t, err)
		defer func() {
			if child, err := os.FindProcess(pid); err == nil {
				child.Kill()
			}
		}()
		begun := time.Now()
		must(t, p.Close())
		p.Wait()
		if took := time.Since(begun); took > patience/2 {
			t.Errorf("Close took %v", took)
		}
	}
}

// A program whose Tube is closed leaves no goroutine and no descriptor.
func TestStartLeavesNothing(t *testing.T) {
	for _, opts := range [][]tube.Option{nil, {tube.WithPTY()}} {
		if opts != nil && runtime.GOOS == "windows" {
			continue
		}
		before := goleak.IgnoreCurrent()
		open := descriptors()
		for range 5 {
			p := start(t, ourselves("say", "0"), opts...)
			p.RecvLine()
			must(t, p.Close())
		}
		goleak.VerifyNone(t, before)
		if now := descriptors(); now > open {
			t.Errorf("%d descriptors are open, before it were %d", now, open)
		}
	}
}

// descriptors returns how many are open, where that can be known.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no terminals for this")
	}
	p := start(t, ourselves("terminal"), tube.WithPTY())
	s, err := p.RecvLine()
	got(t, "RecvLine", s, err, "true true true 80 24 <nil>")
	// No echo, no translation.
	raw := "a\x03b\x04c\rd\x7fe\x00"
	must(t, p.Send(raw))
	s, err = p.RecvN(len(raw))
	got(t, "what comes back", s, err, raw)
	_, err = p.Within(soon).Recv()
	failed(t, "Recv", err, os.ErrDeadlineExceeded)
	failed(t, "CloseWrite", p.CloseWrite(), errors.ErrUnsupported)
	if a := p.LocalAddr(); a.Network() != "terminal" || p.Conn() != nil {
		t.Errorf("LocalAddr: %v %v, Conn: %v", a.Network(), a, p.Conn())
	}
	must(t, p.Close())
	// The hangup ends it: by its signal, or, where that is ignored or slower, by the end of its input.
	if err := p.Wait(); err != nil && strings.Contains(err.Error(), "killed") {
		t.Errorf("Wait: %v, want that the hangup ended it", err)
	}
}

// The end of a program on a terminal is the end of the stream, for Read into
// a large buffer as well.
func TestTerminalEnds(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no terminals for this")
	}
	p := start(t, ourselves("say", "0"), tube.WithPTY())
	var all strings.Builder
	_, err := io.CopyBuffer(struct{ io.Writer }{&all}, struct{ io.Reader }{p}, make([]byte, 64<<10))
	got(t, "Copy", all.String(), err, "to stdout\nto stderr\n")
	p = start(t, ourselves("say", "0"), tube.WithPTY())
	s, err := p.RecvAll(0)
	got(t, "RecvAll", s, err, "to stdout\nto stderr\n")
}

// Files are tubes too: those with deadlines, and those without.
func TestFiles(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	must(t, err)
	defer w.Close()
	in := tube.New(r, tube.WithTimeout(patience))
	io.WriteString(w, "some")
	s, err := in.RecvN(4)
	got(t, "RecvN", s, err, "some")
	_, err = in.Within(soon).RecvN(1)
	failed(t, "RecvN", err, os.ErrDeadlineExceeded)
	must(t, in.Close())

	// One that was made blocking, as passing it to a program does.
	r, w, err = os.Pipe()
	must(t, err)
	defer w.Close()
	r.Fd()
	in = tube.New(r)
	_, err = in.Within(soon).RecvN(1)
	failed(t, "RecvN", err, os.ErrDeadlineExceeded)
	must(t, in.Close())

	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, []byte("one\ntwo"), 0o600))
	f, err := os.Open(name)
	must(t, err)
	plain := tube.New(f, tube.WithTimeout(patience))
	for _, want := range []string{"one", "two"} {
		line, err := plain.RecvLine()
		got(t, "RecvLine", line, err, want)
	}
	_, err = plain.RecvLine()
	failed(t, "RecvLine", err, io.EOF)
	must(t, plain.Close())
}
