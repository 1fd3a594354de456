package host

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// TestCommand: arguments stay what they are, and files that they name are shown where they are.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"easy", "chal.py", "sub/data"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		command, files string // DIR is where the files are
		work           bool   // they are named from here
	}{
		{"/p echo level hard", "", false},
		{"/p echo level easy", "DIR/easy", true},
		{"/p ./easy sub/data", "DIR/easy DIR/sub/data", true},
		{"/p DIR/sub/data", "DIR/sub/data", false},
		{"/p sub", "", false},
		{"/usr/bin/python3 chal.py", "DIR/chal.py", true},
		{"/p /etc/passwd", "", false},
	} {
		here := func(s string) []string { return strings.Fields(strings.ReplaceAll(s, "DIR", dir)) }
		r := &Run{Command: here(c.command)}
		var p sandbox.Policy
		argv, err := r.command(&p)
		if err != nil || !slices.Equal(argv, r.Command) || !slices.Equal(p.Files, here(c.files)) || p.WorkDir != map[bool]string{true: dir}[c.work] {
			t.Errorf("%s: got %q with the files %q in %q, %v", c.command, argv, p.Files, p.WorkDir, err)
		}
	}
}

// TestTold: what is behind a refusal is logged, and what is not is the player's alone.
func TestTold(t *testing.T) {
	full := &chal.Refusal{Reason: chal.ReasonFull, Text: "Later.", Err: errors.New("fork: no room")}
	for err, want := range map[error]bool{full: true, &chal.Refusal{Reason: chal.ReasonIdle, Text: "Goodbye."}: false, chal.ErrTimeUp: false} {
		log := new(testkit.Buffer)
		c := Console{Env: func(string) (string, bool) { return "", false }, Stderr: log}
		h := told(chal.HandlerFunc(func(context.Context, *chal.Session) error { return err }))
		if got := h.ServeChal(t.Context(), &chal.Session{Log: c.log()}); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
		if strings.Contains(log.String(), "fork: no room") != want {
			t.Errorf("%v: the log says %q", err, log)
		}
	}
}
