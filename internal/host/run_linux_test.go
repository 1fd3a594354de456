package host

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/pow"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// running is a Run that serves until the test ends.
type running struct {
	t          *testing.T
	host, port string

	mu   sync.Mutex
	over *sync.Cond
	log  strings.Builder // its events
}

// event is what --json prints.
type event struct{ Event, Challenge, Addr, Remote, Reason string }

// runProgram hosts a program on a free port of 127.0.0.1: flags, "--", and the command.
func runProgram(t *testing.T, args ...string) *running {
	t.Helper()
	out, in := io.Pipe()
	r := &Run{Console: Console{
		Env: func(string) (string, bool) { return "", false }, Stdout: in, Stderr: t.Output(),
	}}
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	r.Flags(fs)
	fs.SetInterspersed(false)
	if err := fs.Parse(append([]string{"--json", "--listen", "127.0.0.1:0", "--drain", "0s"}, args...)); err != nil {
		t.Fatal(err)
	}
	r.Command = fs.Args()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx); in.Close() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		cancel()
		err := <-served
		var no *sandbox.UnenforceableError
		if errors.As(err, &no) {
			t.Skipf("%v (%s)", no, no.Hint())
		}
		t.Fatal(err)
	}
	var first event
	if err := json.Unmarshal(lines.Bytes(), &first); err != nil {
		t.Fatal(err)
	}
	s := &running{t: t}
	s.over = sync.NewCond(&s.mu)
	s.host, s.port, _ = net.SplitHostPort(first.Addr)
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines.Scan() {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.over.Broadcast()
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		reading.Wait()
	})
	return s
}

func (s *running) addr() string { return net.JoinHostPort(s.host, s.port) }

// wait returns the first event of that kind.
func (s *running) wait(kind string) event {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for line := range strings.Lines(s.log.String()) {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil && e.Event == kind {
				return e
			}
		}
		s.over.Wait()
	}
}

func (s *running) dial() *tube.Tube {
	s.t.Helper()
	p, err := tube.Dial(context.Background(), "tcp", s.addr(), tube.WithTimeout(20*time.Second))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.Close() })
	return p
}

// dialFrom connects from an address of loopback's, by tcp or tls.
func dialFrom(t *testing.T, from, network, addr string) *tube.Tube {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if network == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	p := tube.New(conn, tube.WithTimeout(20*time.Second))
	t.Cleanup(func() { p.Close() })
	return p
}

// solve answers the proof of work.
func solve(t *testing.T, p *tube.Tube) {
	t.Helper()
	text, err := p.RecvUntil("Solution? ")
	if err != nil {
		t.Fatal(err)
	}
	puzzle, _, ok := pow.Find([]byte(text))
	if !ok {
		t.Fatalf("no puzzle in %q", text)
	}
	answer, err := puzzle.Solve(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.SendLine(answer)
	if got, err := p.RecvLine(); got != "Correct" {
		t.Fatalf("got %q, %v, want Correct", got, err)
	}
}

// client runs a program with input, and returns what it prints.
func client(t *testing.T, input string, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, testkit.Program(t, argv[0]), argv[1:]...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if ctx.Err() != nil {
		t.Errorf("%s did not end by itself: %v", strings.Join(argv, " "), err)
	}
	return string(out)
}

// late answers only after the end of its input, so whatever cuts a half-closed connection loses the answer.
var late = []string{"--", "sh", "-c", "cat; echo end"}

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
	t.Run("LOCAL", func(t *testing.T) {
		s := runProgram(t, "--proxy-from", "127.0.0.1", "--player", "--", "sh", "-c", "echo ${FLAGSTAFF_REMOTE%:*}")
		if got := client(t, v2(0, "\x00\x00\x00"), "nc.openbsd", "-N", s.host, s.port); got != "127.0.0.1\n" {
			t.Errorf("got %q, want the proxy's own address", got)
		}
	})
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

// kctfClient is what players write who solve kCTF's proof of work themselves.
const kctfClient = `
import sys, socket, base64
f = socket.create_connection((sys.argv[1], int(sys.argv[2]))).makefile("rwb", 0)
text = b""
while not text.endswith(b"Solution? "):
    text += f.read(1)
_, d, x = text.split(b"solve ")[-1].split()[0].split(b".")
d, x = (int.from_bytes(base64.b64decode(v), "big") for v in (d, x))
p = 2**1279 - 1
for i in range(d):
    x = pow(x, (p + 1) // 4, p) ^ 1
f.write(b"s." + base64.b64encode(x.to_bytes(162, "big")) + b"\n")
assert f.readline() == b"Correct\n"
sys.stdout.write(f.read().decode())
`

// TestNamedFiles: a script that is named as in the shell is found in the sandbox.
func TestNamedFiles(t *testing.T) {
	dir := t.TempDir()
	for _, made := range []string{dir, filepath.Dir(dir)} {
		os.Chmod(made, 0o755) // the session's user is another
	}
	for name, text := range map[string]string{"chal.sh": "cat data; echo from $PWD", "data": "data\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	s := runProgram(t, "--stderr", "player", "--", "sh", "chal.sh")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); !strings.Contains(got, "from /\n") || !strings.Contains(got, "No such file") {
		t.Errorf("got %q, want the script and nothing beside it", got)
	}
	s = runProgram(t, "--stderr", "player", "--", "sh", filepath.Join(dir, "chal.sh"))
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); !strings.Contains(got, "from /\n") || !strings.Contains(got, "No such file") {
		t.Errorf("by its whole path: got %q, want the script and nothing beside it", got)
	}
	s = runProgram(t, "--", "cat", "/etc/hostname", "/etc/passwd")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); !strings.Contains(got, "root:/:/bin/sh") || strings.Contains(got, ":/root:") {
		t.Errorf("got %q, want the sandbox's own", got)
	}
	s = runProgram(t, "--dir", ".", "--", "sh", "chal.sh")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); got != "data\nfrom "+dir+"\n" {
		t.Errorf("with --dir got %q", got)
	}
}

