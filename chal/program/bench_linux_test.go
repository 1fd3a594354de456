package program_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// spawned serves each connection of a listener with a process of os/exec, as people do without a sandbox. With copied set the process has one end of a
// pair of sockets, and io.Copy moves its output to the connection, and the input to it.
func spawned(b testing.TB, copied bool, argv ...string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if err := spawn(conn.(*net.TCPConn), copied, argv); err != nil && !errors.Is(err, unix.EPIPE) {
					b.Error(err)
				}
			})
		}
	})
	b.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

func spawn(conn *net.TCPConn, copied bool, argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	if !copied {
		f, err := conn.File()
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.Stdin, cmd.Stdout = f, f
		if err := cmd.Start(); err != nil {
			return err
		}
		f.Close()
		cmd.Wait()
		return nil
	}
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f, theirs := os.NewFile(uintptr(p[0]), ""), os.NewFile(uintptr(p[1]), "")
	ours, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd.Stdin, cmd.Stdout = theirs, theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	var copying sync.WaitGroup
	copying.Go(func() {
		io.Copy(ours, conn)
		ours.(*net.UnixConn).CloseWrite()
	})
	_, err = io.Copy(conn, ours)
	conn.CloseWrite()
	cmd.Wait()
	copying.Wait()
	return err
}

// BenchmarkFirstByte takes the time from a player's connecting to the first byte of the program's, in turns with a
// server that spawns without a sandbox.
func BenchmarkFirstByte(b *testing.B) {
	for _, atOnce := range []int{1, 8} {
		b.Run(strconv.Itoa(atOnce)+" at once", func(b *testing.B) {
			idle := compiled(b, "idle")
			quiet := func(s *chal.Server) { s.Log = slog.New(slog.DiscardHandler) }
			addrs := []string{serve(b, program.Config{Command: []string{idle}}, quiet).addr, spawned(b, false, idle)}
			took := make([][]time.Duration, len(addrs))
			var mu sync.Mutex
			for i := 0; b.Loop(); i++ {
				which := i % 2
				var playing sync.WaitGroup
				for range atOnce {
					playing.Go(func() {
						d, err := firstByte(addrs[which])
						if err != nil {
							b.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						took[which] = append(took[which], d)
					})
				}
				playing.Wait()
			}
			if len(took[1]) == 0 {
				return // one round to see how long one takes
			}
			for _, list := range took {
				slices.Sort(list)
			}
			ours, theirs := took[0][len(took[0])/2], took[1][len(took[1])/2]
			b.ReportMetric(float64(ours.Microseconds()), "p50-µs")
			b.ReportMetric(float64(theirs.Microseconds()), "exec-p50-µs")
			b.ReportMetric(float64(ours)/float64(theirs), "p50/exec")
		})
	}
}

// firstByte plays a session with testdata/idle.
func firstByte(addr string) (time.Duration, error) {
	start := time.Now()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var one [16]byte
	if n, err := conn.Read(one[:]); err != nil || n != 1 {
		return 0, fmt.Errorf("got %q, %w", one[:n], err)
	}
	took := time.Since(start)
	conn.(*net.TCPConn).CloseWrite()
	_, err = io.Copy(io.Discard, conn)
	return took, err
}

func init() { roles["mover"] = mover }

const moverVariable = "PROGRAM_TEST_MOVER"

// mover reads from an address until the end, or writes as many bytes as it is told to: in a process of its own, so that the
// server's processor time is the server's alone.
func mover() {
	var addr string
	var send int64
	fmt.Sscan(os.Getenv(moverVariable), &addr, &send)
	conn, err := net.Dial("tcp", addr)
	if err == nil && send > 0 {
		buf := make([]byte, 64<<10)
		for left := send; left > 0 && err == nil; left -= int64(len(buf)) {
			_, err = conn.Write(buf[:min(left, int64(len(buf)))])
		}
		conn.(*net.TCPConn).CloseWrite()
	}
	var n int64
	if err == nil {
		n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 256<<10))
	}
	fmt.Println(n, err)
}

