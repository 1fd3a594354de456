package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShowable: what a session would not see, or what would show it the host, is told before anybody plays, with the way out.
func TestShowable(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]string{"processes": "/proc", "plain": "/usr"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	show := func(paths ...string) Policy { return Policy{Files: paths} }
	for _, c := range []struct {
		p    Policy
		want string // "": all of it can be shown
	}{
		{show("/"), "/ is the whole host"},
		{Policy{Dir: "/"}, "/ is the whole host"},
		{show("/etc"), "/etc is the host's, and a session has one of its own"},
		{show("/proc"), "/proc shows the host's processes"},
		{Policy{Dir: "/proc/sys"}, "/proc/sys shows the host's processes"},
		{show(dir + "/processes"), "leads to /proc, which shows the host's processes"},
		{show("/sys"), "/sys shows the host's devices"},
		{show("/dev"), "/dev is the host's"},
		{show("/dev/tty"), "/dev/tty is a device"},
		{Policy{Flag: "flag{x}", Files: []string{"/flag"}}, "/flag would be hidden by the session's flag"},
		{Policy{Tmp: 1, Files: []string{"/tmp/x"}}, "/tmp/x would be hidden by the session's own /tmp"},
		{show("/etc/passwd", "/proc/cpuinfo", "/sys/kernel", dir+"/plain", "/dev/null"), "/sys/kernel shows"},
		{show("/etc/passwd", "/proc/cpuinfo", dir+"/plain", "/dev/null", "/dev/shm", "/usr", "/flag", "/no/such/file"), ""},
	} {
		err := c.p.showable("/bin/true")
		var no *ProgramError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.p.Files, err)
		case c.want != "" && (!errors.As(err, &no) || !strings.Contains(no.Error(), c.want) || no.Hint() == ""):
			t.Errorf("%v %s: got %v, want %q and a hint", c.p.Files, c.p.Dir, err, c.want)
		}
	}
}

// TestShownInPlaceOfOurs shows files of the host that a session would else have others of.
func TestShownInPlaceOfOurs(t *testing.T) {
	for _, name := range []string{"/etc/passwd", "/proc/cpuinfo"} {
		if strings.HasPrefix(name, "/proc") && os.Geteuid() != 0 {
			continue // a part of a /proc that is mounted whole cannot be bound in another user namespace
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Skip(err)
		}
		r := prepare(t, Policy{Files: []string{name}}, "/bin/cat", name)
		if out, exit := play(t, r, Session{}, ""); len(out) < 100 || out[:100] != string(want[:100]) {
			t.Errorf("%s: got %.100q, %s", name, out, exit.Stderr)
		}
	}
	want, err := os.ReadDir("/etc/ssl")
	if err != nil || len(want) == 0 {
		t.Skip("there is no /etc/ssl here")
	}
	r := prepare(t, Policy{Files: []string{"/etc/ssl"}}, "/bin/ls", "/etc/ssl")
	if out, exit := play(t, r, Session{}, ""); !strings.Contains(out, want[0].Name()) {
		t.Errorf("/etc/ssl: got %q, %s", out, exit.Stderr)
	}
}
