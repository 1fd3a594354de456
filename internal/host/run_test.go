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

// TestCommand: only what must be another inside of the sandbox is changed, and only files that are meant are shown.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"easy", "chal.py", "chal.sh", "sub/data"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const warning = "passed on as words"
	for _, c := range []struct {
		command, want string // DIR is where the files are
		files         string
		warns         bool
	}{
		{"/p echo level easy", "/p echo level easy", "", true},
		{"/p level hard", "/p level hard", "", false},
		{"/p ./easy sub/data", "/p DIR/easy DIR/sub/data", "DIR/easy DIR/sub/data", false},
		{"/p DIR/sub/../easy", "/p DIR/easy", "DIR/easy", false},
		{"/p sub", "/p sub", "", false},
		{"/usr/bin/python3 chal.py", "/usr/bin/python3 DIR/chal.py", "DIR/chal.py", false},
		{"/usr/bin/python3.11 -u -E chal.py easy", "/usr/bin/python3.11 -u -E DIR/chal.py easy", "DIR/chal.py", true},
		{"/usr/bin/python3 -c easy", "/usr/bin/python3 -c easy", "", true},
		{"/usr/bin/python3 -m easy", "/usr/bin/python3 -m easy", "", true},
		{"/bin/bash -e chal.sh", "/bin/bash -e DIR/chal.sh", "DIR/chal.sh", false},
		{"/bin/bash -lc easy", "/bin/bash -lc easy", "", true},
		{"/usr/bin/perl -ne easy", "/usr/bin/perl -ne easy", "", true},
		{"/usr/bin/stdbuf -o0 python3 chal.py", "/usr/bin/stdbuf -o0 python3 DIR/chal.py", "DIR/chal.py", false},
		{"/usr/bin/java -jar chal.py", "/usr/bin/java -jar DIR/chal.py", "DIR/chal.py", false},
		{"/p /etc/passwd", "/p /etc/passwd", "", false},
	} {
		log := new(testkit.Buffer)
		here := func(s string) []string { return strings.Fields(strings.ReplaceAll(s, "DIR", dir)) }
		r := &Run{Console: Console{Env: func(string) (string, bool) { return "", false }, Stderr: log}, Command: here(c.command)}
		argv, files, err := r.command(sandbox.Policy{})
		if err != nil || !slices.Equal(argv, here(c.want)) || !slices.Equal(files, here(c.files)) {
			t.Errorf("%s: got %q and the files %q, %v, want %q and %q", c.command, argv, files, err, here(c.want), here(c.files))
		}
		if warned := strings.Contains(log.String(), warning); warned != c.warns {
			t.Errorf("%s: the log says %q", c.command, log)
		}
		if !slices.Equal(r.Command, here(c.command)) {
			t.Errorf("%s: it was changed itself", c.command)
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
