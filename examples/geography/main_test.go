package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/challenges/geography"
)

// serve runs the real challenge on loopback.
func serve(t *testing.T) (host, port string) {
	t.Helper()
	l, err := chal.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := geography.New(geography.Options{}).Server("flag{test}")
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

// skeletons are the commands that run the three solvers.
func skeletons(t *testing.T) map[string][]string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "solver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return map[string][]string{"bash": {"bash", "solve.sh"}, "python3": {"python3", "solve.py"}, "go": {bin}}
}

func TestSkeletons(t *testing.T) {
	host, port := serve(t)
	for name, command := range skeletons(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				if os.Getenv("FLAGSTAFF_REQUIRE_ALL") == "1" {
					t.Fatal(err)
				}
				t.Skipf("%s is missing", command[0])
			}
			out := run(t, append(command, host, port, "practice distance"))
			if !strings.Contains(out, "20 of 20 right") {
				t.Errorf("practice of what it can was not all right:\n%s", out)
			}
			out = run(t, append(command, host, port))
			if !strings.Contains(out, "Q") || !strings.Contains(out, "BYE") || strings.Contains(out, "BAD") {
				t.Errorf("the ranked game:\n%s", out)
			}
		})
	}
}

func run(t *testing.T, command []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", command, err, out)
	}
	return string(out)
}
