package host

// The way of a connection, through flagstaff run: TLS, the PROXY protocol, proof of work, rates.

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// TestTLS: every usual client, on a port with TLS and one with both.
func TestTLS(t *testing.T) {
	const input, want = "hello\n", "hello\nend\n"
	for _, mode := range []string{"on", "auto"} {
		s := runProgram(t, append([]string{"--tls", mode}, late...)...)
		if got := client(t, input, "ncat", "--ssl", s.host, s.port); got != want {
			t.Errorf("--tls %s: ncat --ssl got %q, want %q", mode, got, want)
		}
		if got := client(t, input, "socat", "-t10", "-", "OPENSSL:"+s.addr()+",verify=0"); got != want {
			t.Errorf("--tls %s: socat got %q, want %q", mode, got, want)
		}
		plain := client(t, input, "nc.openbsd", "-N", s.host, s.port)
		switch {
		case mode == "auto" && plain != want:
			t.Errorf("--tls auto: nc got %q, want %q", plain, want)
		case mode == "on" && !strings.Contains(plain, "speaks TLS: ncat --ssl"):
			t.Errorf("--tls on: nc got %q, want to be told that the port speaks TLS", plain)
		}
		// It cannot half-close; it ends when the server does.
		s = runProgram(t, "--tls", mode, "--", "sh", "-c", "read x; echo $x; echo end")
		if got := client(t, input, "openssl", "s_client", "-quiet", "-servername", "any.example.org", "-connect", s.addr()); got != want {
			t.Errorf("--tls %s: openssl s_client got %q, want %q", mode, got, want)
		}
	}
}

// TestTLSAutoGreets: a player who waits for the banner gets it, soon.
func TestTLSAutoGreets(t *testing.T) {
	s := runProgram(t, "--tls", "auto", "--", "sh", "-c", "echo banner; read x; echo got $x")
	p := s.dial()
	if got, err := p.Within(5 * time.Second).RecvLine(); got != "banner" {
		t.Fatalf("got %q, %v, want the banner without having sent anything", got, err)
	}
	p.SendLine("it")
	if got, err := p.RecvLine(); got != "got it" {
		t.Errorf("got %q, %v", got, err)
	}
}

// haproxy starts HAProxy in front of port, with lines added to the way there, and returns its own port.
func haproxy(t *testing.T, port, send string) string {
	t.Helper()
	program := testkit.Program(t, "haproxy")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, own, _ := net.SplitHostPort(l.Addr().String())
	f, err := l.(*net.TCPListener).File() // handed over, so that nobody else can take the port
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	config := "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n timeout client-fin 30s\n timeout server-fin 30s\n" +
		"listen chal\n bind fd@3\n server one 127.0.0.1:" + port + " " + send + "\n"
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-db", "-f", path)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{f}, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return own
}

// TestHAProxy plays through HAProxy in both versions of the protocol, with half-close.
func TestHAProxy(t *testing.T) {
	for _, send := range []string{"send-proxy", "send-proxy-v2"} {
		s := runProgram(t, "--proxy-from", "127.0.0.1", "--max-per-source", "1", "--player", "--", "sh", "-c", "echo $FLAGSTAFF_REMOTE; cat; echo end")
		port := haproxy(t, s.port, send)
		p := dialFrom(t, "127.0.0.9", "tcp", "127.0.0.1:"+port)
		want := p.LocalAddr().String()
		if got, err := p.RecvLine(); got != want {
			t.Errorf("%s: the program was told %q, %v, want %q", send, got, err, want)
		}
		if got := s.wait("start").Remote; got != want {
			t.Errorf("%s: the event says %q, want %q", send, got, want)
		}
		// The limit is for the player's address, not for the proxy's. (No -N: HAProxy drops who ends before it has connected.)
		if got := client(t, "", "nc.openbsd", "-d", "-s", "127.0.0.9", "127.0.0.1", port); !strings.Contains(got, "has 1 sessions open") {
			t.Errorf("%s: a second session of one source got %q", send, got)
		}
		if got := client(t, "other\n", "nc.openbsd", "-N", "-s", "127.0.0.10", "127.0.0.1", port); !strings.HasSuffix(got, "other\nend\n") {
			t.Errorf("%s: another source got %q", send, got)
		}
		p.Send("x\n")
		p.CloseWrite()
		if got, err := p.RecvAll(1000); got != "x\nend\n" || err != nil {
			t.Errorf("%s: after half-close got %q, %v", send, got, err)
		}
	}
}

