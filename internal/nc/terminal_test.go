//go:build unix

package nc

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// terminal starts a shell in a terminal of 70 by 20. expect waits for a text on
// the screen, keys types.
func terminal(t *testing.T, tmux string) (socket string, expect func(string), keys func(...string)) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "tmux")
	run := func(args ...string) string {
		out, err := exec.Command(tmux, append([]string{"-S", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v %s", args, err, out)
		}
		return string(out)
	}
	exec.Command(tmux, "-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", "70", "-y", "20", "env PS1='$ ' sh").Run()
	t.Cleanup(func() { exec.Command(tmux, "-S", socket, "kill-server").Run() })
	expect = func(want string) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		end := time.After(patience)
		for {
			screen := run("capture-pane", "-p")
			if strings.Contains(screen, want) {
				return
			}
			select {
			case <-tick.C:
			case <-end:
				t.Fatalf("%q does not come:\n%s", want, screen)
			}
		}
	}
	keys = func(k ...string) { run(append([]string{"send-keys"}, k...)...) }
	return socket, expect, keys
}

// TestTerminal drives nc in a terminal: editing while output arrives, Ctrl-C,
// and the terminal's state afterwards.
func TestTerminal(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	l := start(t, ncBinary, "-lkvn", "-c", "printf 'Welcome\\nname? '; read n; printf 'hello %s\\nmore? ' \"$n\"; read m; echo \"bye $m\"", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	socket, expect, keys := terminal(t, tmux)
	keys("stty -g >"+socket+".before; "+ncBinary+" 127.0.0.1 "+port, "Enter")
	expect("name?")
	keys("Amn", "Left", "BSpace", "Right", "na")
	expect("name? Anna")
	keys("Enter")
	expect("hello Anna\nmore?")
	keys("Up", "C-u", "x", "Enter")
	expect("bye x\n$")
	keys(ncBinary+" 127.0.0.1 "+port, "Enter")
	expect("name?\n")
	keys("abc", "C-c")
	expect("name? abc\n\n$") // sh adds a line of its own after SIGINT
	keys("echo status $?; stty -g >"+socket+".after; echo done", "Enter")
	expect("status 130\ndone")
	before, _ := os.ReadFile(socket + ".before")
	after, _ := os.ReadFile(socket + ".after")
	if len(before) == 0 || !bytes.Equal(before, after) {
		t.Errorf("the terminal was left in another state:\n%s%s", before, after)
	}
}
