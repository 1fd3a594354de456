package program_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
)

func init() { roles["starved"] = starved }

// starved is a server with few descriptors. It says where it listens, and how many descriptors are open, how many sessions,
// and how many there have been, whenever it is sent a line.
func starved() {
	const few = 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}); err != nil {
		fmt.Println("error:", err)
		return
	}
	h, err := program.New(program.Config{Command: []string{"cat"}})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	defer h.Close()
	s := &chal.Server{Handler: h, MaxPerSource: -1, MaxSessions: -1, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	go s.Serve(l)
	defer s.Close()
	look, err := os.Open("/proc/self/fd") // later there may be no descriptor for it
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		look.Seek(0, io.SeekStart)
		names, err := look.Readdirnames(-1)
		if err != nil {
			fmt.Println("error:", err)
		}
		fmt.Println(len(names), s.Stats().Open, s.Stats().Started)
	}
}

// TestDescriptorsUsedUp lets more players come than the server has descriptors for: those who play go on, and when the
// others have left, everything is free again.
func TestDescriptorsUsedUp(t *testing.T) {
	var log strings.Builder
	in, out, stop := inRole(t, "starved", &log)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the server: %v\n%s", err, log.String())
		}
		if strings.Contains(log.String(), "msg=handler ") { // the player was told that something went wrong
			t.Errorf("it calls a shortage a failure:\n%s", log.String())
		}
	})
	line := func() string {
		if !out.Scan() {
			t.Fatalf("the server is gone: %v", out.Err())
		}
		return out.Text()
	}
	addr := line()
	if strings.HasPrefix(addr, "error: ") {
		t.Skip(addr) // the policy cannot be enforced here
	}
	state := func() (files, open, started int) {
		fmt.Fprintln(in)
		answer := line()
		if _, err := fmt.Sscan(answer, &files, &open, &started); err != nil {
			t.Fatalf("the server says %q", answer)
		}
		return files, open, started
	}
	connected := 0
	// over waits until but few sessions are left, and nobody waits to be accepted either.
	over := func(few int) {
		t.Helper()
		eventually(t, "sessions end", func() bool { _, open, started := state(); return open == few && started == connected })
	}
	connect := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		connected++
		return conn
	}
	plays := func(conn net.Conn) error {
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		got := make([]byte, 6)
		if _, err := io.WriteString(conn, "hello\n"); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello\n" {
			return fmt.Errorf("got %q, error %v", got, err)
		}
		return nil
	}

	var players []net.Conn
	for range 4 {
		players = append(players, connect())
	}
	all := func(when string) {
		t.Helper()
		for i, p := range players {
			if err := plays(p); err != nil {
				t.Fatalf("%s: player %d: %v", when, i, err)
			}
		}
	}
	all("at first")
	before, _, _ := state()
	var many []net.Conn
	for range 300 {
		many = append(many, connect())
	}
	most := 0
	eventually(t, "descriptors are used up", func() bool {
		files, _, _ := state()
		most = max(most, files)
		return files >= 95
	})
	for range 5 {
		all("when there are none")
	}
	for _, conn := range many {
		conn.Close()
	}
	all("after")
	over(len(players))
	newcomer := connect()
	if err := plays(newcomer); err != nil {
		t.Errorf("a newcomer: %v", err)
	}
	newcomer.Close()
	for _, p := range players {
		p.Close()
	}
	over(0)
	t.Logf("%d descriptors with %d players, at most %d", before, len(players), most)
	// All of it again: what was lost the first time would be missing now.
	for round := range 3 {
		players = players[:0]
		for range 4 {
			players = append(players, connect())
		}
		all(fmt.Sprintf("round %d", round))
		many = many[:0]
		for range 300 {
			many = append(many, connect())
		}
		eventually(t, "descriptors are used up again", func() bool { files, _, _ := state(); return files >= 95 })
		all(fmt.Sprintf("round %d, when there are none", round))
		for _, conn := range append(many, players...) {
			conn.Close()
		}
		over(0)
	}
	// The slots of those who have left wait with their descriptors, and leave room for as many players at least.
	players = players[:0]
	for range 8 {
		players = append(players, connect())
	}
	all("in the end")
}
