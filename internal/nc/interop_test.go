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
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

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
		server.Stdin, server.Stdout = filled(t, "from the server\n"), &got
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		listening(t, tcpTables, port)
		client := exec.CommandContext(ctx, d[0], d[1:]...)
		client.Stdin = filled(t, "from the client\n")
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
				server.Stdin, server.Stdout = filled(t, "from the server\n"), &got
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
				client := exec.Command(ncBinary, "--retry", "5", "-U", path)
				client.Stdin = filled(t, "from the client\n")
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
		for _, login := range [][]string{nil, {"--proxy-auth", "user:pass"}} { // by Digest, which it prefers too
			port := freePort(t)
			start(t, bin, append(login, "-l", "--proxy-type", "http", "127.0.0.1", port)...)
			listening(t, tcpTables, port)
			talk(t, append(login, "--no-shutdown", "-W", "1", "-X", "http", "-x", "127.0.0.1:"+port)...) // as microsocks
		}
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
	t.Run("ncat logs in", func(t *testing.T) {
		s := start(t, ncBinary, "-lkvn", "--proxy-type", "http", "--proxy-auth", "user:pass", "127.0.0.1", "0")
		port, err := s.errs.port()
		if err != nil {
			t.Fatal(err)
		}
		for _, login := range []string{"user:pass", "user:wrong"} {
			cmd := exec.Command(testkit.Program(t, "ncat"), "--proxy", "127.0.0.1:"+port, "--proxy-auth", login, "127.0.0.1", target)
			cmd.Stdin = strings.NewReader("hello\n")
			out, err := cmd.Output()
			if (string(out) == "hello\n") != (login == "user:pass") {
				t.Errorf("%s: got %q, %v", login, out, err)
			}
		}
	})
}

// TestInteropPwntools talks to pwntools, both ways.
func TestInteropPwntools(t *testing.T) {
	python := testkit.Program(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import pwn").Run(); err != nil {
		testkit.Missing(t, "pwntools is not installed")
	}
	run := func(script string, args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
		t.Cleanup(cancel)
		cmd := exec.CommandContext(ctx, python, append([]string{"-c", "import sys\nfrom pwn import *\ncontext.log_level = 'error'\n" + script}, args...)...)
		cmd.Env = append(os.Environ(), "PWNLIB_NOTERM=1", "HOME="+t.TempDir())
		return cmd
	}
	t.Run("their client", func(t *testing.T) {
		_, port := listener(t, "-l", "-c", "printf 'name? '; read n; echo hello $n; cat >/dev/null; echo bye")
		out, err := run(`r = remote('127.0.0.1', int(sys.argv[1]))
r.sendlineafter(b'name? ', b'Anna')
print(r.recvline().decode(), end='')
r.shutdown('send')
print(r.recvall().decode(), end='')`, port).CombinedOutput()
		if err != nil || string(out) != "hello Anna\nbye\n" {
			t.Errorf("got %q, %v", out, err)
		}
	})
	t.Run("their server", func(t *testing.T) {
		cmd := run(`l = listen(0, bindaddr='127.0.0.1')
print('Listening on x %d' % l.lport, flush=True)
l.wait_for_connection()
l.sendline(b'name?')
l.sendline(b'hello ' + l.recvline(keepends=False))
assert l.recvall() == b''
l.close()`)
		out, errs := newWatch(), newWatch()
		cmd.Stdout, cmd.Stderr = out, errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		port, err := out.port()
		if err != nil {
			t.Fatal(err, errs)
		}
		nc := exec.Command(ncBinary, "127.0.0.1", port)
		nc.Stdin = filled(t, "Anna\n")
		if got, err := nc.CombinedOutput(); err != nil || string(got) != "name?\nhello Anna\n" {
			t.Errorf("got %q, %v; %s", got, err, errs)
		}
	})
}

