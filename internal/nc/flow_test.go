//go:build unix

package nc

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// cpu is what a process has used so far.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	p, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		testkit.Missing(t, "there is no /proc")
	}
	f := strings.Fields(string(p[bytes.LastIndexByte(p, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	sys, _ := strconv.Atoi(f[12])
	return time.Duration(user+sys) * 10 * time.Millisecond
}

// TestNeverSpins holds nc in every place where it can be blocked, and looks at
// the processor time it uses meanwhile.
func TestNeverSpins(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	release := make(chan struct{})
	defer close(release)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				switch readLine(c) {
				case "flood":
					c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
					for {
						if _, err := c.Write(make([]byte, 1<<20)); err != nil {
							break
						}
					}
				}
				<-release
			}()
		}
	}()
	for name, run := range map[string]struct {
		args  []string
		input string
		flood bool
	}{
		"idle":                        {nil, "hello\n", false},
		"output pipe is full":         {nil, "flood\n", true},
		"output pipe is full, copied": {[]string{"--timestamps"}, "flood\n", true},
		"socket is full":              {nil, "hello\n" + strings.Repeat("x", 64<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(ncBinary, append(run.args, "127.0.0.1", port)...)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.Stdout = w
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			defer func() { cmd.Process.Kill(); stdin.Close(); cmd.Wait() }()
			go io.WriteString(stdin, run.input)
			<-time.After(800 * time.Millisecond)
			before := cpu(t, cmd.Process.Pid)
			<-time.After(time.Second)
			if used := cpu(t, cmd.Process.Pid) - before; used > 20*time.Millisecond {
				t.Errorf("blocked for a second, nc used %v of the processor", used)
			}
		})
	}
}

// TestSplices looks with strace that the kernel moves the bytes.
func TestSplices(t *testing.T) {
	strace := testkit.Program(t, "strace")
	for name, c := range map[string]struct{ redirect, call string }{
		"pipe to socket":      {"head -c 300000 /dev/zero | %s 127.0.0.1 %s >/dev/null", "splice("},
		"file to socket":      {"%s 127.0.0.1 %s <FILE >/dev/null", "sendfile("},
		"socket to pipe":      {"head -c 300000 /dev/zero | %s 127.0.0.1 %s | wc -c", "splice("},
		"socket to file":      {"head -c 300000 /dev/zero | %s 127.0.0.1 %s >FILE2", "splice("},
		"socket to /dev/null": {"head -c 300000 /dev/zero | %s 127.0.0.1 %s >/dev/null", "splice("},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				io.Copy(c, c)
				c.Close()
			}()
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			os.WriteFile(file, make([]byte, 300000), 0o600)
			log := filepath.Join(dir, "log")
			line := fmt.Sprintf(c.redirect, strace+" -f -e trace=splice,sendfile,read,write -o "+log+" "+ncBinary, strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
			line = strings.NewReplacer("FILE2", file+"2", "FILE", file).Replace(line)
			if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			p, _ := os.ReadFile(log)
			if !bytes.Contains(p, []byte(c.call)) {
				t.Errorf("there is no %s among the calls:\n%s", c.call, p)
			}
			for l := range strings.Lines(string(p)) {
				if f := strings.Fields(l); len(f) > 1 && f[len(f)-2] == "=" {
					if n, _ := strconv.Atoi(f[len(f)-1]); n > 4096 && (strings.Contains(l, "read(") || strings.Contains(l, "write(")) {
						t.Errorf("bytes passed through the process: %s", l)
					}
				}
			}
		})
	}
}

// TestAppend writes to a file opened to append, which splice(2) refuses.
func TestAppend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	os.WriteFile(file, []byte("before\n"), 0o600)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			io.WriteString(c, "after\n")
			c.Close()
		}
	}()
	line := fmt.Sprintf("%s -d 127.0.0.1 %d >>%s", ncBinary, ln.Addr().(*net.TCPAddr).Port, file)
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if p, _ := os.ReadFile(file); string(p) != "before\nafter\n" {
		t.Errorf("got %q", p)
	}
}

// TestClosedOutput ends nc when the reader of its output has gone.
func TestClosedOutput(t *testing.T) {
	l := start(t, ncBinary, "-lvn", "-c", "yes", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", fmt.Sprintf("{ %s -d 127.0.0.1 %s; echo $? >&2; } | head -1", ncBinary, port))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "y\n0\n" && string(out) != "0\ny\n" {
		t.Errorf("got %q, %v", out, err)
	}
	l.wait(t) // yes gets SIGPIPE
}

