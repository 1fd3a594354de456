package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// spawner is a server that starts a program for each connection.
type spawner struct {
	name string
	argv func(b *testing.B, port, program string) []string
}

var spawners = []spawner{
	{"exec", func(b *testing.B, port, program string) []string {
		return []string{os.Args[0], spawnArgument, port, program}
	}},
	{"run", func(b *testing.B, port, program string) []string {
		return []string{
			flagstaff(b), "run", "--json", "-l", "127.0.0.1:" + port, "--max-sessions", "-1", "--max-per-source", "-1",
			"--", program,
		}
	}},
	{"run-no-sandbox", func(b *testing.B, port, program string) []string {
		return []string{
			flagstaff(b), "run", "--json", "-l", "127.0.0.1:" + port, "--max-sessions", "-1", "--max-per-source", "-1",
			"--no-sandbox", "--", program,
		}
	}},
	{"tcpserver", func(b *testing.B, port, program string) []string {
		return []string{testkit.Program(b, "tcpserver"), "-c", "1000", "-H", "-R", "-l", "0", "127.0.0.1", port, program}
	}},
	{"xinetd", func(b *testing.B, port, program string) []string {
		config := filepath.Join(b.TempDir(), "xinetd.conf")
		text := fmt.Sprintf("service chal\n{\n type = UNLISTED\n port = %s\n bind = 127.0.0.1\n socket_type = stream\n protocol = tcp\n wait = no\n user = root\n"+
			" server = %s\n instances = UNLIMITED\n per_source = UNLIMITED\n cps = 1000000 1\n}\n", port, program)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return []string{testkit.Program(b, "xinetd"), "-dontfork", "-f", config, "-pidfile", config + ".pid"}
	}},
	{"socat", func(b *testing.B, port, program string) []string {
		return []string{testkit.Program(b, "socat"), "TCP-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr,fork,backlog=1000", "EXEC:" + program}
	}},
	{"ncat", func(b *testing.B, port, program string) []string {
		return []string{testkit.Program(b, "ncat"), "-lk", "127.0.0.1", port, "-m", "1000", "-e", program}
	}},
	{"tcpserver+bwrap", func(b *testing.B, port, program string) []string {
		return []string{
			testkit.Program(b, "tcpserver"), "-c", "1000", "-H", "-R", "-l", "0", "127.0.0.1", port,
			testkit.Program(b, "bwrap"), "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev",
			"--ro-bind", program, "/program", "/program",
		}
	}},
}