// TestInteropUnix listens on Unix sockets, stream and datagram, in the file
// system and in the abstract name space, for clients of others.
func TestInteropUnix(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract names are Linux's")
	}
	socat, openbsd, ncat := testkit.Program(t, "socat"), testkit.Program(t, "nc.openbsd"), testkit.Program(t, "ncat")
	for name, c := range map[string]struct {
		abstract, datagram bool
		client             func(path string) []string
	}{
		"stream/socat":          {false, false, func(p string) []string { return []string{socat, "-t", "5", "-", "UNIX-CONNECT:" + p} }},
		"stream/nc.openbsd":     {false, false, func(p string) []string { return []string{openbsd, "-NU", p} }},
		"stream/ncat":           {false, false, func(p string) []string { return []string{ncat, "-U", p} }},
		"stream/nc":             {false, false, func(p string) []string { return []string{ncBinary, "-U", p} }},
		"abstract stream/socat": {true, false, func(p string) []string { return []string{socat, "-t", "5", "-", "ABSTRACT-CONNECT:" + p[1:]} }},
		"abstract stream/nc":    {true, false, func(p string) []string { return []string{ncBinary, "-U", p} }},
		"datagram/socat": {false, true, func(p string) []string {
			return []string{socat, "-t", "1", "-", "UNIX-CLIENT:" + p + ",type=2,bind=" + p + ".own"}
		}},
		"datagram/nc.openbsd":       {false, true, func(p string) []string { return []string{openbsd, "-uU", "-W", "1", p} }},
		"datagram/nc":               {false, true, func(p string) []string { return []string{ncBinary, "-uU", "-W", "1", p} }},
		"abstract datagram/nc":      {true, true, func(p string) []string { return []string{ncBinary, "-uU", "-W", "1", p} }},
		"datagram, source given/nc": {false, true, func(p string) []string { return []string{ncBinary, "-uU", "-W", "1", "-s", p + ".own", p} }},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			if c.abstract {
				path = fmt.Sprintf("@nc-test-%d", time.Now().UnixNano())
			}
			args := []string{"-lvU", path}
			if c.datagram {
				args = []string{"-lvuU", "-W", "1", path}
			}
			l := talk(t, ncBinary, args...)
			l.says(t, "Bound on "+path)
			if !c.datagram {
				l.says(t, "Listening on "+path)
			}
			client := c.client(path)
			k := talk(t, client[0], client[1:]...)
			k.say(t, "from the client\n")
			if c.datagram {
				l.wait(t) // -W 1
				l.hears(t, "from the client\n")
				if _, err := os.Stat(path); err == nil {
					t.Error("the socket file is left")
				}
				return
			}
			l.hears(t, "from the client\n")
			l.say(t, "from the server\n")
			k.hears(t, "from the server\n")
			k.hangUp()
			k.wait(t)
			l.wait(t)
			if _, err := os.Stat(path); err == nil {
				t.Error("the socket file is left")
			}
		})
	}
	t.Run("datagram, answered", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l := talk(t, ncBinary, "-lvuU", path)
		l.says(t, "Bound on "+path)
		for _, client := range [][]string{{ncBinary, "-uU", "-W", "1", path}} {
			k := talk(t, client[0], client[1:]...)
			k.say(t, "ping\n")
			l.hears(t, "ping\n")
			l.says(t, "Connection received on "+path)
			l.say(t, "pong\n")
			k.hears(t, "pong\n")
			k.wait(t)
		}
	})
	t.Run("a file left over", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l := talk(t, ncBinary, "-lvU", path)
		l.says(t, "Listening on "+path)
		if out, err := exec.Command(ncBinary, "-lU", path).CombinedOutput(); err == nil || !strings.Contains(string(out), "the address is taken") {
			t.Errorf("two listeners: %s", out)
		}
		l.cmd.Process.Kill()
		l.wait(t)
		again := talk(t, ncBinary, "-lvU", path)
		again.says(t, "Listening on "+path)
	})
}
