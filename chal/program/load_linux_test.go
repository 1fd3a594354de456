package program_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
)

var full = flag.Bool("full", false, "run the load tests in their full size: thousands of sessions, minutes")

// size returns how big a load test is.
func size(big, small int) int {
	if *full {
		return big
	}
	return small
}

// descriptors skips where fewer may be open.
func descriptors(t testing.TB, want int) {
	t.Helper()
	if most := mostFiles(t); most < want {
		t.Skipf("%d descriptors are needed, the limit is %d", want, most)
	}
}

// mostFiles returns how many descriptors this process may have; the runtime has raised the limit as far as it goes.
func mostFiles(t testing.TB) int {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	return int(min(l.Cur, 1<<30))
}

// crowd is many connections at once, without a goroutine each.
type crowd []net.Conn

// gather opens n connections from an address of this host's, as quickly as it can, and returns those that got through.
func gather(t testing.TB, s *served, from string, n int) crowd {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute, Control: func(_, _ string, c syscall.RawConn) error {
		// Ports are chosen when it connects: one address has more connections then than ports.
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) })
	}}
	all := make(crowd, n)
	each(n, func(i int) {
		conn, err := d.Dial("tcp", s.addr)
		if err != nil {
			t.Errorf("connection %d: %v", i, err)
			return
		}
		all[i] = conn
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(all.leave)
	return all
}

func (c crowd) leave() {
	for _, conn := range c {
		if conn != nil {
			conn.Close()
		}
	}
}

// each calls do for 0 to n-1, up to 64 at once.
func each(n int, do func(i int)) {
	var working sync.WaitGroup
	next := make(chan int)
	for range min(n, 64) {
		working.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	working.Wait()
}

// threads returns how many threads of the system this process has.
func threads(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// eventually waits until now() is true.
func eventually(t testing.TB, what string, now func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !now() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// freed checks that nothing of the sessions is left but slots that wait for the next.
func freed(t testing.TB, s *served, files int) {
	t.Helper()
	eventually(t, "every session ends", func() bool { return s.server.Stats().Open == 0 })
	// Each of the 64 slots that may wait holds one descriptor, its channel, and some keep two files of their groups open, 32 in all.
	eventually(t, "descriptors are closed", func() bool { return openFiles(t) <= files+64+32 })
}

// TestSilentCrowd holds thousands of connections from one address, under the default limits, while others play.
func TestSilentCrowd(t *testing.T) {
	n := size(3000, 300)
	descriptors(t, 2*n+1000)
	s := serve(t, program.Config{Command: []string{"cat"}}, func(s *chal.Server) { s.MaxSessions, s.MaxPerSource = 0, 0 })
	files := openFiles(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var playing sync.WaitGroup
	slowest := make([]time.Duration, 4)
	lines := make([]error, 4)
	begun := make(chan struct{}, len(lines))
	for i := range lines {
		playing.Go(func() { slowest[i], lines[i] = s.talkFrom(ctx, fmt.Sprintf("127.0.1.%d", i+1), begun) })
	}
	for range lines {
		<-begun
	}
	all := gather(t, s, "127.0.0.1", n)
	each(n, func(i int) { all[i].SetReadDeadline(time.Now().Add(20 * time.Second)) })
	eventually(t, "the crowd has its share and no more", func() bool {
		stats := s.server.Stats()
		return stats.Open >= 64+len(lines) && int(stats.Refused) >= n-64
	})
	if open := s.server.Stats().Open; open != 64+len(lines) {
		t.Errorf("%d sessions are open, want %d of the crowd's and %d players", open, 64, len(lines))
	}
	// Who comes while they are there gets in at once.
	for i := range 10 {
		late, enough := context.WithCancel(ctx)
		first := make(chan struct{}, 1)
		go func() { <-first; enough() }()
		if _, err := s.talkFrom(late, fmt.Sprintf("127.0.2.%d", i+1), first); err != nil {
			t.Errorf("a newcomer: %v", err)
			first <- struct{}{}
		}
	}
	all.leave()
	stop()
	playing.Wait()
	for i, err := range lines {
		if err != nil {
			t.Errorf("player %d: %v", i, err)
		}
	}
	t.Logf("%d silent connections, %d refused; the slowest answer to a player took %v", n, s.server.Stats().Refused, slowest)
	freed(t, s, files)
}

func (s *served) talkFrom(ctx context.Context, from string, begun chan<- struct{}) (slowest time.Duration, err error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", s.addr)
	if err != nil {
		begun <- struct{}{}
		return 0, err
	}
	defer conn.Close()
	next := time.NewTicker(5 * time.Millisecond)
	defer next.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		line, got := fmt.Sprintf("%6d\n", i), make([]byte, 7)
		start := time.Now()
		if _, err = io.WriteString(conn, line); err == nil {
			_, err = io.ReadFull(conn, got)
		}
		if i == 0 {
			begun <- struct{}{}
		}
		if err != nil || string(got) != line {
			return slowest, fmt.Errorf("line %d: got %q, error %v", i, got, err)
		}
		slowest = max(slowest, time.Since(start))
		select {
		case <-ctx.Done():
		case <-next.C:
		}
	}
	return slowest, nil
}

// TestSlowReader sends a megabyte, and exits, to a player who reads for far longer than the server lingers.
func TestSlowReader(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			c := program.Config{Command: []string{compiled(t, "print"), strconv.Itoa(1 << 20)}}
			way.change(&c)
			s := serve(t, c, func(s *chal.Server) { s.Linger = 50 * time.Millisecond })
			each(size(1000, 4), func(i int) {
				if n, err := readSlowly(s.addr); n != 1<<20 || err != nil {
					t.Errorf("reader %d got %d bytes, want %d, %v", i, n, 1<<20, err)
				}
			})
		})
	}
}

// readSlowly reads a little every few milliseconds, into a small window.
func readSlowly(addr string) (total int, err error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10) })
	}}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	buf := make([]byte, 8<<10)
	for {
		<-pace.C
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := io.ReadFull(conn, buf)
		total += n
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// TestLateAnswers gets answers that come seconds after the players have ended their input, all at once.
func TestLateAnswers(t *testing.T) {
	n, after := size(1000, 40), size(5, 1)
	descriptors(t, 8*n+500)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			c := program.Config{Command: []string{compiled(t, "late"), strconv.Itoa(after)}}
			way.change(&c)
			// Nothing of the server's may take a silent player for one who has left.
			s := serve(t, c, func(s *chal.Server) { s.Linger = 100 * time.Millisecond })
			var playing sync.WaitGroup
			lost := make(chan string, n)
			for i := range n {
				playing.Go(func() {
					p, err := s.connect(context.Background())
					if err != nil {
						lost <- err.Error()
						return
					}
					defer p.Close()
					text := strings.Repeat("x", i%100*100)
					p.Send(text)
					p.CloseWrite()
					got, err := p.Within(time.Minute).RecvAll(1 << 10)
					if want := fmt.Sprintf("%d\n", len(text)); got != want || err != nil {
						lost <- fmt.Sprintf("got %q, %v, want %q", got, err, want)
					}
				})
			}
			playing.Wait()
			close(lost)
			if k := len(lost); k > 0 {
				t.Errorf("%d of %d answers were lost, the first: %s", k, n, <-lost)
			}
		})
	}
}
