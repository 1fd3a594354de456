package program_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// killLauncher kills the launcher that this process has started, which is one, and waits until it has ended.
func killLauncher(t *testing.T) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, name := range all {
		if text, _ := os.ReadFile(name); bytes.Contains(text, fmt.Appendf(nil, "\nPPid:\t%d\n", os.Getpid())) {
			var pid int
			fmt.Sscanf(name, "/proc/%d/", &pid)
			found = append(found, pid)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the processes it has started are %v, want one", found)
	}
	pidfd, err := unix.PidfdOpen(found[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 20_000)
	}
}

// TestLauncherKilled serves everybody who comes after somebody has killed the launcher, and says so in the log, once.
func TestLauncherKilled(t *testing.T) {
	log := new(testkit.Buffer)
	s := serve(t, program.Config{Command: []string{"cat"}, Log: slog.New(slog.NewTextHandler(log, nil))})
	for i := range 3 {
		var held []*tube.Tube
		for range 4 {
			p := s.dial()
			p.SendLine("hello")
			if got, err := p.RecvLine(); got != "hello" || err != nil {
				t.Fatalf("got %q, %v", got, err)
			}
			held = append(held, p)
		}
		killLauncher(t)
		for _, p := range held {
			if rest, err := p.RecvAll(1 << 10); !strings.Contains(rest, "ended from outside") || err != nil {
				t.Errorf("who played then got %q, %v, want a reason", rest, err)
			}
			if got := s.end(p); got != chal.Reason(sandbox.ReasonKilled) {
				t.Errorf("ended for %q, want %q", got, sandbox.ReasonKilled)
			}
		}
		var playing sync.WaitGroup
		for range size(500, 50) {
			playing.Go(func() {
				if _, err := s.talk(context.Background(), "", 2); err != nil {
					t.Error(err)
				}
			})
		}
		playing.Wait()
		if n := strings.Count(log.String(), `ended="signal: killed"`); n != i+1 {
			t.Errorf("killed %d times: told %d times\n%s", i+1, n, log)
		}
	}
}
