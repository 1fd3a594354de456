//go:build unix

package chal

// What a connection costs with every limit on, beside a bare accept loop of package net: rounds of both
// are interleaved in one run, and the medians of the rounds' ratios reported, because ratios hold where absolute
// figures drift. The clients are a process of their own, so that the CPU time is the server's.
//
//	go test -run xxx -bench . ./chal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	benchRounds  = 21
	benchPlayers = 32
	benchIdle    = 5000
	benchLine    = "0123456789abcdef0123456789abcde\n" // 32 bytes
	benchTurns   = 10
)

func init() { roles["bench clients"] = benchClients }

// BenchmarkAccept: accept, write 32 bytes, close.
func BenchmarkAccept(b *testing.B) {
	compare(b, "accept", 2000,
		func(c net.Conn) {
			io.WriteString(c, benchLine)
			c.Close()
		},
		HandlerFunc(func(_ context.Context, s *Session) error { return s.Send(benchLine) }))
}

// BenchmarkDialogue: ten rounds of a prompt and an answer.
func BenchmarkDialogue(b *testing.B) {
	compare(b, "dialogue", 600,
		func(c net.Conn) {
			defer c.Close()
			r := bufio.NewReader(c)
			for range benchTurns {
				if _, err := io.WriteString(c, benchLine); err != nil {
					return
				}
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
			}
		},
		HandlerFunc(func(_ context.Context, s *Session) error {
			for range benchTurns {
				if _, err := s.Ask(benchLine); err != nil {
					return err
				}
			}
			return nil
		}))
}

