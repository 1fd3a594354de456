//go:build unix

package nc

import (
	"bytes"
	"context"
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

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) *job {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	j := &job{cmd: exec.CommandContext(ctx, name, args...), errs: newWatch(), done: make(chan struct{})}
	j.cmd.Stdout, j.cmd.Stderr = &j.out, j.errs
	if err := j.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() { j.status = j.cmd.Wait(); close(j.done) }()
	t.Cleanup(func() { cancel(); <-j.done })
	return j
}

func (j *job) wait(t *testing.T) {
	t.Helper()
	select {
	case <-j.done:
	case <-time.After(patience):
		t.Fatalf("%v has not ended: %s", j.cmd.Args, j.errs)
	}
}

// freePort is a port that nobody listens on now, for programs that cannot tell theirs.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// listening waits until the kernel says that a port is listened on, without connecting.
func listening(t *testing.T, files []string, port string) {
	t.Helper()
	n, _ := strconv.Atoi(port)
	want := fmt.Sprintf(":%04X ", n)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for {
		for _, f := range files {
			p, _ := os.ReadFile(f)
			for line := range strings.Lines(string(p)) {
				fields := strings.Fields(line)
				if len(fields) > 3 && strings.HasSuffix(fields[1]+" ", want) && (fields[3] == "0A" || fields[3] == "07") {
					return
				}
			}
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("nobody listens on %s", port)
		}
	}
}

var tcpTables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

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

// TestProgramsAreReaped leaves no child and no orphan behind.
func TestProgramsAreReaped(t *testing.T) {
	l := start(t, ncBinary, "-lkvn", "-c", "cat", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		cmd := exec.Command(ncBinary, "127.0.0.1", port)
		cmd.Stdin = strings.NewReader("hello\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
			t.Fatalf("got %q, %v", out, err)
		}
	}
	held, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	io.WriteString(held, "x\n")
	readLine(held) // the program runs
	children := func() string {
		out, _ := exec.Command("ps", "-o", "stat=", "--ppid", strconv.Itoa(l.cmd.Process.Pid)).Output()
		return strings.TrimSpace(string(out))
	}
	if got := children(); strings.Count(got, "\n") != 0 || strings.Contains(got, "Z") {
		t.Errorf("children: %q, want one alive", got)
	}
	// SIGTERM ends the listener and the program it started.
	l.cmd.Process.Signal(syscall.SIGTERM)
	l.wait(t)
	held.SetReadDeadline(time.Now().Add(patience))
	if _, err := held.Read(make([]byte, 1)); err == nil || timedOut(err) {
		t.Errorf("the program is still there: %v", err)
	}
}

