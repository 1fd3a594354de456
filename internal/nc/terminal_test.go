//go:build unix

package nc

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// TestTerminalComesBack looks at the terminal's state after every way nc can end.
func TestTerminalComesBack(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "say? ")
		switch readLine(c) {
		case "reset":
			c.SetLinger(0)
		case "ask again":
			io.WriteString(c, "again? ")
			readLine(c)
		}
	})
	nc := ncBinary + " 127.0.0.1 " + port
	for _, way := range []struct {
		name, line string
		typed      []string
		status     string
	}{
		{"the server ends", nc, []string{"bye", "Enter"}, "0"},
		{"the server resets", nc, []string{"reset", "Enter"}, "1"},
		{"Ctrl-D", nc, []string{"C-d"}, "0"},
		{"Ctrl-C", nc, []string{"C-c"}, "130"},
		{"Ctrl-\\", nc, []string{"C-\\"}, "131"},
		{"SIGQUIT", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, "131"},
		{"SIGTERM", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, "143"},
		{"SIGHUP", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, "129"},
		{"SIGUSR1", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, "138"},
		{"SIGALRM", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, "142"},
		{"idle", nc + " --idle-timeout 0.3", nil, "1"},
		{"Ctrl-Z", nc, []string{"C-z"}, ""},
		{"SIGTSTP", "sh -c 'echo $$ >PID; exec " + nc + "'", nil, ""},
	} {
		t.Run(way.name, func(t *testing.T) {
			socket, expect, keys := terminal(t, tmux)
			keys("stty -g >"+socket+".before; "+strings.ReplaceAll(way.line, "PID", socket+".pid"), "Enter")
			expect("\nsay?")
			if sig := unix.SignalNum(way.name); sig != 0 {
				p, _ := os.ReadFile(socket + ".pid")
				pid, _ := strconv.Atoi(strings.TrimSpace(string(p)))
				if pid == 0 || syscall.Kill(pid, sig) != nil {
					t.Fatalf("no process %q", p)
				}
			}
			if way.typed != nil {
				keys(way.typed...)
			}
			expect("\n$") // what is typed before nc has ended is nc's
			keys("echo status $?; stty -g >"+socket+".after; echo don''e", "Enter")
			expect("\ndone")
			if way.status != "" {
				expect("\nstatus " + way.status + "\n")
			}
			before, _ := os.ReadFile(socket + ".before")
			after, _ := os.ReadFile(socket + ".after")
			if len(before) == 0 || !bytes.Equal(before, after) {
				t.Errorf("the terminal was left in another state:\n%s%s", before, after)
			}
			if way.status != "" {
				return
			}
			// Continued, it edits again.
			keys("fg", "Enter")
			expect("say?")
			keys("ask agaix", "BSpace", "n", "Enter")
			expect("again?")
			keys("Enter")
			expect("\n$")
		})
	}
}

// TestBackground starts nc with & in shells that bring it back differently: there it receives, and takes no key from the
// shell. Brought to the foreground it edits, also when it was stopped and continued in between.
func TestBackground(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	for _, way := range []struct{ name, shell, args string }{
		{"listener, sh", "sh", "-l"},
		{"listener, bash", "bash --norc", "-l"}, // sends no SIGCONT to who runs
		{"client", "sh", ""},
		{"without an editor", "sh", "--no-edit"},
	} {
		t.Run(way.name, func(t *testing.T) {
			testkit.Program(t, strings.Fields(way.shell)[0])
			_, expect, keys := terminal(t, tmux)
			keys("clear; PS1='$ ' "+way.shell, "Enter")
			var conn net.Conn
			var err error
			if way.args == "-l" {
				port := freePort(t)
				keys(ncBinary+" -l 127.0.0.1 "+port+" &", "Enter")
				listening(t, tcpTables, port)
				conn, err = net.Dial("tcp", "127.0.0.1:"+port)
			} else {
				var ln net.Listener
				if ln, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
					defer ln.Close()
					_, port, _ := net.SplitHostPort(ln.Addr().String())
					keys(ncBinary+" "+way.args+" 127.0.0.1 "+port+" &", "Enter")
					conn, err = ln.Accept()
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(3 * patience))
			hears := func(want string) {
				t.Helper()
				if got := readLine(conn); got != want {
					t.Fatalf("it sent %q, want %q", got, want)
				}
			}
			io.WriteString(conn, "hello\n")
			expect("hello\n")
			keys("echo mi''ne", "Enter")
			expect("\nmine\n")
			keys("jobs", "Enter")
			expect("unning ")
			keys("fg", "Enter")
			io.WriteString(conn, "say?\n")
			expect("say?")
			keys("onf", "BSpace", "e", "Enter")
			hears("one")
			keys("C-z")
			expect("topped ")
			keys("bg", "Enter")
			io.WriteString(conn, "again?\n")
			expect("again?")
			keys("echo ou''rs", "Enter")
			expect("\nours\n")
			keys("fg", "Enter")
			keys("two", "Enter")
			hears("two")
			conn.Close()
			expect("\n$")
		})
	}
}

