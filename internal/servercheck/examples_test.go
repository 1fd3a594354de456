package servercheck

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// start runs a server on a free port and returns the address that it prints.
func start(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait() // killed
		if stderr.Len() > 0 {
			t.Logf("standard error of %s %v:\n%s", name, args, stderr.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("%s %v printed %q, %v; want listening on ADDR", name, args, line, err)
	}
	return addr
}

func mustPass(t *testing.T, kind, addr string) {
	t.Helper()
	var out bytes.Buffer
	// The machine may be busy: what is right is right after a minute too.
	passed, err := Run(t.Context(), kind, addr, &out, Options{Timeout: time.Minute})
	if err != nil || !passed {
		t.Errorf("passed %v, error %v:\n%s", passed, err, out.String())
	}
}

// TestExamples plays the reference servers over the real network.
func TestExamples(t *testing.T) {
	root, err := filepath.Abs("../../examples/servers")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, kind := range Kinds() {
		t.Run(kind+"/go", func(t *testing.T) {
			t.Parallel()
			mustPass(t, kind, start(t, filepath.Join(bin, kind), "127.0.0.1:0"))
		})
		t.Run(kind+"/python", func(t *testing.T) {
			t.Parallel()
			python := testkit.Program(t, "python3")
			mustPass(t, kind, start(t, python, filepath.Join(root, kind, "server.py"), "127.0.0.1:0"))
		})
	}
}

// TestNotes plays a server with the mistakes of the notes over the real
// network, where the first of them is met first.
func TestNotes(t *testing.T) {
	addr := start(t, testkit.Program(t, "python3"), filepath.Join("testdata", "notes.py"))
	var out bytes.Buffer
	passed, err := Run(t.Context(), "echo", addr, &out, Options{Timeout: time.Minute})
	if err != nil || passed {
		t.Fatalf("passed %v, error %v:\n%s", passed, err, out.String())
	}
	if s := out.String(); !strings.Contains(s, "FAIL  pieces") || !strings.Contains(s, "a single recv is one piece of a stream") {
		t.Errorf("want the check pieces to fail for a single recv:\n%s", s)
	}
}
