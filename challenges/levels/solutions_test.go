package levels

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

const examples = "../../examples/levels"

// runSolution runs a solution, with a limit of time, and returns what it printed.
func runSolution(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// To files and not pipes: a netcat that a solution leaves behind would hold a pipe open.
	var files [2]*os.File
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "output"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	read := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = files[0], files[1]
	if err := cmd.Run(); err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, read(files[1]))
	}
	return read(files[0])
}

func hostPort(t *testing.T, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// netcats are the programs that the bash solutions run with.
var netcats = []struct {
	name           string
	program        string
	finish, listen string
}{
	{"openbsd", "nc.openbsd", "nc.openbsd -N", "nc.openbsd -l"},
	{"traditional", "nc.traditional", "nc.traditional -q 1", "nc.traditional -l -p"},
	{"ncat", "ncat", "ncat", "ncat -l"},
	{"socat", "socat", "", ""},
}

// environment returns the variables that make a bash solution use a netcat.
func environment(t *testing.T, i int, level string) []string {
	t.Helper()
	n := netcats[i]
	testkit.Program(t, n.program)
	nc, listen := n.program, n.listen
	if level == "finish" {
		nc = n.finish
	}
	if n.name == "socat" {
		dir := t.TempDir()
		nc = script(t, dir, "nc", `if [ "$1" = -u ]; then exec socat -t5 - "UDP:$2:$3"; fi; exec socat -t5 - "TCP:$1:$2"`)
		listen = script(t, dir, "listen", `exec socat -u "TCP-LISTEN:$1" -`)
	}
	return []string{"NC=" + nc, "LISTEN=" + listen}
}

func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// needs names the other programs of the bash solutions.
var needs = map[string][]string{
	"bytes": {"xxd", "iconv", "base64", "od", "dd"}, "frames": {"od", "dd"}, "web": {"dd"}, "tls": {"openssl"},
}

func TestSolutionsInBash(t *testing.T) {
	for i, n := range netcats {
		for _, l := range All(Options{Callback: true}) {
			t.Run(n.name+"/"+l.Name, func(t *testing.T) {
				if testing.Short() && i > 0 {
					t.Skip("in short mode with one netcat only")
				}
				if n.name == "traditional" && l.Name == "bothways" {
					t.Skip("its writes wait, and nothing is read meanwhile: what this level is about stops it now and then")
				}
				t.Parallel()
				bash := testkit.Program(t, "bash")
				for _, p := range needs[l.Name] {
					testkit.Program(t, p)
				}
				env := environment(t, i, l.Name)
				host, port := hostPort(t, serve(t, l))
				got := runSolution(t, env, bash, filepath.Join(examples, l.Name, "solve.sh"), host, port)
				if want := testFlag(l) + "\n"; got != want {
					t.Errorf("printed %q, want %q", got, want)
				}
			})
		}
	}
}

func TestSolutionsInPython(t *testing.T) {
	for _, l := range All(Options{Callback: true}) {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			python := testkit.Program(t, "python3")
			host, port := hostPort(t, serve(t, l))
			got := runSolution(t, nil, python, filepath.Join(examples, l.Name, "solve.py"), host, port)
			if want := testFlag(l) + "\n"; got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		})
	}
}

func TestSolutionsInGo(t *testing.T) {
	solve := filepath.Join(t.TempDir(), "solve.exe")
	if out, err := exec.Command("go", "build", "-o", solve, "../../examples/levels/solve").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, l := range All(Options{Callback: true}) {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			if got, want := runSolution(t, nil, solve, l.Name, serve(t, l)), testFlag(l)+"\n"; got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		})
	}
}

// TestByHand is a person's run through the whole ladder.
func TestByHand(t *testing.T) {
	if testing.Short() {
		t.Skip("the solutions run one by one in short mode")
	}
	t.Parallel()
	bash := testkit.Program(t, "bash")
	testkit.Program(t, "nc.openbsd")
	var args, want []string
	for _, l := range All(Options{Callback: true, Key: testKey}) {
		_, port := hostPort(t, serve(t, l))
		args = append(args, l.Name+"="+port)
		want = append(want, fmt.Sprintf("%s %s\n", l.Name, testFlag(l)))
		for _, p := range needs[l.Name] {
			testkit.Program(t, p)
		}
	}
	args = append([]string{filepath.Join(examples, "by-hand.sh"), "127.0.0.1"}, args...)
	got := runSolution(t, []string{"NC=", "LISTEN="}, bash, args...)
	if got != strings.Join(want, "") {
		t.Errorf("printed\n%s\nwant\n%s", got, strings.Join(want, ""))
	}
}