// TestClosedErrors goes on when nobody reads what nc tells.
func TestClosedErrors(t *testing.T) {
	port := serve(t, func(c *net.TCPConn) { io.WriteString(c, "hello\n") })
	cmd := exec.Command(ncBinary, "-v", "127.0.0.1", port)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stderr = w
	out, err := cmd.Output()
	w.Close()
	if err != nil || string(out) != "hello\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestIntervalPartial sends a line's beginning when there is nothing more, and never waits for the end of an endless one.
func TestIntervalPartial(t *testing.T) {
	got := make(chan string, 1)
	port := serve(t, func(c *net.TCPConn) {
		p := make([]byte, 6)
		io.ReadFull(c, p)
		got <- string(p)
		n, _ := io.Copy(io.Discard, c)
		got <- strconv.FormatInt(n, 10)
	})
	k := talk(t, ncBinary, "-i", "0.01", "127.0.0.1", port)
	expect := func(want string) {
		t.Helper()
		select {
		case s := <-got:
			if s != want {
				t.Fatalf("got %q, want %q", s, want)
			}
		case <-time.After(patience):
			t.Fatalf("%q does not come", want)
		}
	}
	k.say(t, "name: ")
	expect("name: ")
	k.say(t, strings.Repeat("x", 500_000))
	k.hangUp()
	expect("500000")
	k.wait(t)
}

// TestLongHexLine refuses a line of --hex that does not end.
func TestLongHexLine(t *testing.T) {
	port := serve(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(ncBinary, "--hex", "127.0.0.1", port)
	cmd.Stdin = r
	go func() {
		for {
			if _, err := io.WriteString(w, strings.Repeat("61", 1000)); err != nil {
				return
			}
		}
	}()
	out, err := cmd.CombinedOutput()
	r.Close()
	w.Close()
	if err == nil || !strings.Contains(string(out), "error: --hex: a line is longer than") {
		t.Errorf("got %s, %v", out, err)
	}
}

// TestDatagramSizes: what is written at once is one datagram.
func TestDatagramSizes(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetReadDeadline(time.Now().Add(patience))
	k := talk(t, ncBinary, "-u", "127.0.0.1", strconv.Itoa(pc.LocalAddr().(*net.UDPAddr).Port))
	buf := make([]byte, 1<<17)
	for _, size := range []int{1, 8193, 16384, maxDatagram()} {
		k.say(t, strings.Repeat("x", size))
		if n, _, err := pc.ReadFrom(buf); n != size || err != nil {
			t.Errorf("%d bytes arrive as %d, %v", size, n, err)
		}
	}
}

// TestDatagramsOfLines: a datagram that the CRs of -C make too long goes as two.
func TestDatagramsOfLines(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetReadDeadline(time.Now().Add(patience))
	pc.(*net.UDPConn).SetReadBuffer(1 << 20) // both may come before the first is read
	lines := strings.Repeat("\n", maxDatagram())
	k := talk(t, ncBinary, "-uC", "127.0.0.1", strconv.Itoa(pc.LocalAddr().(*net.UDPAddr).Port))
	k.say(t, lines)
	var got []byte
	for buf := make([]byte, 1<<17); len(got) < 2*len(lines); {
		n, _, err := pc.ReadFrom(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != strings.Repeat("\r\n", len(lines)) {
		t.Error("the lines have come as others")
	}
}

// TestFileByDatagrams: a file is sent in pieces that other netcats read whole.
func TestFileByDatagrams(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetReadDeadline(time.Now().Add(patience))
	name := filepath.Join(t.TempDir(), "file")
	want := bytes.Repeat([]byte("0123456789abcdef"), 20_000/16)
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(ncBinary, "-u", "-w", "1", "127.0.0.1", strconv.Itoa(pc.LocalAddr().(*net.UDPAddr).Port))
	cmd.Stdin = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var got []byte
	for buf := make([]byte, 1<<17); len(got) < len(want); {
		n, _, err := pc.ReadFrom(buf)
		if err != nil || n > maxFileDatagram {
			t.Fatalf("a datagram of %d bytes, %v, after %d", n, err, len(got))
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, want) {
		t.Error("the file has come as another")
	}
}

// echoing is the port of a server that sends everything back.
func echoing(t *testing.T) string {
	t.Helper()
	return serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
}

// TestDumpOrder: no answer is written down before its question, however quick the peer is.
func TestDumpOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dump")
	k := talk(t, ncBinary, "--hex-dump", file, "127.0.0.1", echoing(t))
	heard := 0
	for i := range 500 {
		line := fmt.Sprintf("%03d\n", i)
		k.say(t, line)
		heard += len(line)
		if err := k.out.until(func(s string) bool { return len(s) >= heard }); err != nil {
			t.Fatalf("no answer to %q: %s", line, k.errs)
		}
	}
	k.hangUp()
	k.wait(t)
	dump, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(dump)), "\n") {
		if want := fmt.Sprintf("%c %08x", "><"[i%2], i/2*4); !strings.HasPrefix(line, want) {
			t.Fatalf("line %d of the dump is %q, want %q", i+1, line, want)
		}
	}
}

// TestFullDump names the file that takes no more, and nothing else.
func TestFullDump(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for flag, what := range map[string]string{"--output": "output file", "--hex-dump": "hex dump", "--transcript": "transcript"} {
		cmd := exec.Command(ncBinary, flag, "/dev/full", "127.0.0.1", echoing(t))
		cmd.Stdin = filled(t, "hello\n")
		out, err := cmd.CombinedOutput()
		want := "error: write the " + what + ": write /dev/full: no space left on device\n"
		if string(out) != want || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: got %q, %v, want %q and status 1", flag, out, err, want)
		}
	}
}

// TestPauses: -w is about the peer. Who reads the output may pause for longer and loses nothing; a peer that takes nothing leaves a
// part of the input unsent, which is no success.
func TestPauses(t *testing.T) {
	const size = 8_000_000
	gives := serve(t, func(c *net.TCPConn) {
		readLine(c)
		c.Write(make([]byte, size))
		io.Copy(io.Discard, c)
	})
	deaf := serve(t, func(*net.TCPConn) { <-t.Context().Done() })
	const limit, pause = "0.3", time.Second
	t.Run("output", func(t *testing.T) {
		t.Parallel()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd := exec.Command(ncBinary, "-w", limit, "127.0.0.1", gives)
		cmd.Stdin, cmd.Stdout = filled(t, "give\n"), w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		<-time.After(pause) // it is what is tested
		n, err := io.Copy(io.Discard, r)
		if ended := cmd.Wait(); n != size || err != nil || ended != nil {
			t.Errorf("a reader who paused got %d bytes of %d, %v, %v", n, size, err, ended)
		}
	})
	for _, args := range [][]string{nil, {"--send-only"}} {
		t.Run(strings.Join(append(args, "input"), " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(ncBinary, append(args, "-w", limit, "127.0.0.1", deaf)...)
			in, err := os.Open("/dev/zero")
			if err != nil {
				t.Skip(err)
			}
			defer in.Close()
			cmd.Stdin = in
			out, _ := cmd.CombinedOutput()
			if want := "error: the peer has taken nothing for 300ms: the rest of the input was not sent"; !strings.HasPrefix(string(out), want) || cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("got %q and status %d, want %q and 1", out, cmd.ProcessState.ExitCode(), want)
			}
		})
	}
}

