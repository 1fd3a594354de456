//go:build unix

package chal

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// realServer serves s on a loopback port until the test ends.
func realServer(t testing.TB, s *Server) net.Addr {
	t.Helper()
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	t.Cleanup(func() {
		s.Close()
		wg.Wait()
	})
	return l.Addr()
}

// dialFrom connects from a loopback address of its own.
func dialFrom(source [4]byte, to net.Addr) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: source[:]}, KeepAlive: -1}
	return d.Dial("tcp", to.String())
}

func TestIdlePlayersAreNotNoticed(t *testing.T) {
	const idle, rounds = 5000, 200
	if runtime.GOOS != "linux" {
		t.Skip("needs the whole of 127.0.0.0/8")
	}
	if n := raiseFileLimit(); n < 2*idle+200 {
		t.Skipf("needs %d open files, the limit is %d", 2*idle+200, n)
	}
	var log testkit.Buffer
	var idlers []net.Conn
	t.Cleanup(func() {
		for _, c := range idlers {
			c.Close()
		}
		if n := count(log.String(), "does not return"); n > 0 { // the server cut all of them at once
			t.Errorf("%d handlers that only waited for input count as stuck", n)
		}
	})
	addr := realServer(t, &Server{Handler: echo, MaxSessions: idle + 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	player, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	alone := slowestOf(t, player, rounds)

	for i := range idle {
		c, err := dialFrom([4]byte{127, 0, byte(1 + i/50/250), byte(1 + i/50%250)}, addr)
		if err != nil {
			t.Fatalf("player %d: %v", i, err)
		}
		idlers = append(idlers, c)
	}
	// One more is one too many: it is told, in one line.
	late, err := dialFrom([4]byte{127, 0, 9, 9}, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	late.SetDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(late).ReadString('\n'); !strings.HasPrefix(line, "Sorry") {
		t.Errorf("player %d was told %q, %v", idle+2, line, err)
	}
	crowded := slowestOf(t, player, rounds)
	t.Logf("a round in a hundred takes longer than %v alone, %v beside %d idle players", alone, crowded, idle)
	if crowded > max(20*alone, 50*time.Millisecond) {
		t.Errorf("rounds became slow: %v alone, %v beside %d idle players", alone, crowded, idle)
	}
}

// slowestOf plays rounds and returns how long all but one in a hundred take at most.
func slowestOf(t *testing.T, player *tube.Tube, rounds int) time.Duration {
	t.Helper()
	var took []time.Duration
	for range rounds {
		start := time.Now()
		player.SendLine("hello")
		if line, err := player.RecvLine(); line != "hello" {
			t.Fatalf("got %q, %v", line, err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// The last line arrives on real sockets too, where nothing but the close decides about it.
func TestLastLineIsDeliveredOnRealSockets(t *testing.T) {
	const sessions = 200
	last := strings.Repeat("x", 8000) + "\n"
	addr := realServer(t, &Server{MaxPerSource: -1, Handler: HandlerFunc(func(_ context.Context, s *Session) error {
		_, err := s.RecvLine() // and leaves the rest unread
		if err != nil {
			return err
		}
		return s.Send(last)
	})})
	for range sessions {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(c, "start\nand much typed ahead\n"+strings.Repeat("y", 5000))
		runtime.Gosched()
		io.WriteString(c, "late\n")
		got, err := io.ReadAll(c)
		c.Close()
		if string(got) != last || err != nil {
			t.Fatalf("read %d bytes, %v, want %d", len(got), err, len(last))
		}
	}
}