// BenchmarkIdle: what a session that waits for a line holds, in the process and in the kernel.
func BenchmarkIdle(b *testing.B) {
	bare := func(c net.Conn) {
		defer c.Close()
		io.WriteString(c, benchLine)
		bufio.NewReader(c).ReadString('\n')
	}
	asking := HandlerFunc(func(_ context.Context, s *Session) error {
		_, err := s.Ask(benchLine)
		return err
	})
	clients := startClients(b)
	for b.Loop() {
		for _, x := range []struct {
			name  string
			serve func(net.Listener) (stop func())
		}{{"bare", serveBare(bare)}, {"chal", serveChal(benchServer(asking))}} {
			l := listen(b, x.name == "chal")
			stop := x.serve(l)
			before := memory()
			clients.ask(b, "hold", l.Addr(), benchIdle)
			after := memory()
			clients.ask(b, "release", l.Addr(), 0)
			stop()
			process := float64(after.process-before.process) / benchIdle / 1024
			// Both ends of a connection are in this kernel: half of what it took is the server's.
			kernel := float64(after.kernel-before.kernel) / benchIdle / 1024 / 2
			b.ReportMetric(process, x.name+"-process-KiB")
			b.ReportMetric(process+kernel, x.name+"-all-KiB")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// compare plays n sessions a round with each server and reports how the second compares.
func compare(b *testing.B, kind string, n int, bare func(net.Conn), h Handler) {
	clients := startClients(b)
	l := [2]net.Listener{listen(b, false), listen(b, true)}
	stop := [2]func(){serveBare(bare)(l[0]), serveChal(benchServer(h))(l[1])}
	var rate, cpu []float64
	for i := range 2 {
		clients.ask(b, kind, l[i].Addr(), n/4) // warm up
	}
	for b.Loop() {
		for round := range benchRounds {
			var took, used [2]time.Duration
			for k := range 2 {
				i := (round + k) % 2
				runtime.GC()
				start := cpuTime()
				took[i] = clients.ask(b, kind, l[i].Addr(), n)
				used[i] = cpuTime() - start
			}
			rate = append(rate, float64(took[0])/float64(took[1]))
			cpu = append(cpu, float64(used[1])/float64(used[0]))
			if round == benchRounds-1 {
				b.ReportMetric(float64(n)/took[1].Seconds(), "sessions/s")
				b.ReportMetric(float64(used[1].Microseconds())/float64(n), "cpu-µs/session")
			}
		}
	}
	stop[0]()
	stop[1]()
	b.ReportMetric(median(rate), "rate-of-bare")
	b.ReportMetric(median(cpu), "cpu-of-bare")
	b.ReportMetric(0, "ns/op")
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// benchServer has every limit on, wide enough for clients who come again before their last session is quite
// over.
func benchServer(h Handler) *Server {
	return &Server{Handler: h, MaxSessions: 20_000, MaxPerSource: 10 * benchPlayers}
}

func listen(b *testing.B, own bool) net.Listener {
	b.Helper()
	listen := func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	if own {
		listen = func() (net.Listener, error) { return Listen(b.Context(), "127.0.0.1:0") }
	}
	l, err := listen()
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func serveBare(handle func(net.Conn)) func(net.Listener) func() {
	return func(l net.Listener) func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go handle(c)
			}
		})
		return func() {
			l.Close()
			wg.Wait()
		}
	}
}

func serveChal(s *Server) func(net.Listener) func() {
	return func(l net.Listener) func() {
		var wg sync.WaitGroup
		wg.Go(func() { s.Serve(l) })
		return func() {
			s.Close()
			wg.Wait()
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// used is memory in bytes: what the process has resident, and what the kernel keeps in slabs, which is
// zero where that cannot be known.
type used struct{ process, kernel int64 }

func memory() used {
	debug.FreeOSMemory()
	var u used
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
		u.process = pages * int64(os.Getpagesize())
	} else {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u.process = int64(m.HeapInuse + m.StackInuse)
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); f[0] == "Slab:" {
				u.kernel, _ = strconv.ParseInt(f[1], 10, 64)
				u.kernel *= 1024
			}
		}
	}
	return u
}

// clients is the process that plays.
type clients struct {
	in  io.Writer
	out *bufio.Reader
}

func startClients(b *testing.B) *clients {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=bench clients")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &clients{in, bufio.NewReader(out)}
}

// ask has n sessions of a kind played and returns how long that took.
func (c *clients) ask(b *testing.B, kind string, addr net.Addr, n int) time.Duration {
	b.Helper()
	fmt.Fprintln(c.in, kind, addr.(*net.TCPAddr).Port, n)
	var took time.Duration
	line, err := c.out.ReadString('\n')
	if err == nil {
		took, err = time.ParseDuration(strings.TrimSpace(line))
	}
	if err != nil {
		b.Fatalf("clients: %q, %v", line, err)
	}
	return took
}

// benchClients is the main function of the clients' process. It uses blocking system calls: the cheaper
// the clients, the more of the time is the server's.
func benchClients() {
	raiseFileLimit()
	var held []int
	in := bufio.NewReader(os.Stdin)
	for {
		var kind string
		var port, n int
		if _, err := fmt.Fscanln(in, &kind, &port, &n); err != nil {
			return
		}
		start := time.Now()
		switch kind {
		case "accept":
			inParallel(n, func(int) error { return playAccept(port) })
		case "dialogue":
			inParallel(n, func(int) error { return playDialogue(port) })
		case "hold":
			for i := range n {
				fd, err := connect([4]byte{127, 0, byte(1 + i/60/250), byte(1 + i/60%250)}, port)
				if err == nil {
					_, err = syscall.Read(fd, make([]byte, 100))
				}
				if err != nil {
					fmt.Println("error:", err)
					return
				}
				held = append(held, fd)
			}
		case "release":
			for _, fd := range held {
				syscall.Close(fd)
			}
			held = nil
		}
		fmt.Println(time.Since(start))
	}
}

func inParallel(n int, play func(i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchPlayers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := play(int(i)); err != nil {
					fmt.Println("error:", err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
}

func connect(from [4]byte, port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if from != [4]byte{} {
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: from}); err != nil {
			return 0, os.NewSyscallError("bind", err)
		}
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err != nil {
		return 0, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

func playAccept(port int) error {
	fd, err := connect([4]byte{}, port)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return readToEnd(fd, len(benchLine))
}

// readToEnd reads to EOF and checks that want bytes came.
func readToEnd(fd, want int) error {
	var buf [256]byte
	for got := 0; ; {
		n, err := syscall.Read(fd, buf[:])
		got += max(n, 0)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return os.NewSyscallError("read", err)
		case n == 0 && got != want:
			return fmt.Errorf("read %d bytes, want %d: %q", got, want, buf[:got])
		case n == 0:
			return nil
		}
	}
}

func playDialogue(port int) error {
	fd, err := connect([4]byte{}, port)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var buf [256]byte
	for range benchTurns {
		for got := 0; got < len(benchLine); {
			n, err := syscall.Read(fd, buf[:])
			if err != nil && err != syscall.EINTR || err == nil && n == 0 {
				return fmt.Errorf("prompt: read %d, %w", n, err)
			}
			got += max(n, 0)
		}
		if _, err := syscall.Write(fd, []byte("the answer\n")); err != nil {
			return os.NewSyscallError("write", err)
		}
	}
	return readToEnd(fd, 0)
}

// raiseFileLimit raises the soft limit of open files to the hard one and returns it.
func raiseFileLimit() uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	l.Cur = l.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return uint64(l.Cur)
}