// TestTelnetEscapes doubles byte 255 in what is sent, whatever other options there are (RFC 854).
func TestTelnetEscapes(t *testing.T) {
	for _, args := range [][]string{{"-t"}, {"-t", "-C"}, {"-t", "--limit-rate", "1M"}} {
		came := make(chan string, 1)
		port := serve(t, func(c *net.TCPConn) {
			p, _ := io.ReadAll(c)
			came <- string(p)
		})
		cmd := exec.Command(ncBinary, append(args, "127.0.0.1", port)...)
		cmd.Stdin = filled(t, "a\xffb")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v, %s", args, err, out)
		}
		if got := <-came; got != "a\xff\xffb" {
			t.Errorf("%q: got %q", args, got)
		}
	}
}

// TestHalfCutTLS: a TLS peer that finishes without saying so, and still reads, has all of the input, as one without TLS.
func TestHalfCutTLS(t *testing.T) {
	origin := httptest.NewTLSServer(nil) // for its certificate
	conf := &tls.Config{Certificates: origin.TLS.Certificates}
	origin.Close()
	const size = 5_000_000
	for _, way := range []struct {
		args   []string
		says   string
		status int
	}{
		{nil, "error: the peer hung up without ending TLS (no close_notify)", 1},
		{[]string{"--send-only"}, "", 0},
	} {
		took := make(chan int64, 1)
		port := serve(t, func(c *net.TCPConn) {
			s := tls.Server(c, conf)
			n, _ := io.CopyN(io.Discard, s, 1000)
			c.CloseWrite() // below TLS
			rest, _ := io.Copy(io.Discard, s)
			took <- n + rest
		})
		cmd := exec.Command(ncBinary, append(way.args, "--ssl", "--ssl-insecure", "127.0.0.1", port)...)
		cmd.Stdin = bytes.NewReader(make([]byte, size))
		out, _ := cmd.CombinedOutput()
		if got := <-took; got != size || !strings.HasPrefix(string(out), way.says) || cmd.ProcessState.ExitCode() != way.status {
			t.Errorf("%q: the peer got %d bytes of %d; status %d, %s", way.args, got, size, cmd.ProcessState.ExitCode(), out)
		}
	}
}