// spawnArgument makes the test binary the plain server that the others are compared with.
const spawnArgument = "-spawn-server"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == spawnArgument {
		spawnServer(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// spawnServer passes each connection to a program, as the standard library makes it easiest.
func spawnServer(port, program string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(stop, func() { l.Close() })
	var running sync.WaitGroup
	for {
		conn, err := l.Accept()
		if err != nil {
			running.Wait()
			os.Exit(0)
		}
		running.Go(func() {
			f, err := conn.(*net.TCPConn).File()
			conn.Close()
			if err != nil {
				return
			}
			defer f.Close()
			cmd := exec.Command(program)
			cmd.Stdin, cmd.Stdout, cmd.Env = f, f, []string{}
			cmd.Run()
		})
	}
}

var flagstaff = func() func(b *testing.B) string {
	var path string
	return func(b *testing.B) string {
		b.Helper()
		if path == "" {
			dir, err := os.MkdirTemp("", "flagstaff-bench-")
			if err != nil {
				b.Fatal(err)
			}
			out, err := exec.Command("go", "build", "-o", dir+"/flagstaff", "../cmd/flagstaff").CombinedOutput()
			if err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			path = dir + "/flagstaff"
		}
		return path
	}
}()

// contender is a spawner that runs.
type contender struct {
	spawner
	addr   string
	cmd    *exec.Cmd
	rates  []float64
	firsts []time.Duration
	served int
	group  string        // a control group that counts the processor time of all its processes
	before time.Duration // what it had counted when the first round began that counts
}

// accounts is where such groups are made. Asking each process for its children's time is no way: what the kernel reaps at the
// end of a process namespace is counted nowhere.
const accounts = "/sys/fs/cgroup/cpuacct"

func (s spawner) start(b *testing.B, program string) *contender {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	argv := s.argv(b, port, program)
	c := &contender{spawner: s, addr: addr, cmd: exec.Command(argv[0], argv[1:]...)}
	if group := accounts + "/flagstaff-bench-" + s.name; os.Mkdir(group, 0o755) == nil {
		c.group = group
		b.Cleanup(func() { os.Remove(group) })
		c.cmd = exec.Command("sh", append([]string{"-c", `echo 0 > "$0"/cgroup.procs && exec "$@"`, group}, argv...)...)
	}
	var said strings.Builder
	c.cmd.Stderr = &said
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { // also where another one's program is missing
		c.cmd.Process.Signal(syscall.SIGTERM)
		c.cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; {
		if _, err := c.play(); err == nil {
			return c
		} else if time.Now().After(end) {
			c.cmd.Process.Kill()
			c.cmd.Wait()
			b.Fatalf("%s: %v\n%s", s.name, err, said.String())
		}
	}
}

// play is one session: connect, read everything. It returns how long the first byte took.
func (c *contender) play() (time.Duration, error) {
	start := time.Now()
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(start.Add(30 * time.Second))
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return 0, err
	}
	took := time.Since(start)
	rest, err := io.ReadAll(conn)
	if text := string(first[:]) + string(rest); err != nil || text != "hello\n" {
		return 0, fmt.Errorf("got %q, %v", text, err)
	}
	return took, nil
}

// round plays n sessions, eight at once.
func (c *contender) round(b *testing.B, n int) {
	b.Helper()
	start := time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range n / 8 {
				first, err := c.play()
				if err != nil {
					b.Errorf("%s: %v", c.name, err)
					return
				}
				mu.Lock()
				c.firsts = append(c.firsts, first)
				c.served++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	c.rates = append(c.rates, float64(n)/time.Since(start).Seconds())
}

// used is the processor time of all the server's processes until now; 0 where that cannot be known.
func (c *contender) used() time.Duration {
	text, err := os.ReadFile(c.group + "/cpuacct.usage")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Duration(n)
}

// warm forgets what was measured so far: a server makes at first what it then has.
func (c *contender) warm() {
	c.rates, c.firsts, c.served, c.before = nil, nil, 0, c.used()
}

// end ends the server and returns the processor time of a session.
func (c *contender) end() time.Duration {
	used := (c.used() - c.before) / time.Duration(max(1, c.served))
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	return used
}

func median[T float64 | time.Duration](v []T) T {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkSpawn compares servers that start a program for each connection, in turn: rate and processor time are ratios to
// a plain Go server with os/exec, which confines nothing. A round of each, to warm up, does not count.
func BenchmarkSpawn(b *testing.B) {
	program := filepath.Join(b.TempDir(), "hello")
	dir := filepath.Dir(program)
	for _, made := range []string{dir, filepath.Dir(dir)} {
		os.Chmod(made, 0o755) // the sessions' users are others
	}
	gcc := exec.Command(testkit.Program(b, "gcc"), "-O1", "-static", "-x", "c", "-o", program, "-")
	gcc.Stdin = strings.NewReader("#include <unistd.h>\nint main() { return write(1, \"hello\\n\", 6) != 6; }\n")
	if out, err := gcc.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var all []*contender
	for _, s := range spawners {
		all = append(all, s.start(b, program))
	}
	const sessions = 240
	for _, c := range all {
		c.round(b, sessions)
		c.warm()
	}
	rounds := 0
	for b.Loop() {
		for _, c := range all {
			c.round(b, sessions)
		}
		rounds++
	}
	plain := all[0]
	cpu := map[string]time.Duration{}
	for _, c := range all {
		cpu[c.name] = c.end()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(plain.rates), "exec-sessions/s")
	if cpu["exec"] > 0 {
		b.ReportMetric(cpu["exec"].Seconds()*1e6, "exec-cpu-µs")
	}
	for _, c := range all[1:] {
		ratios := make([]float64, rounds)
		for i := range ratios {
			ratios[i] = c.rates[i] / plain.rates[i]
		}
		b.ReportMetric(median(ratios), c.name+"-rate")
		if cpu["exec"] > 0 {
			b.ReportMetric(cpu[c.name].Seconds()/cpu["exec"].Seconds(), c.name+"-cpu")
		}
		b.ReportMetric(median(c.firsts).Seconds()/median(plain.firsts).Seconds(), c.name+"-first-byte")
	}
}
