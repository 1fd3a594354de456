package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/internal/host"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// groups lists the control groups of the server's sessions.
func (h *hosted) groups() (list []string) {
	owner := fmt.Sprintf("-%d-", h.cmd.Process.Pid) // in the name, after its pid namespace
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "flagstaff-") && strings.Contains(d.Name(), owner) && !strings.HasSuffix(d.Name(), "-server") {
			list = append(list, path)
			return fs.SkipDir
		}
		return nil
	})
	return list
}

// TestSecondSignal: it ends the sessions that the first has let go on, and nothing of them is left.
func TestSecondSignal(t *testing.T) {
	if _, err := sandbox.Report(sandbox.Policy{}); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		args []string
		hold func(h *hosted) *tube.Tube
	}{
		{[]string{"run", "-l", "127.0.0.1:0", "--drain", "1h", "--", "cat"}, (*hosted).hold},
		{[]string{"serve", "-l", "127.0.0.1:0", "--levels", "-1", "--drain", "1h"}, func(h *hosted) *tube.Tube {
			p := h.dial()
			if _, err := p.RecvLine(); err != nil {
				h.t.Fatal(err)
			}
			return p
		}},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			log := new(testkit.Buffer)
			h := begin(t, log, c.args...)
			var players []*tube.Tube
			for range 10 {
				players = append(players, c.hold(h))
			}
			if c.args[0] == "run" && len(h.groups()) == 0 {
				t.Log("there are no control groups here to be left")
			}
			h.signal(syscall.SIGTERM)
			h.closed()
			h.signal(syscall.SIGINT)
			h.wait(time.Minute)
			for _, p := range players {
				if text, err := p.RecvAll(1 << 20); !strings.HasSuffix(text, "The server is shutting down. Goodbye.\n") {
					t.Errorf("a player was told %q, %v", text, err)
				}
			}
			if left := h.groups(); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
			if !strings.Contains(log.String(), "have been cut, before --drain was over") {
				t.Errorf("the log does not say that sessions were cut:\n%s", log)
			}
		})
	}
}

// TestThatTakesLonger: a server that cannot end soon does not keep the command from ending, with status 1.
func TestThatTakesLonger(t *testing.T) {
	self := func() {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	var c host.Console
	log := new(testkit.Buffer)
	cmd := new(cobra.Command)
	cmd.SetContext(t.Context())
	cmd.SetErr(log)
	end := make(chan struct{})
	defer close(end)
	err := serving(cmd, &c, func(ctx context.Context) error {
		self()
		<-ctx.Done()
		self()
		<-c.Hurry
		<-end
		return nil
	})
	if err != exitError(1) || !strings.HasPrefix(log.String(), "error: end the sessions: ") {
		t.Errorf("got %v, and %q", err, log)
	}
}
