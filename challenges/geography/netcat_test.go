package geography

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// serve runs a challenge on loopback until the test ends.
func serve(t *testing.T, c chal.Challenge) (host, port string) {
	t.Helper()
	l, err := chal.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Server("flag{netcat}")
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

// TestNetcats wins with each netcat people have, all answers sent ahead, with every kind of line end.
func TestNetcats(t *testing.T) {
	c, qs := fixed(13)
	host, port := serve(t, c)
	all := win(qs)
	inputs := map[string]string{
		"LF": all, "CRLF": strings.ReplaceAll(all, "\n", "\r\n"), "no newline": strings.TrimSuffix(all, "\n"),
	}
	for _, command := range [][]string{
		{"nc.openbsd", "-N", host, port},
		{"nc.traditional", "-q", "5", host, port},
		{"ncat", host, port},
		{"socat", "-t5", "-", "TCP:" + net.JoinHostPort(host, port)},
	} {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			path := program(t, command[0])
			for name, in := range inputs {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				cmd := exec.CommandContext(ctx, path, command[1:]...)
				cmd.Stdin = strings.NewReader(in)
				out, err := cmd.Output()
				cancel()
				if err != nil || !strings.Contains(string(out), "FLAG flag{netcat}\nBYE 60/60") {
					t.Errorf("%s: %v, %d bytes came, the last: %q", name, err, len(out), out[max(0, len(out)-200):])
				}
			}
		})
	}
}

// pwntools is a game as a user of that library would write it.
const pwntools = `
import sys
host, port, *answers = sys.argv[1:]
from pwn import * # which takes words in capitals, such as EUR, out of sys.argv
io = remote(host, int(port), level="error")
io.sendlineafter(b"> ", b"start")
for answer in answers:
    question = io.recvline_startswith(b"Q ", timeout=10)
    io.sendlineafter(b"> ", answer.encode())
    assert io.recvline() == b"OK\n", question
print(io.recvline_startswith(b"FLAG ").decode())
`

func TestPwntools(t *testing.T) {
	python := program(t, "python3")
	if exec.CommandContext(t.Context(), python, "-c", "import pwn").Run() != nil {
		if python = "/usr/bin/python3"; exec.CommandContext(t.Context(), python, "-c", "import pwn").Run() != nil {
			missing(t, "pwntools")
		}
	}
	c, qs := fixed(14)
	host, port := serve(t, c)
	args := []string{"-c", pwntools, host, port}
	for _, q := range qs {
		args = append(args, q.answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, args...)
	cmd.Env = append(cmd.Environ(), "PWNLIB_NOTERM=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "FLAG flag{netcat}") {
		t.Errorf("%v\n%s", err, out)
	}
}
