//go:build linux

package nc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
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

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// BenchmarkSideBySide measures nc beside the other netcats, in turns: every
// iteration is a round, and the metrics are medians of the rounds' ratios.
//
//	go test -run '^$' -bench SideBySide -benchtime 5x ./internal/nc
//
// FLAGSTAFF_BENCH_MB sets the size of a transfer (1024).
func BenchmarkSideBySide(b *testing.B) {
	size := 1024
	if n, err := strconv.Atoi(os.Getenv("FLAGSTAFF_BENCH_MB")); err == nil {
		size = n
	}
	file := zeros(b, size)
	limit := limitProgram(b)
	bulk := []contender{
		{"nc", []string{ncBinary, "-ld", "127.0.0.1"}, []string{ncBinary, "127.0.0.1"}},
		{"nc.openbsd", []string{"nc.openbsd", "-ld", "127.0.0.1"}, []string{"nc.openbsd", "-N", "127.0.0.1"}},
		{"nc.traditional", []string{"nc.traditional", "-ls", "127.0.0.1", "-p"}, []string{"nc.traditional", "-q0", "127.0.0.1"}},
		{"ncat", []string{"ncat", "-l", "--recv-only", "127.0.0.1"}, []string{"ncat", "--send-only", "127.0.0.1"}},
		{"socat -b 1M", []string{"socat", "-b", "1048576", "-u", "TCP-LISTEN:PORT,reuseaddr", "-"}, []string{"socat", "-b", "1048576", "-u", "-", "TCP:127.0.0.1:PORT"}},
		{"C splice", []string{limit, "listen"}, []string{limit, "connect"}},
	}
	tls := []contender{
		{"nc --ssl", []string{ncBinary, "-ld", "--ssl", "127.0.0.1"}, []string{ncBinary, "--ssl-insecure", "127.0.0.1"}},
		{"ncat --ssl", []string{"ncat", "-l", "--ssl", "--recv-only", "127.0.0.1"}, []string{"ncat", "--ssl", "--send-only", "127.0.0.1"}},
	}
	b.Run("file to null", func(b *testing.B) { benchBulk(b, bulk, "exec %s <"+file, "exec %s >/dev/null", size) })
	b.Run("pipe to pipe", func(b *testing.B) {
		if _, err := os.Stat(limit); err != nil {
			b.Skip("no C compiler for the ends of the pipes")
		}
		benchBulk(b, bulk, limit+" feed "+file+" | %s", "%s | "+limit+" drain", size)
	})
	b.Run("head to cat", func(b *testing.B) { // copy more than a good netcat does, and are measured with it
		benchBulk(b, bulk, fmt.Sprintf("head -c %dM /dev/zero | %%s", size), "%s | cat >/dev/null", size)
	})
	b.Run("file to file", func(b *testing.B) { benchBulk(b, bulk, "exec %s <"+file, "exec %s >"+file+".copy", size) })
	b.Run("file to disk", func(b *testing.B) { // or wherever temporary files are
		benchBulk(b, bulk, "exec %s <"+file, "exec %s >"+filepath.Join(b.TempDir(), "copy"), size)
	})
	b.Run("TLS file to null", func(b *testing.B) { benchBulk(b, tls, "exec %s <"+file, "exec %s >/dev/null", size) })
	b.Run("start", benchStart)
	b.Run("scan", benchScan)
	b.Run("programs", benchPrograms)
}

// zeros is a file of so many MiB, in memory where there is a file system for that.
func zeros(b *testing.B, size int) string {
	dir := b.TempDir()
	if _, err := os.Stat("/dev/shm"); err == nil {
		if dir, err = os.MkdirTemp("/dev/shm", "nc-bench"); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
	}
	file := filepath.Join(dir, "file")
	if err := exec.Command("sh", "-c", fmt.Sprintf("head -c %dM /dev/zero >%s", size, file)).Run(); err != nil {
		b.Fatal(err)
	}
	return file
}

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

// limitProgram builds the loop in C that no program beats; without a compiler
// its name is nothing that could be run.
func limitProgram(b *testing.B) string {
	out := filepath.Join(b.TempDir(), "splice")
	if p, err := exec.Command("cc", "-O2", "-o", out, "testdata/splice.c").CombinedOutput(); err != nil {
		b.Logf("no C splice loop to compare with: %v %s", err, p)
	}
	return out
}

// ratios are the medians of nc's figures over each other contender's, round by round.
func ratios(b *testing.B, of map[string][]float64, unit string) {
	nc := slices.Collect(maps.Keys(of))
	i := slices.IndexFunc(nc, func(n string) bool { return n == "nc" || strings.HasPrefix(n, "nc -") })
	for name, v := range of {
		if name == nc[i] {
			continue
		}
		var r []float64
		for k := range v {
			r = append(r, of[nc[i]][k]/v[k])
		}
		b.ReportMetric(median(r), unit+"/"+strings.ReplaceAll(name, " ", ""))
	}
}