// TestNoSandbox: a program of one's own, with all that one has.
func TestNoSandbox(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("chal.sh", []byte("cat chal.sh >copy && echo $PWD; echo $NAME"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := runProgram(t, "--no-sandbox", "--env", "NAME=value", "--", "sh", "chal.sh")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); got != dir+"\nvalue\n" {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat("copy"); err != nil {
		t.Error(err)
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

func TestRunMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"":                                             "no program to run",
		"--listen nowhere -- cat":                      "is no address",
		"--tls maybe -- cat":                           `--tls "maybe"`,
		"--tls-cert x.pem -- cat":                      "of no use without --tls",
		"--tls on --tls-cert /none.pem -- cat":         "read certificate /none.pem",
		"--tls on --acme localhost -- cat":             "no public host name",
		"--pow hard -- cat":                            `--pow "hard"`,
		"--pow 99999999 -- cat":                        `--pow "99999999"`,
		"--env =x -- cat":                              "has no name",
		"--env NOTSET -- cat":                          "no such variable",
		"--flag-as mail -- cat":                        `--flag-as "mail"`,
		"--flag-from /none -- cat":                     "would not get the flag",
		"--memory 0 -- cat":                            "a limit of 0",
		"--syscalls some -- cat":                       `syscalls "some"`,
		"--weaker-sandbox network -- cat":              "cannot be enforced less well",
		"--no-sandbox --memory 1GiB -- cat":            "--no-sandbox and --memory",
		"--no-sandbox --flag-as file -- cat":           "no /flag",
		"--rate -1 -- cat":                             "is negative",
		"--rate NaN -- cat":                            "is no number",
		"--rate Inf -- cat":                            "is no number",
		"--memory 1 -- cat":                            "--memory 1 lets no program run",
		"--name= -- cat":                               "--name is empty",
		"--file /none -- cat":                          "--file: stat /none",
		"--dir /none -- cat":                           "--dir: stat /none",
		"--dir /etc/passwd -- cat":                     "--dir /etc/passwd is none",
		"--no-sandbox --dir /none -- cat":              "--dir: stat /none",
		"--root /none -- /cat":                         "--root: stat /none",
		"--image /none":                                "--image: stat /none",
		"--no-sandbox -- no-such-program":              "no-such-program",
		"--tls on --acme a.example --acme-ca x -- cat": "is no https URL",
		"--max-per-source 0 -- cat":                    "a limit of 0",
		"--drain -1s -- cat":                           "is negative",
	} {
		r := &Run{Console: Console{Env: func(string) (string, bool) { return "", false }, Stdout: io.Discard, Stderr: t.Output()}}
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		r.Flags(fs)
		if err := fs.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		r.Command = fs.Args()
		err := r.Serve(t.Context())
		var bad *SettingError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || bad.Hint() == "" {
			t.Errorf("%s: got %v, want %q with a hint", args, err, want)
		}
	}
}

// TestCertificates: several names on one port, each with its own certificate.
func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	var certs, keys []string
	for _, name := range []string{"a.example.org", "b.example.org"} {
		cert, key := filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
		client(t, "", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-subj", "/CN="+name, "-addext", "subjectAltName=DNS:"+name, "-days", "1", "-out", cert, "-keyout", key)
		certs, keys = append(certs, cert), append(keys, key)
	}
	s := runProgram(t, append([]string{"--tls", "on", "--tls-cert", strings.Join(certs, ","), "--tls-key", strings.Join(keys, ",")}, late...)...)
	for ask, want := range map[string]string{"a.example.org": "a.example.org", "b.example.org": "b.example.org", "": "a.example.org", "c.example.org": "a.example.org"} {
		conn, err := tls.Dial("tcp", s.addr(), &tls.Config{ServerName: ask, InsecureSkipVerify: true})
		if err != nil {
			t.Fatalf("%q: %v", ask, err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("server name %q: got the certificate of %s, want %s", ask, got, want)
		}
		conn.Close()
	}
	for args, want := range map[string]string{
		"--tls-cert " + certs[0] + " --tls-key " + keys[1]:                 "private key does not match",
		"--tls-cert " + certs[0] + " --tls-key " + keys[0] + "," + keys[1]: "1 --tls-cert and 2 --tls-key",
	} {
		r := &Run{Console: Console{Env: func(string) (string, bool) { return "", false }, Stdout: io.Discard, Stderr: t.Output()}, Command: []string{"cat"}}
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		r.Flags(fs)
		if err := fs.Parse(append([]string{"--tls", "on", "-l", "127.0.0.1:0"}, strings.Fields(args)...)); err != nil {
			t.Fatal(err)
		}
		if err := r.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
}
