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
	"testing"

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