// benchBulk moves size MiB with each contender in turns. CPU is that of the
// whole shell lines.
func benchBulk(b *testing.B, all []contender, send, recv string, size int) {
	all = slices.DeleteFunc(slices.Clone(all), func(c contender) bool { _, err := exec.LookPath(c.listen[0]); return err != nil })
	rate, use := map[string][]float64{}, map[string][]float64{}
	move := func(c contender) (took time.Duration, cpu float64) {
		port := freePort(b)
		line := func(format string, args []string) *exec.Cmd {
			s := strings.Join(args, " ")
			if strings.Contains(s, "PORT") {
				s = strings.ReplaceAll(s, "PORT", port)
			} else {
				s += " " + port
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			b.Cleanup(cancel)
			return exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(format, s))
		}
		server, client := line(recv, c.listen), line(send, c.dial)
		if err := server.Start(); err != nil {
			b.Fatal(err)
		}
		listening(b, tcpTables, port)
		begin := time.Now()
		if out, err := client.CombinedOutput(); err != nil {
			b.Errorf("%s: %v %s", c.name, err, out)
		}
		server.Wait()
		took = time.Since(begin)
		for _, p := range []*exec.Cmd{server, client} {
			cpu += (p.ProcessState.UserTime() + p.ProcessState.SystemTime()).Seconds()
		}
		return took, cpu
	}
	// One that does not count: a virtual machine has to be given the memory that a file is written to, and the first of all would wait for that.
	move(all[len(all)-1])
	for b.Loop() {
		for _, c := range all {
			took, cpu := move(c)
			rate[c.name] = append(rate[c.name], float64(size)/1024/took.Seconds())
			use[c.name] = append(use[c.name], cpu/float64(size)*1024)
		}
	}
	b.ReportMetric(0, "ns/op") // a round of all of them says nothing
	b.ReportMetric(median(rate[all[0].name]), "GiB/s")
	b.ReportMetric(median(use[all[0].name]), "CPU-s/GiB")
	ratios(b, rate, "rate")
	ratios(b, use, "CPU")
	if limit, peer := rate["C splice"], rate["nc.openbsd"]; len(limit) > 0 && len(peer) > 0 {
		var r []float64 // what nc could have at most
		for k := range limit {
			r = append(r, limit[k]/peer[k])
		}
		b.ReportMetric(median(r), "limit/nc.openbsd")
	}
}

// benchStart runs nc for one line, its echo, and the exit.
func benchStart(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
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
	for b.Loop() {
		for range 30 { // in turns: what else the machine does falls on all
			for _, p := range [][]string{{ncBinary}, {"nc.openbsd", "-N"}, {"ncat"}} {
				cmd := exec.Command(p[0], append(p[1:], "127.0.0.1", port)...)
				cmd.Stdin = bytes.NewReader([]byte("hello\n"))
				begin := time.Now()
				if err := cmd.Run(); err != nil {
					b.Errorf("%v: %v", p, err)
				}
				name := filepath.Base(p[0])
				took[name] = append(took[name], float64(time.Since(begin).Microseconds())/1000)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took["nc"]), "ms")
	ratios(b, took, "time")
}

func benchScan(b *testing.B) {
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
		b.Skip("no thousand free ports in a row")
	}
	for _, row := range []struct{ name, ports string }{{"open", fmt.Sprintf("%d-%d", lo, lo+999)}, {"closed", "2-1001"}} {
		b.Run(row.name, func(b *testing.B) {
			took := map[string][]float64{}
			for b.Loop() {
				for _, p := range []string{ncBinary, "nc.openbsd"} {
					begin := time.Now()
					exec.Command(p, "-zn", "127.0.0.1", row.ports).Run()
					took[filepath.Base(p)] = append(took[filepath.Base(p)], float64(time.Since(begin).Microseconds())/1000)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(took["nc"]), "ms")
			ratios(b, took, "time")
		})
	}
}

func benchPrograms(b *testing.B) {
	// A static program: what a dynamic linker takes is no server's doing.
	hi := filepath.Join(b.TempDir(), "hi")
	gcc := exec.Command(testkit.Program(b, "gcc"), "-O1", "-static", "-x", "c", "-o", hi, "-")
	gcc.Stdin = strings.NewReader("#include <unistd.h>\nint main() { return write(1, \"hi\\n\", 3) != 3; }\n")
	if out, err := gcc.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	all := []contender{
		{"nc -lk -e", []string{ncBinary, "-lk", "-e", hi, "127.0.0.1", "PORT"}, nil},
		{"ncat", []string{"ncat", "-lk", "-e", hi, "127.0.0.1", "PORT"}, nil},
		{"socat", []string{"socat", "TCP-LISTEN:PORT,fork,reuseaddr,backlog=128", "EXEC:" + hi}, nil},
	}
	rate := map[string][]float64{}
	for b.Loop() {
		for _, c := range all {
			port := freePort(b)
			args := slices.Clone(c.listen)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "PORT", port)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			listening(b, tcpTables, port)
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
							b.Error(err)
							return
						}
						if p, _ := io.ReadAll(c); string(p) != "hi\n" {
							b.Errorf("%s: got %q", args[0], p)
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
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rate["nc -lk -e"]), "conns/s")
	ratios(b, rate, "rate")
}