// processorTime is that of this process.
func processorTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRelay moves bytes from the program to the player, and back, over each way from one to the other, in turns
// with io.Copy between the same two kinds of sockets.
func BenchmarkRelay(b *testing.B) {
	const amount = 256 << 20
	for _, direction := range []struct {
		name string
		argv []string
		send int64
	}{
		{"output", []string{compiled(b, "print"), strconv.Itoa(amount)}, 0},
		{"input", []string{compiled(b, "late"), "0"}, amount},
	} {
		for _, way := range ways {
			if way.name == "terminal" {
				continue // a terminal's own pace
			}
			b.Run(direction.name+"/"+way.name, func(b *testing.B) {
				c := program.Config{Command: direction.argv}
				way.change(&c)
				ours := serve(b, c, func(s *chal.Server) { s.Log = slog.New(slog.DiscardHandler) })
				addrs := []string{ours.addr, spawned(b, true, direction.argv...)}
				var took, cpu [2]time.Duration
				rounds := 0
				for b.Loop() {
					rounds++
					for i, addr := range addrs {
						start, used := time.Now(), processorTime()
						cmd := exec.Command("/proc/self/exe")
						cmd.Env = append(os.Environ(), roleVariable+"=mover", fmt.Sprintf("%s=%s %d", moverVariable, addr, direction.send))
						out, err := cmd.Output()
						want := fmt.Sprintf("%d <nil>\n", amount)
						if err != nil || direction.send == 0 && string(out) != want {
							b.Fatalf("got %q, %v, want %q", out, err, want)
						}
						took[i] += time.Since(start)
						cpu[i] += processorTime() - used
					}
				}
				gib := float64(amount) * float64(rounds) / (1 << 30)
				b.ReportMetric(gib/took[0].Seconds(), "GiB/s")
				b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "rate/io.Copy")
				b.ReportMetric(cpu[0].Seconds()/gib, "cpu-s/GiB")
				b.ReportMetric(cpu[1].Seconds()/gib, "io.Copy-cpu-s/GiB")
			})
		}
	}
}

// memoryParts are the system's accounts of what sessions are made of.
var memoryParts = []struct{ account, unit string }{
	{"AnonPages", "anon-KiB"},        // pages of programs, slots, players and the server
	{"KernelStack", "stacks-KiB"},    // 16 for each process
	{"PageTables", "tables-KiB"},     // of each address space
	{"SUnreclaim", "slab-KiB"},       // of the kernel: tasks, sockets, namespaces, control groups
	{"SReclaimable", "dentries-KiB"}, // of the kernel: names and inodes
	{"Percpu", "percpu-KiB"},         // of control groups
	{"Shmem", "shmem-KiB"},           // files in memory
}

// meminfo reads what the system says of its memory, in KiB.
func meminfo(b *testing.B) map[string]float64 {
	b.Helper()
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	m := map[string]float64{}
	for in := bufio.NewScanner(f); in.Scan(); {
		name, rest, _ := strings.Cut(in.Text(), ":")
		var v float64
		fmt.Sscan(rest, &v)
		m[name] = v
	}
	// Not by what is free: the system keeps pages by the hundred for each processor.
	for _, part := range memoryParts {
		m["All"] += m[part.account]
	}
	return m
}

// aloneVariable says that a benchmark is in a process of its own already.
const aloneVariable = "PROGRAM_TEST_ALONE"

// alone runs a benchmark once, in a process of its own, and reports what it did. What a server has grown to it keeps: in a second run os/exec, whose Wait
// holds a thread of the system's, would find the first one's threads, and count 50 KiB a session less.
func alone(b *testing.B) {
	cmd := exec.Command("/proc/self/exe", "-test.run", "^$", "-test.bench", "^"+strings.ReplaceAll(b.Name(), "/", "$/^")+"$", "-test.benchtime", "1x")
	cmd.Env = append(os.Environ(), aloneVariable+"=1")
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], b.Name()) {
			continue
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil && f[i+1] != "ns/op" {
				b.ReportMetric(v, f[i+1])
			}
		}
		return
	}
	b.Fatalf("no result: %v\n%s", err, out)
}