// TestInterop talks to the other netcats, both ways.
func TestInterop(t *testing.T) {
	type program struct {
		name, bin    string
		listen, dial func(port string) []string
	}
	peers := []program{
		{"openbsd", "nc.openbsd", func(p string) []string { return []string{"-lN", "127.0.0.1", p} }, func(p string) []string { return []string{"-N", "127.0.0.1", p} }},
		{"traditional", "nc.traditional", func(p string) []string { return []string{"-l", "-q", "1", "-s", "127.0.0.1", "-p", p} }, func(p string) []string { return []string{"-q", "1", "127.0.0.1", p} }},
		{"ncat", "ncat", func(p string) []string { return []string{"-l", "127.0.0.1", p} }, func(p string) []string { return []string{"127.0.0.1", p} }},
		{"socat", "socat", func(p string) []string { return []string{"-t", "5", "-", "TCP-LISTEN:" + p + ",bind=127.0.0.1"} }, func(p string) []string { return []string{"-t", "5", "-", "TCP:127.0.0.1:" + p} }},
	}
	run := func(t *testing.T, l, d []string) {
		port := l[len(l)-1]
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		server := exec.CommandContext(ctx, l[0], l[1:len(l)-1]...)
		var got bytes.Buffer
		server.Stdin, server.Stdout = strings.NewReader("from the server\n"), &got
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		listening(t, tcpTables, port)
		client := exec.CommandContext(ctx, d[0], d[1:]...)
		client.Stdin = strings.NewReader("from the client\n")
		out, err := client.Output()
		if err != nil || string(out) != "from the server\n" {
			t.Errorf("the client got %q, %v", out, err)
		}
		if err := server.Wait(); err != nil || got.String() != "from the client\n" {
			t.Errorf("the server got %q, %v", got.String(), err)
		}
	}
	for _, p := range peers {
		t.Run("listen/"+p.name, func(t *testing.T) {
			bin := testkit.Program(t, p.bin)
			port := freePort(t)
			run(t, append(append([]string{bin}, p.listen(port)...), port), []string{ncBinary, "127.0.0.1", port})
		})
		t.Run("dial/"+p.name, func(t *testing.T) {
			bin := testkit.Program(t, p.bin)
			port := freePort(t)
			run(t, []string{ncBinary, "-l", "127.0.0.1", port, port}, append([]string{bin}, p.dial(port)...))
		})
	}
	t.Run("udp", func(t *testing.T) {
		for _, bin := range []string{"nc.openbsd", "ncat", "socat"} {
			t.Run(bin, func(t *testing.T) {
				path := testkit.Program(t, bin)
				l := start(t, ncBinary, "-luvn", "-W", "1", "127.0.0.1", "0")
				port, err := l.errs.port()
				if err != nil {
					t.Fatal(err)
				}
				args := map[string][]string{"nc.openbsd": {"-u", "-q0", "127.0.0.1", port}, "ncat": {"-u", "--send-only", "127.0.0.1", port}, "socat": {"-u", "-", "UDP:127.0.0.1:" + port}}[bin]
				cmd := exec.Command(path, args...)
				cmd.Stdin = strings.NewReader("datagram\n")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				l.wait(t)
				if l.out.String() != "datagram\n" {
					t.Errorf("got %q", l.out.String())
				}
			})
		}
	})
	t.Run("unix", func(t *testing.T) {
		for name, args := range map[string][]string{
			"nc.openbsd": {"-lN", "-U", "PATH"}, "ncat": {"-l", "-U", "PATH"}, "socat": {"-t", "5", "-", "UNIX-LISTEN:PATH"},
		} {
			t.Run(name, func(t *testing.T) {
				bin := testkit.Program(t, name)
				path := filepath.Join(t.TempDir(), "s")
				for i := range args {
					args[i] = strings.Replace(args[i], "PATH", path, 1)
				}
				server := exec.Command(bin, args...)
				var got bytes.Buffer
				server.Stdin, server.Stdout = strings.NewReader("from the server\n"), &got
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
				client := exec.Command(ncBinary, "--retry", "5", "-U", path)
				client.Stdin = strings.NewReader("from the client\n")
				out, err := client.Output()
				server.Wait()
				if err != nil || string(out) != "from the server\n" || got.String() != "from the client\n" {
					t.Errorf("the client got %q, the server %q, %v", out, got.String(), err)
				}
			})
		}
	})
}

// TestInteropTLS talks TLS to openssl and ncat, with a certificate that is trusted.
func TestInteropTLS(t *testing.T) {
	openssl := testkit.Program(t, "openssl")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	make := exec.Command(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
		"-days", "2", "-subj", "/CN=chal.test", "-addext", "subjectAltName=DNS:chal.test", "-addext", "basicConstraints=critical,CA:TRUE")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	talk := func(t *testing.T, input string, name string, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdin = strings.NewReader(input)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			return string(out) + errs.String()
		}
		return string(out)
	}
	t.Run("listen", func(t *testing.T) {
		l := start(t, ncBinary, "-lkvn", "--ssl-cert", cert, "--ssl-key", key, "-e", "head -n 1", "127.0.0.1", "0") // openssl s_client does not finish first
		port, err := l.errs.port()
		if err != nil {
			t.Fatal(err)
		}
		if got := talk(t, "hello\n", ncBinary, "--ssl-trustfile", cert, "--resolve", "chal.test:127.0.0.1", "chal.test", port); got != "hello\n" {
			t.Errorf("nc got %q", got)
		}
		if got := talk(t, "hello\n", ncBinary, "--ssl-trustfile", cert, "127.0.0.1", port); !strings.Contains(got, "the certificate is for chal.test, not for 127.0.0.1") {
			t.Errorf("nc got %q", got)
		}
		if got := talk(t, "hello\n", openssl, "s_client", "-quiet", "-verify_return_error", "-CAfile", cert, "-connect", "127.0.0.1:"+port); !strings.Contains(got, "hello\n") {
			t.Errorf("openssl got %q", got)
		}
		if got := talk(t, "hello\n", testkit.Program(t, "ncat"), "--ssl", "127.0.0.1", port); got != "hello\n" {
			t.Errorf("ncat got %q", got)
		}
	})
	t.Run("connect", func(t *testing.T) {
		port := freePort(t)
		start(t, openssl, "s_server", "-quiet", "-rev", "-cert", cert, "-key", key, "-accept", "127.0.0.1:"+port)
		listening(t, tcpTables, port)
		if got := talk(t, "abc\n", ncBinary, "-q", "1", "--ssl-trustfile", cert, "--ssl-servername", "chal.test", "127.0.0.1", port); got != "cba\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("client certificate", func(t *testing.T) {
		l := start(t, ncBinary, "-lkvn", "--ssl-cert", cert, "--ssl-key", key, "--ssl-trustfile", cert, "-e", "cat", "127.0.0.1", "0")
		port, err := l.errs.port()
		if err != nil {
			t.Fatal(err)
		}
		common := []string{"--ssl-trustfile", cert, "--ssl-servername", "chal.test", "127.0.0.1", port}
		if got := talk(t, "hello\n", ncBinary, append([]string{"--ssl-cert", cert, "--ssl-key", key}, common...)...); got != "hello\n" {
			t.Errorf("with a certificate: %q", got)
		}
		if got := talk(t, "hello\n", ncBinary, common...); !strings.Contains(got, "error:") {
			t.Errorf("without a certificate: %q", got)
		}
	})
}