// TestPasted sends what is pasted, and bytes that are no UTF-8, as they are.
func TestPasted(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	got := make(chan string, 1)
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "say? ")
		for {
			line := readLine(c)
			if line == "" {
				return
			}
			got <- line
		}
	})
	socket, expect, keys := terminal(t, tmux)
	sent := func(want string) {
		t.Helper()
		select {
		case line := <-got:
			if line != want {
				t.Fatalf("it sent %.100q, want %.100q", line, want)
			}
		case <-time.After(patience):
			t.Fatal("it sends nothing")
		}
	}
	keys(ncBinary+" 127.0.0.1 "+port, "Enter")
	expect("\nsay?")
	paste := func(text string) {
		t.Helper()
		for _, args := range [][]string{{"set-buffer", "--", text}, {"paste-buffer", "-p"}} {
			if out, err := exec.Command(tmux, append([]string{"-S", socket}, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
	}
	paste("a\tb\x01\x03c")
	expect("say? a  b^A^Cc")
	keys("Enter")
	sent("a\tb\x01\x03c")
	keys("c", "a", "f")
	keys("-H", "e9", "0d")
	sent("caf\xe9")
	keys("Up", "C-v", "C-c", "Enter")
	sent("caf\xe9\x03")
	long := strings.Repeat("0123456789", 1500)
	paste(long)
	keys("Enter")
	sent(long)
	keys("Enter")
	expect("\n$")
}

// TestHistory keeps the lines typed in a file, for the next run.
func TestHistory(t *testing.T) {
	socket, expect, keys := terminal(t, testkit.Program(t, "tmux"))
	port := serve(t, func(c *net.TCPConn) {
		for {
			io.WriteString(c, "say? ")
			line := readLine(c)
			if line == "" {
				return
			}
			fmt.Fprintf(c, "<%s>\n", line)
		}
	})
	run := func() {
		keys("clear; "+ncBinary+" --history "+socket+".history 127.0.0.1 "+port+"; echo en''ded", "Enter")
		expect("say?")
	}
	run()
	keys("first", "Enter")
	expect("<first>")
	keys("second", "Enter")
	expect("<second>")
	keys("Enter")
	expect("ended")
	if p, _ := os.ReadFile(socket + ".history"); string(p) != "first\nsecond\n" {
		t.Errorf("the file holds %q", p)
	}
	run()
	keys("Up", "Up", "!", "Enter")
	expect("<first!>")
	keys("Enter")
	expect("ended")
	if fi, err := os.Stat(socket + ".history"); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", fi.Mode(), err)
	}
	// Without an editor, and in a pipe, no history: the lines are the terminal's.
	keys("clear; "+ncBinary+" --no-edit 127.0.0.1 "+port+"; echo en''ded", "Enter")
	expect("say?")
	keys("third", "Enter")
	expect("<third>")
	keys("Enter")
	expect("ended")
	if p, _ := os.ReadFile(socket + ".history"); string(p) != "first\nsecond\nfirst!\n" {
		t.Errorf("the file holds %q", p)
	}
}

// TestStatusLine shows with -v, below the line that is typed, how the connection
// does; in a pipe, or without -v, nothing.
func TestStatusLine(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	l, port := listener(t, "-lk", "--ssl", "-c", "printf 'say? '; read x; printf '%065536d\\nagain? ' 0 | tail -c 9; read y")
	_, expect, keys := terminal(t, tmux)
	keys(ncBinary+" -v --ssl-insecure 127.0.0.1 "+port, "Enter")
	expect("\nsay?\n127.0.0.1:" + port + ", TLS 1.3, sent 0 B, received 5 B, ")
	expect("/s, round trip")
	keys("hello")
	expect("\nsay? hello\n127.0.0.1:" + port + ", TLS 1.3, sent 0 B, ")
	keys("Enter")
	expect("\nagain?\n127.0.0.1:" + port + ", TLS 1.3, sent 6 B, received 14 B, ")
	keys("Enter")
	expect("received 14 B (") // the summary, and the status is gone
	expect("\n$")
	l.cmd.Process.Kill()

	// The output is a file, the standard error a terminal.
	big := serve(t, func(c *net.TCPConn) {
		for range 12 {
			c.Write(make([]byte, 100_000))
			<-time.After(100 * time.Millisecond)
		}
	})
	_, expect, keys = terminal(t, tmux)
	keys(ncBinary+" -v -d 127.0.0.1 "+big+" >/dev/null", "Enter")
	expect("\n127.0.0.1:" + big + ", sent 0 B, received ")
	expect("received 1.2 MB (")
	expect("\n$")

	// No terminal.
	cmd := exec.Command(ncBinary, "-v", "-d", "127.0.0.1", big)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if _, err := cmd.Output(); err != nil || strings.Count(errs.String(), "\n") != 1 || strings.Contains(errs.String(), "\r") {
		t.Errorf("got %q, %v", &errs, err)
	}
}

// TestRawTerminal: on a terminal that the user has made raw every key goes out as it is, also when that was done while nc
// was stopped, as players do to get a whole terminal out of a shell they have caught.
func TestRawTerminal(t *testing.T) {
	tmux := testkit.Program(t, "tmux")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "hello\r\n")
			var all []byte
			for one := make([]byte, 1); !bytes.HasSuffix(all, []byte("x")); all = append(all, one[0]) {
				if _, err := c.Read(one); err != nil {
					break
				}
			}
			c.Close()
			got <- string(all)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var expect func(string)
	var keys func(...string)
	for _, how := range []struct {
		name  string
		begin func()
	}{
		{"from the start", func() {
			keys("stty raw -echo; "+ncBinary+" 127.0.0.1 "+port+"; stty sane", "Enter")
			expect("hello")
		}},
		{"after a stop", func() {
			keys(ncBinary+" 127.0.0.1 "+port, "Enter")
			expect("hello")
			keys("C-z")
			expect("topped")
			keys("stty raw -echo; fg; stty sane", "Enter")
			expect("stty sane\n" + ncBinary)
		}},
	} {
		_, expect, keys = terminal(t, tmux)
		how.begin()
		keys("ab", "Tab", "C-c", "x")
		select {
		case all := <-got:
			if all != "ab\t\x03x" {
				t.Errorf("%s: got %q", how.name, all)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the keys do not come", how.name)
		}
	}
}
