package program_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

func init() { roles["starved"] = starved }

// starved is a server with few descriptors. It says where it listens, and how many descriptors are open and sessions are
// there whenever it is sent a line.
func starved() {
	const few = 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}); err != nil {
		fmt.Println("error:", err)
		return
	}
	h, err := program.New(program.Config{Command: []string{"cat"}, Policy: sandbox.Policy{OpenFiles: 64}})
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
		fmt.Println(len(names), s.Stats().Open)
	}
}

// TestDescriptorsUsedUp lets more players come than the server has descriptors for: those who play go on, and when the
// others have left, everything is free again.
func TestDescriptorsUsedUp(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"=starved")
	var log strings.Builder
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v\n%s", err, log.String())
		}
	})
	out := bufio.NewScanner(pipe)
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
	state := func() (files, open int) {
		fmt.Fprintln(in)
		answer := line()
		if _, err := fmt.Sscan(answer, &files, &open); err != nil {
			t.Fatalf("the server says %q", answer)
		}
		return files, open
	}
	connect := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
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
				t.Errorf("%s: player %d: %v", when, i, err)
			}
		}
	}
	all("at first")
	before, _ := state()
	var many []net.Conn
	for range 300 {
		many = append(many, connect())
	}
	most := 0
	eventually(t, "descriptors are used up", func() bool {
		files, _ := state()
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
	eventually(t, "the sessions of those who left end", func() bool { _, open := state(); return open == len(players) })
	newcomer := connect()
	if err := plays(newcomer); err != nil {
		t.Errorf("a newcomer: %v", err)
	}
	newcomer.Close()
	for _, p := range players {
		p.Close()
	}
	eventually(t, "all sessions end", func() bool { _, open := state(); return open == 0 })
	after, _ := state()
	// Slots wait for the next sessions, with three descriptors each: there are no more of them than fit in at once.
	t.Logf("%d descriptors with %d players, at most %d, %d after all", before, len(players), most, after)
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
		eventually(t, "descriptors are used up again", func() bool { files, _ := state(); return files >= 95 })
		all(fmt.Sprintf("round %d, when there are none", round))
		for _, conn := range append(many, players...) {
			conn.Close()
		}
		eventually(t, "all sessions end again", func() bool { _, open := state(); return open == 0 })
	}
	if again, _ := state(); again > after+8 {
		t.Errorf("%d descriptors are open, %d after the first round", again, after)
	}
}