// TestRealProxies goes through proxies that others wrote.
func TestRealProxies(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	target := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	talk := func(t *testing.T, args ...string) {
		t.Helper()
		cmd := exec.Command(ncBinary, append(args, "127.0.0.1", target)...)
		cmd.Stdin = strings.NewReader("hello\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
			t.Errorf("%v: got %q, %v", args, out, err)
		}
	}
	t.Run("microsocks", func(t *testing.T) {
		bin := testkit.Program(t, "microsocks")
		port := freePort(t)
		start(t, bin, "-i", "127.0.0.1", "-p", port, "-u", "user", "-P", "pass")
		listening(t, tcpTables, port)
		talk(t, "--no-shutdown", "-W", "1", "-X", "5", "-x", "127.0.0.1:"+port, "--proxy-auth", "user:pass") // it cuts at a half-close
	})
	t.Run("tinyproxy", func(t *testing.T) {
		bin := testkit.Program(t, "tinyproxy")
		port := freePort(t)
		conf := filepath.Join(t.TempDir(), "conf")
		os.WriteFile(conf, fmt.Appendf(nil, "Port %s\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth user pass\n", port), 0o644)
		start(t, bin, "-d", "-c", conf)
		listening(t, tcpTables, port)
		talk(t, "--no-shutdown", "-W", "1", "-X", "connect", "-x", "127.0.0.1:"+port, "--proxy-auth", "user:pass") // as microsocks
	})
	t.Run("ncat", func(t *testing.T) {
		bin := testkit.Program(t, "ncat")
		port := freePort(t)
		start(t, bin, "-l", "--proxy-type", "http", "127.0.0.1", port)
		listening(t, tcpTables, port)
		talk(t, "--no-shutdown", "-W", "1", "-X", "http", "-x", "127.0.0.1:"+port) // as microsocks
	})
	t.Run("clients", func(t *testing.T) {
		s := start(t, ncBinary, "-lkvn", "--proxy-type", "socks5", "127.0.0.1", "0")
		port, err := s.errs.port()
		if err != nil {
			t.Fatal(err)
		}
		for name, args := range map[string][]string{
			"nc.openbsd": {"-N", "-X", "5", "-x", "127.0.0.1:" + port, "127.0.0.1", target},
			"ncat":       {"--proxy-type", "socks5", "--proxy", "127.0.0.1:" + port, "127.0.0.1", target},
		} {
			cmd := exec.Command(testkit.Program(t, name), args...)
			cmd.Stdin = strings.NewReader("hello\n")
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
				t.Errorf("%s: got %q, %v", name, out, err)
			}
		}
	})
}

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

// TestFilteredPorts scans a thousand ports that answer nothing, in a network of its own.
func TestFilteredPorts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: no network namespace can be made")
	}
	unshare, ip := testkit.Program(t, "unshare"), testkit.Program(t, "ip")
	// The other end of the pair has no address: what arrives there is dropped.
	script := fmt.Sprintf("%[1]s link add v0 type veth peer name v1 && %[1]s addr add 10.99.0.1/24 dev v0 && %[1]s link set v0 up && %[1]s link set v1 up && "+
		"%[1]s neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0 && exec %[2]s -zvn -w 1 10.99.0.2 1-1000", ip, ncBinary)
	begin := time.Now()
	out, err := exec.Command(unshare, "-n", "sh", "-c", script).CombinedOutput()
	took := time.Since(begin)
	if bytes.Contains(out, []byte("Operation not permitted")) || bytes.Contains(out, []byte("Unknown device type")) {
		t.Skip("no network namespace with a pair of interfaces: " + strings.TrimSpace(string(out)))
	}
	if err == nil || bytes.Count(out, []byte("Connection timed out")) != 1000 {
		t.Errorf("got %v, %.300s", err, out)
	}
	if took > 3*time.Second {
		t.Errorf("a thousand silent ports took %v", took)
	}
}
