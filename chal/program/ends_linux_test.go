package program_test

import (
	"context"
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// overTLS makes a session's connection TLS, and returns what its players need.
func overTLS(t *testing.T) (server func(*chal.Server), client *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // has a certificate
	web.Close()
	server = func(s *chal.Server) {
		s.Handshake = func(ctx context.Context, a *chal.Arrival) error {
			conn := tls.Server(a.Below(), web.TLS)
			a.Upgrade(conn)
			return conn.HandshakeContext(ctx)
		}
	}
	return server, &tls.Config{InsecureSkipVerify: true}
}

// everyWay calls f with a server and a player for each way from a player to a program.
func everyWay(t *testing.T, c program.Config, f func(t *testing.T, s *served, p *tube.Tube)) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			own := c
			way.change(&own)
			s := serve(t, own)
			f(t, s, s.dial())
		})
	}
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		server, client := overTLS(t)
		s := serve(t, c, server)
		plain := s.dial()
		p := tube.New(tls.Client(plain, client), tube.WithTimeout(slowly(20*time.Second)))
		t.Cleanup(func() { p.Close() })
		f(t, s, p)
	})
}

// TestTold ends programs for what they did: the player is told why, in every way to the program.
func TestTold(t *testing.T) {
	for want, c := range map[chal.Reason]struct {
		policy sandbox.Policy
		shell  string
		text   string
	}{
		"memory":        {sandbox.Policy{Memory: 16 << 20}, "tail /dev/zero", "used too much memory"},
		"cpu":           {sandbox.Policy{CPU: time.Second}, "while :; do :; done", "computed for too long"},
		"output":        {sandbox.Policy{Output: 100 << 10}, "while echo yes; do :; done", "wrote too much"},
		chal.ReasonIdle: {sandbox.Policy{Idle: 200 * time.Millisecond}, "sleep 100", "Nothing came in time"},
	} {
		t.Run(string(want), func(t *testing.T) {
			everyWay(t, program.Config{Command: []string{"sh", "-c", c.shell}, Policy: c.policy}, func(t *testing.T, s *served, p *tube.Tube) {
				if strings.HasSuffix(t.Name(), "/unconfined") && (want == "memory" || want == "cpu") {
					t.Skip("not limited without a sandbox")
				}
				p.SendLine("nobody reads this")
				out, err := p.RecvAll(64 << 20)
				if !strings.HasSuffix(strings.TrimSpace(out), "ended.") && !strings.HasSuffix(out, "Goodbye.\n") || !strings.Contains(out, c.text) {
					t.Errorf("got …%q, %v, want …%q", out[max(0, len(out)-200):], err, c.text)
				}
				p.Close()
				if got := s.end(p); got != want {
					t.Errorf("ended for %q, want %q", got, want)
				}
			})
		})
	}
}

// TestPlayerLeft ends a session whose player has broken the connection off, whether the program reads or not.
func TestPlayerLeft(t *testing.T) {
	for _, shell := range []string{"echo; sleep 1000", "echo; cat", "exec <&-; echo; sleep 1000"} {
		t.Run(shell, func(t *testing.T) {
			everyWay(t, program.Config{Command: []string{"sh", "-c", shell}}, func(t *testing.T, s *served, p *tube.Tube) {
				if _, err := p.RecvLine(); err != nil {
					t.Fatal(err)
				}
				p.Send(strings.Repeat("x", 20<<10))
				p.Abort()
				got := s.end(p)
				if own := shell == "echo; cat" && got == chal.ReasonDone; got != chal.ReasonLeft && !own { // own: it has found out itself
					t.Errorf("ended for %q, want %q", got, chal.ReasonLeft)
				}
			})
		})
	}
}

// TestMuteReader ends a session that used up its processor time although the player has not read what came before.
func TestMuteReader(t *testing.T) {
	everyWay(t, program.Config{Command: []string{"sh", "-c", "yes & while :; do :; done"}, Policy: sandbox.Policy{CPU: time.Second}}, func(t *testing.T, s *served, p *tube.Tube) {
		if strings.HasSuffix(t.Name(), "/unconfined") {
			t.Skip("not limited without a sandbox")
		}
		if _, err := p.Peek(1); err != nil { // and reads no more
			t.Fatal(err)
		}
		if got := s.end(p); got != "cpu" {
			t.Errorf("ended for %q, want cpu", got)
		}
	})
}

// TestEndsWithUnreadInput: a program that exits, or closes its input and output and goes on, without having read what the player
// sent is no player who left.
func TestEndsWithUnreadInput(t *testing.T) {
	for _, shell := range []string{"echo hi; exit 3", "echo hi; exec <&- >&- 2>&-; sleep 0.2; exit 3"} {
		t.Run(shell, func(t *testing.T) {
			everyWay(t, program.Config{Command: []string{"sh", "-c", shell}}, func(t *testing.T, s *served, p *tube.Tube) {
				p.SendLine("nobody reads this")
				if got, err := p.RecvAll(100); got != "hi\n" {
					t.Errorf("got %q, %v", got, err)
				}
				if got := s.end(p); got != chal.ReasonDone {
					t.Errorf("ended for %q, want %q", got, chal.ReasonDone)
				}
			})
		})
	}
}
