package host

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

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
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); !strings.Contains(got, "from "+dir+"\n") || !strings.Contains(got, "No such file") {
		t.Errorf("got %q, want the script where it is, and nothing beside it", got)
	}
	s = runProgram(t, "--", "cat", "data")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); got != "data\n" {
		t.Errorf("a file: got %q", got)
	}
	s = runProgram(t, "--", "echo", "data")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); got != "data\n" {
		t.Errorf("a word: got %q", got)
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
	// With --dir a program is named from there, as in a sandbox.
	if err := errors.Join(os.Mkdir("sub", 0o755), os.WriteFile("sub/run", []byte("#!/bin/sh\npwd\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	s = runProgram(t, "--no-sandbox", "--dir", "sub", "--", "./run")
	if got := client(t, "", "nc.openbsd", "-N", s.host, s.port); got != dir+"/sub\n" {
		t.Errorf("with --dir got %q", got)
	}
}

// TestTerminalShowsPrompts: on a terminal Python's input writes its prompt to standard error, which then is the player's. With
// --dir the program's name is looked up as without it.
func TestTerminalShowsPrompts(t *testing.T) {
	testkit.Program(t, "python3")
	dir := t.TempDir()
	for _, made := range []string{dir, filepath.Dir(dir)} {
		os.Chmod(made, 0o755) // the sessions' users are others
	}
	if err := os.WriteFile(filepath.Join(dir, "chal.py"), []byte(`print("hi", input("name? "))`), 0o644); err != nil {
		t.Fatal(err)
	}
	// What a shell would find first is not what the sandbox has.
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	s := runProgram(t, "--pty", "--dir", dir, "--", "python3", "chal.py")
	if got := client(t, "Bob\n", "nc.openbsd", "-N", s.host, s.port); got != "name? hi Bob\n" {
		t.Errorf("got %q", got)
	}
}

func TestRunMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"":                                             "no program to run",
		"--listen nowhere -- cat":                      "is no address",
		"--listen *:1338 -- cat":                       `--listen "*:1338" is no address`,
		"--file /proc -- cat":                          "/proc shows the host's processes",
		"--tls maybe -- cat":                           `--tls "maybe"`,
		"--tls-cert x.pem -- cat":                      "of no use without --tls",
		"--tls on --tls-cert /none.pem -- cat":         "read certificate /none.pem",
		"--tls on --tls-cert /dev/zero -- cat":         "/dev/zero is longer than",
		"--tls on --acme localhost -- cat":             "no public host name",
		"--tls on --acme *.example.org -- cat":         "no public host name",
		"--tls on --acme http://a.example -- cat":      "no public host name",
		"--pow hard -- cat":                            `--pow "hard"`,
		"--pow 99999999 -- cat":                        `--pow "99999999"`,
		"--pow auto --max-sessions -1 -- cat":          "--pow auto without a limit",
		"--env =x -- cat":                              "has no name",
		"--env NOTSET -- cat":                          "no such variable",
		"--flag-as mail -- cat":                        `--flag-as "mail"`,
		"--flag-from /none -- cat":                     "would not get the flag",
		"--flag-as arg --flag-from /dev/zero -- cat":   "/dev/zero is longer than 65536 bytes",
		"--memory 0 -- cat":                            "a limit of 0",
		"--syscalls some -- cat":                       `--syscalls "some" is none of these`,
		"--weaker-sandbox network -- cat":              "cannot be enforced less well",
		"--no-sandbox --memory 1GiB -- cat":            "--no-sandbox and --memory",
		"--no-sandbox --flag-as file -- cat":           "no /flag",
		"--rate -1 -- cat":                             "is negative",
		"--rate NaN -- cat":                            "is no number",
		"--rate Inf -- cat":                            "is no number",
		"--memory 1 -- cat":                            "--memory 1 lets no program run",
		"--name= -- cat":                               "--name is empty",
		"--root= -- /cat":                              "--root is empty",
		"--image= -- cat":                              "--image is empty",
		"--dir= -- cat":                                "--dir is empty",
		"--flag-as file --flag-from= -- cat":           "--flag-from is empty",
		"--file /none -- cat":                          "--file: stat /none",
		"--dir /none -- cat":                           "--dir: stat /none",
		"--dir /etc/passwd -- cat":                     "--dir /etc/passwd is none",
		"--no-sandbox --dir /none -- cat":              "--dir: stat /none",
		"--root /none -- /cat":                         "--root: stat /none",
		"--image /none":                                "--image: stat /none",
		"--no-sandbox -- no-such-program":              "no-such-program",
		"--tls on --acme a.example --acme-ca x -- cat": "is no https URL",
		"--max-per-source 0 -- cat":                    "--max-per-source 0 lets nobody play",
		"--drain -1s -- cat":                           "is negative",
		"--cores NaN -- cat":                           "--cores NaN is no number of processors",
		"--cores 0.001 -- cat":                         "--cores 0.001 is no number of processors",
		"--processes 9999999999 -- cat":                "is more than any system has",
		"--tmp none -- cat":                            "--tmp none is no size",
		"--tmp 0 -- cat":                               "--tmp 0 is no size",
		"--processes 0 -- cat":                         "--processes 0 lets no program run",
		"--no-sandbox --tmp 0 -- cat":                  "--tmp 0 is no size",
		"--acme-dir /tmp -- cat":                       "of no use without --acme",
		"--stderr LOG -- cat":                          `--stderr "LOG" is none of these`,
	} {
		r := &Run{Console: Console{Env: func(string) (string, bool) { return "", false }, Stdout: io.Discard, Stderr: t.Output()}}
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		r.Flags(fs)
		if err := fs.Parse(append([]string{"--listen=127.0.0.1:0"}, strings.Fields(args)...)); err != nil {
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

// TestFlagFromPipe: a flag may come from a pipe, and one that nobody writes to does not hold who is told to stop.
func TestFlagFromPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { stop(errors.New("told to stop")) })
	if _, err := readSecret(ctx, name); err == nil || !strings.Contains(err.Error(), "told to stop") {
		t.Errorf("got %v", err)
	}
	let, err := os.OpenFile(name, os.O_RDWR, 0) // lets go who was left behind
	if err != nil {
		t.Fatal(err)
	}
	let.Close()

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, "flag{from a pipe}\n")
	w.Close()
	text, err := readSecret(t.Context(), fmt.Sprintf("/proc/self/fd/%d", r.Fd())) // what <(…) is in a shell
	if string(text) != "flag{from a pipe}\n" || err != nil {
		t.Errorf("got %q, %v", text, err)
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
