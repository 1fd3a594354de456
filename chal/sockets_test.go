//go:build unix

package chal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

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
		// The server cut all of them at once; a slow machine may not come to wake the last ones in time.
		if n := count(log.String(), "does not return"); n > idle/100 {
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

// TestReaderIsReset: what a player does not take for so long is not left to the system, where it would be held for minutes.
func TestReaderIsReset(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what a player has not had yet")
	}
	addr := realServer(t, &Server{IdleTimeout: 300 * time.Millisecond, Linger: 50 * time.Millisecond, Handler: HandlerFunc(func(_ context.Context, s *Session) error {
		return s.Send(strings.Repeat("x", 500_000))
	})})
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return err
	}}
	c, err := d.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		wait := []unix.PollFd{{Fd: int32(fd)}} // for nothing but that the connection breaks
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Poll(wait, 10_000)
		}
		if wait[0].Revents&unix.POLLERR == 0 {
			t.Errorf("the connection was not reset: %v, %#x", err, wait[0].Revents)
		}
	})
	if n, err := io.Copy(io.Discard, c); n > 100_000 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %d bytes, %v, want a few and a reset", n, err)
	}
}

// TestHandlerCloses: a handler that closes loses nothing either, whatever the player has sent.
func TestHandlerCloses(t *testing.T) {
	const size = 300_000
	for name, end := range map[string]func(*Session) error{
		"session":      (*Session).Close,
		"tube":         func(s *Session) error { return s.Tube.Close() },
		"another tube": func(s *Session) error { s.Tube = s.With(context.Background()); return s.Close() },
	} {
		addr := realServer(t, &Server{Handler: HandlerFunc(func(_ context.Context, s *Session) error {
			defer end(s)
			return s.Say(strings.Repeat("x", size-1))
		})})
		for range 10 {
			p, err := tube.Dial(t.Context(), "tcp", addr.String(), tube.WithTimeout(10*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			p.Send(strings.Repeat("unread", 1000))
			if n, err := io.Copy(io.Discard, p); n != size || err != nil {
				t.Errorf("%s: got %d bytes, %v, want all %d", name, n, err, size)
			}
			p.Close()
		}
	}
}

// A player who reads slowly gets everything, whatever he sends meanwhile.
func TestSlowReaders(t *testing.T) {
	const linger, pace, step = 20 * time.Millisecond, 2 * time.Millisecond, 4 << 10
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what the player has not had")
	}
	all := strings.Repeat("x", 400<<10)
	addr := realServer(t, &Server{MaxPerSource: -1, Linger: linger, Handler: HandlerFunc(func(_ context.Context, s *Session) error {
		return s.Send(all)
	})})
	for name, sent := range map[string]int{"who types": 0, "who has sent much": 3 * lingerBytes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			tcp := conn.(*net.TCPConn)
			defer tcp.Close()
			tcp.SetReadBuffer(16 * step)
			tcp.SetDeadline(time.Now().Add(30 * time.Second))
			var sending sync.WaitGroup
			defer sending.Wait()
			sending.Go(func() { tcp.Write(make([]byte, sent)) })
			// The player's pace is what this is about: 200 ms in all, ten times what the server lingers.
			ticks := time.NewTicker(pace)
			defer ticks.Stop()
			buf, got := make([]byte, step), 0
			for err == nil {
				<-ticks.C
				var n int
				n, err = tcp.Read(buf)
				got += n
				if sent == 0 {
					tcp.Write([]byte("y\n"))
				}
			}
			if got != len(all) {
				t.Errorf("got %d bytes, %v, want %d", got, err, len(all))
			}
			tcp.Close()
		})
	}
}

// A player who takes nothing of what was sent is not waited for without end, and one who takes it is, however slowly.
func TestReaderWhoStopped(t *testing.T) {
	for name, c := range map[string]struct {
		server *Server
		takes  time.Duration // a byte, each time; 0: none
		want   time.Duration
	}{
		"stopped":                     {&Server{}, 0, slowestReader},
		"stopped, idle":               {&Server{IdleTimeout: 2 * time.Second}, 0, 2 * time.Second},
		"stopped, never idle":         {&Server{IdleTimeout: -1}, 0, slowestReader},
		"slow":                        {&Server{}, slowestReader - time.Second, defaultSessionTimeout},
		"slow, but quicker than idle": {&Server{IdleTimeout: 2 * time.Second}, time.Second, defaultSessionTimeout},
		"too slow":                    {&Server{IdleTimeout: 2 * time.Second}, 3 * time.Second, 2 * time.Second},
		"a long session":              {&Server{SessionTimeout: time.Hour}, time.Second, time.Hour},
		"a short session":             {&Server{SessionTimeout: time.Second}, time.Second, defaultIdleTimeout},
		"a session without end":       {&Server{SessionTimeout: -1}, time.Second, defaultSessionTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				r := c.server.newReader(nil)
				r.tcp, r.owed = new(net.TCPConn), 1<<20
				r.unacked = func(tube.TCPConn) (int, bool) {
					if c.takes == 0 {
						return 1 << 20, true
					}
					return 1<<20 - int(time.Since(start)/c.takes), true
				}
				for r.reads() {
					time.Sleep(100 * time.Millisecond)
				}
				if got := time.Since(start); got != c.want {
					t.Errorf("waited %v, want %v", got, c.want)
				}
			})
		})
	}
}
