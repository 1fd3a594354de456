//go:build linux

package nc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSideBySide measures nc beside the other netcats, in turns, and prints
// medians: FLAGSTAFF_BENCH=1 go test -run SideBySide -v ./internal/nc
// FLAGSTAFF_BENCH_MB sets the size of a transfer (1024), _ROUNDS the rounds (5).
func TestSideBySide(t *testing.T) {
	if os.Getenv("FLAGSTAFF_BENCH") == "" {
		t.Skip("FLAGSTAFF_BENCH is not set")
	}
	t.Run("bulk", benchBulk)
	t.Run("start", benchStart)
	t.Run("scan", benchScan)
	t.Run("programs", benchPrograms)
}

func setting(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

func rounds() int { return setting("FLAGSTAFF_BENCH_ROUNDS", 5) }

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// contender is one program with its two roles.
type contender struct {
	name         string
	listen, dial []string
}

func limitProgram(t *testing.T) string {
	out := filepath.Join(t.TempDir(), "splice")
	if b, err := exec.Command("cc", "-O2", "-o", out, "testdata/splice.c").CombinedOutput(); err != nil {
		t.Logf("no C splice loop to compare with: %v %s", err, b)
		return ""
	}
	return out
}

func benchBulk(t *testing.T) {
	size := setting("FLAGSTAFF_BENCH_MB", 1024)
	file := filepath.Join(t.TempDir(), "file")
	if _, err := os.Stat("/dev/shm"); err == nil {
		f, err := os.CreateTemp("/dev/shm", "nc-bench")
		if err != nil {
			t.Fatal(err)
		}
		file = f.Name()
		f.Close()
		defer os.Remove(file)
	}
	if err := exec.Command("sh", "-c", fmt.Sprintf("head -c %dM /dev/zero >%s", size, file)).Run(); err != nil {
		t.Fatal(err)
	}
	all := []contender{
		{"nc", []string{ncBinary, "-ld", "127.0.0.1"}, []string{ncBinary, "127.0.0.1"}},
		{"nc.openbsd", []string{"nc.openbsd", "-ld", "127.0.0.1"}, []string{"nc.openbsd", "-N", "127.0.0.1"}},
		{"nc.traditional", []string{"nc.traditional", "-ls", "127.0.0.1", "-p"}, []string{"nc.traditional", "-q0", "127.0.0.1"}},
		{"ncat", []string{"ncat", "-l", "--recv-only", "127.0.0.1"}, []string{"ncat", "--send-only", "127.0.0.1"}},
		{"socat -b 1M", []string{"socat", "-b", "1048576", "-u", "TCP-LISTEN:PORT,reuseaddr", "-"}, []string{"socat", "-b", "1048576", "-u", "-", "TCP:127.0.0.1:PORT"}},
	}
	if l := limitProgram(t); l != "" {
		all = append(all, contender{"C splice", []string{l, "listen"}, []string{l, "connect"}})
	}
	tls := []contender{
		{"nc --ssl", []string{ncBinary, "-ld", "--ssl", "127.0.0.1"}, []string{ncBinary, "--ssl-insecure", "127.0.0.1"}},
		{"ncat --ssl", []string{"ncat", "-l", "--ssl", "--recv-only", "127.0.0.1"}, []string{"ncat", "--ssl", "--send-only", "127.0.0.1"}},
	}
	bulkRow(t, "file -> /dev/null", all, "exec %s <"+file, "exec %s >/dev/null", size, "nc.openbsd")
	bulkRow(t, "pipe -> pipe", all, fmt.Sprintf("head -c %dM /dev/zero | %%s", size), "%s | cat >/dev/null", size, "nc.openbsd")
	bulkRow(t, "TLS file -> /dev/null", tls, "exec %s <"+file, "exec %s >/dev/null", size, "ncat --ssl")
}

// bulkRow moves size MB with each contender in turns. CPU is the programs'
// own: of the whole shell line, less that of the same line with cat.
func bulkRow(t *testing.T, row string, all []contender, send, recv string, size int, base string) {
	rate, use := map[string][]float64{}, map[string][]float64{}
	for range rounds() {
		for _, c := range all {
			if _, err := exec.LookPath(c.listen[0]); err != nil {
				continue
			}
			port := freePort(t)
			line := func(format string, args []string) *exec.Cmd {
				s := strings.Join(args, " ")
				if strings.Contains(s, "PORT") {
					s = strings.ReplaceAll(s, "PORT", port)
				} else {
					s += " " + port
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				t.Cleanup(cancel)
				return exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(format, s))
			}
			server, client := line(recv, c.listen), line(send, c.dial)
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			listening(t, tcpTables, port)
			begin := time.Now()
			if out, err := client.CombinedOutput(); err != nil {
				t.Logf("%s, %s: %v %s", row, c.name, err, out)
			}
			server.Wait()
			took := time.Since(begin)
			rate[c.name] = append(rate[c.name], float64(size)/1024/took.Seconds())
			cpu := func(c *exec.Cmd) float64 {
				return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
			}
			use[c.name] = append(use[c.name], (cpu(server)+cpu(client))/float64(size)*1024)
		}
	}
	for _, c := range all {
		if v := rate[c.name]; len(v) > 0 {
			var ratio []float64
			for i := range v {
				ratio = append(ratio, v[i]/rate[base][i])
			}
			t.Logf("%-22s %-15s %6.2f GiB/s  ratio to %s %5.2f  CPU %5.2f s/GiB", row, c.name, median(v), base, median(ratio), median(use[c.name]))
		}
	}
}

func benchStart(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, readLine(c))
			c.Close()
		}
	}()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	took := map[string][]float64{}
	programs := [][]string{{ncBinary}, {"nc.openbsd", "-N"}, {"ncat"}}
	for i := range 20 * rounds() {
		for _, p := range programs {
			if p[0] == "ncat" && i%10 != 0 {
				continue
			}
			cmd := exec.Command(p[0], append(p[1:], "127.0.0.1", port)...)
			cmd.Stdin = bytes.NewReader([]byte("hello\n"))
			begin := time.Now()
			if err := cmd.Run(); err != nil {
				t.Errorf("%v: %v", p, err)
			}
			took[p[0]] = append(took[p[0]], float64(time.Since(begin).Microseconds())/1000)
		}
	}
	base := median(took["nc.openbsd"])
	for _, p := range programs {
		t.Logf("start, line, reply, exit  %-12s %6.2f ms  ratio to nc.openbsd %.2f", filepath.Base(p[0]), median(took[p[0]]), median(took[p[0]])/base)
	}
}