// TestProxyHeaders sends headers by hand.
func TestProxyHeaders(t *testing.T) {
	const refused = "Sorry, this port is reached through its proxy only.\n"
	v2 := func(command byte, rest string) string {
		return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{0x20 | command}) + rest
	}
	for name, c := range map[string]struct{ from, send, want string }{
		"v1":                {"127.0.0.1", "PROXY TCP4 203.0.113.7 192.0.2.1 4000 1337\r\nhi\n", "203.0.113.7:4000\nhi\nend\n"},
		"v1 IPv6":           {"127.0.0.1", "PROXY TCP6 2001:db8::7 2001:db8::1 4000 1337\r\nhi\n", "[2001:db8::7]:4000\nhi\nend\n"},
		"v2":                {"127.0.0.1", v2(1, "\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x0f\xa0\x05\x39") + "hi\n", "203.0.113.7:4000\nhi\nend\n"},
		"v2 with TLVs":      {"127.0.0.1", v2(1, "\x11\x00\x12\xcb\x00\x71\x07\xc0\x00\x02\x01\x0f\xa0\x05\x39\x04\x00\x03abc") + "hi\n", "203.0.113.7:4000\nhi\nend\n"},
		"forged":            {"127.0.0.2", "PROXY TCP4 203.0.113.7 192.0.2.1 4000 1337\r\nhi\n", refused},
		"direct":            {"127.0.0.2", "hi\n", refused},
		"no header":         {"127.0.0.1", "hello there, what is this?\n", "This port expects the PROXY protocol"},
		"broken v1":         {"127.0.0.1", "PROXY TCP4 203.0.113.777 192.0.2.1 4000 1337\r\nhi\n", "This port expects the PROXY protocol"},
		"endless v1":        {"127.0.0.1", "PROXY TCP4 " + strings.Repeat("1", 5000), "This port expects the PROXY protocol"},
		"broken v2":         {"127.0.0.1", v2(1, "\x11\x00\x02\x00\x00") + "hi\n", "This port expects the PROXY protocol"},
		"cut v2":            {"127.0.0.1", v2(1, "\x11\x00\x0c\xcb"), "This port expects the PROXY protocol"},
		"a look by a check": {"127.0.0.1", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runProgram(t, "--proxy-from", "127.0.0.1", "--player", "--", "sh", "-c", "echo $FLAGSTAFF_REMOTE; cat; echo end")
			got := client(t, c.send, "nc.openbsd", "-N", "-s", c.from, s.host, s.port)
			if got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("in pieces", func(t *testing.T) {
		s := runProgram(t, "--proxy-from", "127.0.0.1", "--player", "--", "sh", "-c", "echo $FLAGSTAFF_REMOTE; cat; echo end")
		for _, header := range []string{
			"PROXY TCP4 203.0.113.7 192.0.2.1 4000 1337\r\n",
			v2(1, "\x11\x00\x12\xcb\x00\x71\x07\xc0\x00\x02\x01\x0f\xa0\x05\x39\x04\x00\x03abc"),
		} {
			p := dialFrom(t, "127.0.0.1", "tcp", net.JoinHostPort(s.host, s.port))
			for _, b := range []byte(header + "hi\n") {
				p.SendBytes([]byte{b})
				runtime.Gosched() // so that the server reads some of the pieces on their own
			}
			p.CloseWrite()
			if got, err := p.RecvAll(100); got != "203.0.113.7:4000\nhi\nend\n" || err != nil {
				t.Errorf("after %q byte by byte: got %q, %v", header, got, err)
			}
		}
	})
	t.Run("unknown", func(t *testing.T) {
		s := runProgram(t, "--proxy-from", "127.0.0.1", "--player", "--", "sh", "-c", "read x; echo ${FLAGSTAFF_REMOTE%:*} $x")
		for _, header := range []string{
			"PROXY UNKNOWN\r\n",
			v2(1, "\x00\x00\x00"),
			v2(1, "\x00\x00\x06\x04\x00\x03abc"),
			v2(1, "\x31\x00\xd8"+strings.Repeat("/sock\x00", 36)),
		} {
			if got := client(t, header+"hi\n", "nc.openbsd", "-N", s.host, s.port); got != "127.0.0.1 hi\n" {
				t.Errorf("%q: got %q, want the proxy's own address", header, got)
			}
		}
		if got := client(t, v2(1, "\x00\xff\xff"), "nc.openbsd", "-N", s.host, s.port); got != "The PROXY header is too long.\n" {
			t.Errorf("a header of 64 KiB: got %q", got)
		}
	})
}

// TestProxysOwn: a proxy that looks whether the port is alive starts nothing, and is told nowhere.
func TestProxysOwn(t *testing.T) {
	s := runProgram(t, "--proxy-from", "127.0.0.1", "--tls", "auto", "--pow", "10", "--", "echo", "started")
	for name, header := range map[string]func(p *tube.Tube) string{
		"LOCAL":           func(*tube.Tube) string { return "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" },
		"LOCAL with TLVs": func(*tube.Tube) string { return "\r\n\r\n\x00\r\nQUIT\n\x20\x11\x00\x06\x04\x00\x03abc" },
		"version 1": func(p *tube.Tube) string {
			own := p.LocalAddr().(*net.TCPAddr)
			return fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %s\r\n", own.Port, s.port)
		},
		"nothing": func(p *tube.Tube) string { p.CloseWrite(); return "" },
	} {
		p := s.dial()
		p.Send(header(p))
		if got, err := p.RecvAll(100); got != "" || err != nil {
			t.Errorf("%s: got %q, %v, want the end and nothing else", name, got, err)
		}
	}
	check := s.dial()
	check.Send("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")
	secured := tls.Client(check, &tls.Config{InsecureSkipVerify: true}) // as a check of TLS
	if err := secured.HandshakeContext(t.Context()); err != nil {
		t.Errorf("a TLS handshake after LOCAL: %v", err)
	} else if got, err := io.ReadAll(secured); len(got) > 0 || err != nil {
		t.Errorf("TLS after LOCAL: got %q, %v, want the end and nothing else", got, err)
	}
	p := s.dial()
	p.Send("PROXY TCP4 203.0.113.7 127.0.0.1 4000 " + s.port + "\r\n")
	solve(t, p)
	if got, err := p.RecvAll(100); got != "started\n" {
		t.Errorf("a player got %q, %v", got, err)
	}
	s.wait("end")
	s.mu.Lock()
	defer s.mu.Unlock()
	if events := s.log.String(); strings.Count(events, "\n") != 2 || strings.Count(events, `"remote":"203.0.113.7:4000"`) != 2 {
		t.Errorf("the events are not those of the player alone:\n%s", events)
	}
}

// TestTLSBehindAProxy has all steps at once.
func TestTLSBehindAProxy(t *testing.T) {
	s := runProgram(t, "--proxy-from", "127.0.0.1", "--tls", "auto", "--pow", "10", "--player", "--", "sh", "-c", "echo $FLAGSTAFF_REMOTE; cat; echo end")
	port := haproxy(t, s.port, "send-proxy-v2")
	for _, network := range []string{"tcp", "tls"} {
		p := dialFrom(t, "127.0.0.9", network, "127.0.0.1:"+port)
		solve(t, p)
		if got, err := p.RecvLine(); got != p.LocalAddr().String() {
			t.Errorf("%s: got %q, %v, want the player's address", network, got, err)
		}
		p.Send("x\n")
		p.CloseWrite()
		if got, err := p.RecvAll(1000); got != "x\nend\n" || err != nil {
			t.Errorf("%s: after half-close got %q, %v", network, got, err)
		}
	}
}

// TestProofOfWork refuses what is no answer, in bounded time and space.
func TestProofOfWork(t *testing.T) {
	s := runProgram(t, "--pow", "50", "--", "echo", "in")
	for name, c := range map[string]struct{ send, want string }{
		"nothing":       {"", "Solution? "},
		"an empty line": {"\n", "the answer is not s. and base64"},
		"no base64":     {"s.!!!\n", "the answer is not s. and base64"},
		"too large":     {"s." + strings.Repeat("/", 216) + "\n", "the answer is not less than 2^1279 - 1"},
		"too long":      {strings.Repeat("x", 100_000), "the answer is too long"},
		"wrong":         {"s.AAAB\n", "the answer does not solve the challenge"},
		"no newline":    {"s.AAAB", "the answer does not solve the challenge"},
	} {
		p := s.dial()
		p.Send(c.send)
		p.CloseWrite()
		if got, err := p.RecvAll(10_000); !strings.Contains(got, c.want) || strings.Contains(got, "in\n") {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
	p := s.dial()
	solve(t, p)
	if got, err := p.RecvAll(100); got != "in\n" {
		t.Errorf("after a right answer got %q, %v", got, err)
	}
	if got := client(t, "", "python3", "-c", kctfClient, s.host, s.port); got != "in\n" {
		t.Errorf("a solver in Python got %q", got)
	}
}

// TestRate: who comes too often is told when to come again.
func TestRate(t *testing.T) {
	s := runProgram(t, "--rate", "0.001", "--", "echo", "in")
	var got string
	for range 6 {
		p := s.dial()
		got, _ = p.RecvAll(1000)
	}
	if !strings.HasPrefix(got, "Sorry, you connect too often. Try again in ") {
		t.Errorf("the sixth got %q", got)
	}
}
