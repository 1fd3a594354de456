//go:build unix

package nc

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestOwnLines: what nc tells stands above a prompt or below what is typed, and never in them.
func TestOwnLines(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "say? ")
		if line := readLine(c); line != "" {
			io.WriteString(c, "<"+line+">\nmore? ")
			readLine(c)
		}
	})
	begin := func(t *testing.T, args string) (socket string, expect func(string), keys func(...string)) {
		socket, expect, keys = terminal(t, tmux)
		keys("clear; "+ncBinary+" "+args+" 127.0.0.1 "+port, "Enter")
		expect("say?")
		return socket, expect, keys
	}
	t.Run("the summary", func(t *testing.T) {
		_, expect, keys := begin(t, "-v")
		keys("C-d")
		expect("received 5 B (")
		expect("\nsay?\n$")
	})
	t.Run("progress", func(t *testing.T) {
		_, expect, keys := begin(t, "--progress")
		keys("abc")
		expect("say? abc\nsent 0 B (0 B/s), received 5 B (")
		keys("Enter")
		expect("\nmore?\nsent 4 B (")
		keys("Enter")
		expect("\nmore?\nsent 5 B (")
		expect("\n$")
	})
	t.Run("the status of a stopped one", func(t *testing.T) {
		socket, expect, keys := begin(t, "-v")
		expect(", sent 0 B, received 5 B, ")
		keys("C-z")
		expect("topped")
		screen, err := exec.Command(tmux, "-S", socket, "capture-pane", "-p").Output()
		if err != nil || strings.Contains(string(screen), ", sent 0 B, received 5 B, ") {
			t.Errorf("%v, the screen:\n%s", err, screen)
		}
	})
	t.Run("timestamps", func(t *testing.T) {
		_, expect, keys := begin(t, "--timestamps")
		keys("hello", "Enter")
		expect(" <hello>\n")
	})
	t.Run("a transcript", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "cast")
		_, expect, keys := begin(t, "--transcript "+file)
		keys("hello", "Enter")
		expect("<hello>")
		keys("Enter")
		expect("\n$")
		var shown, typed string
		p, _ := os.ReadFile(file)
		for line := range strings.Lines(string(p)) {
			var at float64
			var kind, text string
			if json.Unmarshal([]byte(line), &[]any{&at, &kind, &text}) == nil && kind == "o" {
				shown += text
			} else {
				typed += text
			}
		}
		if shown != "say? hello\r\n<hello>\r\nmore? \r\n" || typed != "hello\n\n" {
			t.Errorf("shown %q, typed %q:\n%s", shown, typed, p)
		}
	})
}

// TestEditedDatagrams: with -u each line that is typed is a datagram, and --hex reads what is typed, with a history.
func TestEditedDatagrams(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetDeadline(time.Now().Add(3 * patience))
	_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
	hears := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		if n, _, err := pc.ReadFrom(buf); err != nil || string(buf[:n]) != want {
			t.Fatalf("got %q, %v, want %q", buf[:n], err, want)
		}
	}
	socket, expect, keys := terminal(t, tmux)
	keys(ncBinary+" -u --history "+socket+".history 127.0.0.1 "+port, "Enter")
	keys("onf", "BSpace", "e", "Enter", "two", "Enter", "Up", "Up", "Enter")
	hears("one\n")
	hears("two\n")
	hears("one\n")
	keys("C-c")
	expect("\none\n\n$")
	if p, _ := os.ReadFile(socket + ".history"); string(p) != "one\ntwo\none\n" {
		t.Errorf("the file holds %q", p)
	}
	keys(ncBinary+" -u --hex --history "+socket+".history 127.0.0.1 "+port, "Enter")
	keys(`a\x42\x0`, "BSpace", "00c", "Enter", "41 4", "Enter", "41 42", "Enter")
	hears("aB\x00c\n")
	hears("AB")
}