// BenchmarkIdleProgram measures what an idle session holds: all of it, the kernel's part and both ends of the connection included, and what
// that is made of. It counts what the whole system's memory grows by, so nothing else should run.
func BenchmarkIdleProgram(b *testing.B) {
	idle := compiled(b, "idle")
	all := sandbox.Policy{}
	none := sandbox.Policy{Memory: -1, Processes: -1, Cores: -1}
	discard := sandbox.Policy{Stderr: sandbox.StderrDiscard}
	for _, c := range []struct {
		name  string
		serve func(b *testing.B) string
	}{
		{"connection alone", func(b *testing.B) string { return handled(b, waiting).addr }},
		{"exec", func(b *testing.B) string { return spawned(b, false, idle) }},
		{"sandbox", func(b *testing.B) string { return quiet(b, program.Config{Command: []string{idle}, Policy: all}) }},
		{"no control groups", func(b *testing.B) string { return quiet(b, program.Config{Command: []string{idle}, Policy: none}) }},
		{"memory group alone", func(b *testing.B) string {
			return quiet(b, program.Config{Command: []string{idle}, Policy: sandbox.Policy{Processes: -1, Cores: -1}})
		}},
		{"stderr discarded", func(b *testing.B) string { return quiet(b, program.Config{Command: []string{idle}, Policy: discard}) }},
		{"relay", func(b *testing.B) string { return quiet(b, program.Config{Command: []string{idle}, Relay: true}) }},
		{"terminal", func(b *testing.B) string {
			return quiet(b, program.Config{Command: []string{idle}, Policy: sandbox.Policy{PTY: true}})
		}},
		{"dynamic", func(b *testing.B) string {
			return quiet(b, program.Config{Command: []string{"/bin/sh", "-c", "echo; exec cat"}})
		}},
		// As many file systems as there were at once, the system keeps room for in each memory group, of all later sessions too, until it is
		// started anew: a KiB for 64.
		{"own tmp", func(b *testing.B) string {
			return quiet(b, program.Config{Command: []string{idle}, Policy: sandbox.Policy{Tmp: 1 << 20}})
		}},
	} {
		count := 1000
		if c.name == "own tmp" {
			count = 200
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if os.Getenv(aloneVariable) == "" {
					alone(b)
					continue
				}
				addr := c.serve(b)
				held, leave := startPlayers(b, addr, 8) // what is made once
				held()
				leave()
				debug.FreeOSMemory()
				before, own := meminfo(b), serverMemory()
				held, leave = startPlayers(b, addr, count)
				held()
				debug.FreeOSMemory()
				after := meminfo(b)
				grown := func(name string) float64 { return (after[name] - before[name]) / float64(count) }
				b.ReportMetric(grown("All"), "KiB/session")
				for _, part := range memoryParts {
					b.ReportMetric(grown(part.account), part.unit)
				}
				b.ReportMetric((serverMemory()-own)/float64(count), "server-KiB")
				leave()
			}
		})
	}
}

// serverMemory is what the Go runtime has in use, in KiB.
func serverMemory() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse+m.StackInuse) / 1024
}

func quiet(b *testing.B, c program.Config) string {
	return serve(b, c, func(s *chal.Server) { s.Log = slog.New(slog.DiscardHandler) }).addr
}

// waiting is a session without a program.
func waiting(ctx context.Context, s *chal.Session) error {
	if err := s.Send("\n"); err != nil {
		return err
	}
	_, err := s.Discard()
	return err
}

// handled serves a handler.
func handled(b *testing.B, h chal.HandlerFunc) *served {
	s := &served{t: b}
	s.server = &chal.Server{Handler: h, MaxPerSource: -1, MaxSessions: -1, Log: slog.New(slog.DiscardHandler)}
	l, err := chal.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(l) }()
	b.Cleanup(func() {
		s.server.Close()
		<-done
	})
	return s
}
