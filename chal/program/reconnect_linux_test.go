package program_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// TestReconnect: without a network no program connects the player's connection, a socket of the host's network, elsewhere, also where
// its system calls are not filtered.
func TestReconnect(t *testing.T) {
	tool := compiled(t, "reconnect")
	for calls, want := range map[sandbox.Syscalls]string{sandbox.SyscallsDefault: "not permitted\n", sandbox.SyscallsOff: "impossible\n"} {
		inside, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		s := serve(t, program.Config{Command: []string{tool}, Policy: sandbox.Policy{Syscalls: calls, Stderr: sandbox.StderrPlayer}})
		p := s.dial()
		p.SendLine(strconv.Itoa(inside.Addr().(*net.TCPAddr).Port))
		if got, err := p.RecvAll(100); got != want || err != nil {
			t.Errorf("%v: got %q, %v, want %q", calls, got, err, want)
		}
		inside.SetDeadline(time.Now().Add(100 * time.Millisecond))
		if c, err := inside.Accept(); err == nil {
			t.Errorf("%v: a service of the host was reached", calls)
			c.Close()
		}
	}
}
