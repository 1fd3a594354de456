package program_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal/program"
)

func init() { roles["players"] = players }

const playersVariable = "PROGRAM_TEST_PLAYERS" // the address, a space, and how many

// players opens many connections at once, waits until each has got a line, says so, and holds them until its input ends. It is
// a process of its own because one process may not have descriptors for both ends.
func players() {
	addr, count, _ := strings.Cut(os.Getenv(playersVariable), " ")
	n, _ := strconv.Atoi(count)
	conns, errs := make([]net.Conn, n), make([]error, n)
	each(n, func(i int) { conns[i], errs[i] = net.DialTimeout("tcp", addr, 2*time.Minute) })
	each(n, func(i int) {
		if errs[i] != nil {
			return
		}
		conns[i].SetDeadline(time.Now().Add(4 * time.Minute))
		var b [100]byte
		if k, err := conns[i].Read(b[:]); err != nil || string(b[:k]) != "\n" {
			errs[i] = fmt.Errorf("got %q, error %v", b[:k], err)
		}
	})
	failed := 0
	for i, err := range errs {
		if err != nil {
			if failed++; failed < 4 {
				fmt.Printf("connection %d: %v; ", i, err)
			}
		}
	}
	fmt.Println(failed, "failed")
	bufio.NewReader(os.Stdin).ReadByte()
}

// startPlayers starts n of them. held waits until each has a session, and leave ends all.
func startPlayers(t testing.TB, addr string, n int) (held, leave func()) {
	t.Helper()
	_, out, stop := inRole(t, "players", os.Stderr, fmt.Sprintf("%s=%s %d", playersVariable, addr, n))
	return func() {
		t.Helper()
		if out.Scan(); out.Text() != "0 failed" {
			t.Fatalf("players: %s %v", out.Text(), out.Err())
		}
	}, func() { stop() }
}

// maxOther is how many descriptors a server may have for other things than sessions.
const maxOther = 100

// TestHeld opens thousands of sessions at once, holds all of them, and lets them go.
func TestHeld(t *testing.T) {
	for _, c := range []struct {
		name  string
		way   int // of ways
		count int
	}{{"5,000 at once", 0, size(5000, 250)}, {"9,000 held", 0, size(9000, 0)}, {"relay", 1, size(1000, 250)}, {"terminal", 2, size(1000, 250)}} {
		t.Run(c.name, func(t *testing.T) {
			if c.count == 0 {
				t.Skip("only with -full")
			}
			// A session has its connection and the channel to its slot, and with a relay one more.
			each := 2 + min(c.way, 1)
			descriptors(t, each*c.count+500)
			config := program.Config{Command: []string{compiled(t, "idle")}}
			ways[c.way].change(&config)
			s := serve(t, config)
			files, before := openFiles(t), threads(t)
			start := time.Now()
			held, leave := startPlayers(t, s.addr, c.count)
			held()
			now := threads(t)
			t.Logf("%d sessions after %v: %d threads (%d before), %d goroutines, %d descriptors (%d before)", c.count,
				time.Since(start).Round(time.Millisecond), now, before, runtime.NumGoroutine(), openFiles(t), files)
			if open := s.server.Stats().Open; open != c.count {
				t.Errorf("%d sessions are open, want %d", open, c.count)
			}
			// The runtime starts some when many system calls are under way, and keeps them.
			if now > before+min(c.count/2, 200) {
				t.Errorf("%d threads for %d sessions, %d before", now, c.count, before)
			}
			if got, most := openFiles(t)-files, each*c.count+maxOther; got > most {
				t.Errorf("they hold %d descriptors, want at most %d", got, most)
			}
			if took, err := s.talkOnce(); err != nil {
				t.Errorf("one more: %v", err)
			} else {
				t.Logf("one more session took %v to its first byte", took)
			}
			start = time.Now()
			leave()
			freed(t, s, files)
			last := threads(t)
			t.Logf("freed after %v: %d threads", time.Since(start).Round(time.Millisecond), last)
			if most := before + min(c.count/2, 200); last > most {
				t.Errorf("%d threads after the sessions have ended, %d before, want at most %d", last, before, most)
			}
			if _, err := s.talkOnce(); err != nil {
				t.Errorf("after: %v", err)
			}
		})
	}
}

// talkOnce plays one session with testdata/idle.
func (s *served) talkOnce() (first time.Duration, err error) {
	start := time.Now()
	p, err := s.connect(context.Background())
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if got, err := p.RecvN(1); got != "\n" {
		return 0, fmt.Errorf("got %q, error %v", got, err)
	}
	first = time.Since(start)
	p.CloseWrite()
	_, err = p.RecvAll(1)
	return first, err
}