func benchScan(t *testing.T) {
	var open []string
	lo := 0
	for base := 20000; lo == 0 && base < 32000; base += 1000 { // a thousand ports in a row that nobody has
		var held []net.Listener
		for p := base; p < base+1000; p++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p))
			if err != nil {
				break
			}
			held = append(held, l)
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Close()
				}
			}()
		}
		if len(held) == 1000 {
			lo = base
		}
		for _, l := range held {
			defer l.Close()
		}
	}
	if lo == 0 {
		t.Skip("no thousand free ports in a row")
	}
	open = []string{fmt.Sprintf("%d-%d", lo, lo+999)}
	for _, row := range []struct{ name, ports string }{{"1,000 open ports", open[0]}, {"1,000 closed ports", "2-1001"}} {
		took := map[string][]float64{}
		for range rounds() {
			for _, p := range []string{ncBinary, "nc.openbsd"} {
				begin := time.Now()
				exec.Command(p, "-zn", "127.0.0.1", row.ports).Run()
				took[p] = append(took[p], float64(time.Since(begin).Microseconds())/1000)
			}
		}
		t.Logf("%-20s nc %.1f ms, nc.openbsd %.1f ms, ratio %.2f", row.name, median(took[ncBinary]), median(took["nc.openbsd"]), median(took[ncBinary])/median(took["nc.openbsd"]))
	}
}

func benchPrograms(t *testing.T) {
	all := []contender{
		{"nc -lk -e", []string{ncBinary, "-lk", "-e", "/bin/echo hi", "127.0.0.1", "PORT"}, nil},
		{"ncat -lk -e", []string{"ncat", "-lk", "-e", "/bin/echo hi", "127.0.0.1", "PORT"}, nil},
		{"socat fork", []string{"socat", "TCP-LISTEN:PORT,fork,reuseaddr,backlog=128", "EXEC:/bin/echo hi"}, nil},
	}
	rate := map[string][]float64{}
	for range rounds() {
		for _, c := range all {
			port := freePort(t)
			args := slices.Clone(c.listen)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "PORT", port)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			listening(t, tcpTables, port)
			const conns = 600
			work := make(chan struct{}, conns)
			for range conns {
				work <- struct{}{}
			}
			close(work)
			var wg sync.WaitGroup
			begin := time.Now()
			for range 8 {
				wg.Go(func() {
					for range work {
						c, err := net.Dial("tcp", "127.0.0.1:"+port)
						if err != nil {
							t.Error(err)
							return
						}
						if p, _ := io.ReadAll(c); string(p) != "hi\n" {
							t.Errorf("%s: got %q", args[0], p)
						}
						c.Close()
					}
				})
			}
			wg.Wait()
			rate[c.name] = append(rate[c.name], conns/time.Since(begin).Seconds())
			cancel()
			cmd.Wait()
		}
	}
	for _, c := range all {
		t.Logf("a program per connection, 8 at once  %-12s %6.0f /s, ratio of nc to it %.2f", c.name, median(rate[c.name]), median(rate["nc -lk -e"])/median(rate[c.name]))
	}
}
