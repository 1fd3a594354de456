package tube_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// lineText is a line of 64 bytes with its end.
const lineText = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"

// block is a connection on which the same bytes come again and again, from
// memory, so that only the cost of taking them apart is measured.
type block struct {
	pieces
	text []byte
	left int
}

func (c *block) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && n < c.left {
		n += copy(p[n:min(len(p), c.left)], c.text[(len(c.text)-c.left%len(c.text))%len(c.text):])
	}
	c.left -= n
	return n, nil
}

func linesOf(total int) *block {
	return &block{text: bytes.Repeat([]byte(lineText), 1<<10), left: total}
}

// race runs the contestants in turn, b.N times each, and reports the time of
// each for a unit and the median of its ratios to the first.
func race(b *testing.B, unit string, units int, contestants []string, run func(name string)) {
	took := map[string][]float64{}
	for range b.N {
		for _, name := range contestants {
			start := time.Now()
			run(name)
			took[name] = append(took[name], float64(time.Since(start))/float64(units))
		}
	}
	for i, name := range contestants {
		b.ReportMetric(median(took[name]), name+"-ns/"+unit)
		if i > 0 {
			ratios := make([]float64, b.N)
			for k := range ratios {
				ratios[k] = took[name][k] / took[contestants[0]][k]
			}
			b.ReportMetric(median(ratios), name+"/"+contestants[0])
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing where several run in turn
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// BenchmarkLines reads lines of 64 bytes beside package bufio; the first of
// each table is what the others are compared with.
func BenchmarkLines(b *testing.B) {
	const lines = 1 << 16
	count := func(b *testing.B, n int) {
		if n != lines {
			b.Fatalf("%d lines, want %d", n, lines)
		}
	}
	conn := func() net.Conn { return linesOf(lines * len(lineText)) }
	b.Run("string", func(b *testing.B) {
		race(b, "line", lines, []string{"ReadString", "RecvLine", "Lines"}, func(name string) {
			n := 0
			switch name {
			case "ReadString":
				r := bufio.NewReader(conn())
				for _, err := r.ReadString('\n'); err == nil; _, err = r.ReadString('\n') {
					n++
				}
			case "RecvLine":
				t := tube.New(conn())
				for _, err := t.RecvLine(); err == nil; _, err = t.RecvLine() {
					n++
				}
			case "Lines":
				for range tube.New(conn()).Lines() {
					n++
				}
			}
			count(b, n)
		})
	})
	b.Run("scanner", func(b *testing.B) {
		race(b, "line", lines, []string{"Scanner.Text", "RecvLine", "Lines"}, func(name string) {
			n := 0
			switch name {
			case "Scanner.Text":
				s := bufio.NewScanner(conn())
				for s.Scan() {
					sink = s.Text()
					n++
				}
			case "RecvLine":
				t := tube.New(conn())
				for line, err := t.RecvLine(); err == nil; line, err = t.RecvLine() {
					sink = line
					n++
				}
			case "Lines":
				for line := range tube.New(conn()).Lines() {
					sink = line
					n++
				}
			}
			count(b, n)
		})
	})
	b.Run("loopback", func(b *testing.B) {
		race(b, "line", lines, []string{"ReadString", "RecvLine", "Lines"}, func(name string) {
			client, server := connect(b, "tcp")
			defer client.Abort()
			defer server.Abort()
			go func() {
				server.Send(strings.Repeat(lineText, lines))
				server.CloseWrite()
			}()
			n := 0
			switch name {
			case "ReadString":
				r := bufio.NewReader(client.Conn())
				for _, err := r.ReadString('\n'); err == nil; _, err = r.ReadString('\n') {
					n++
				}
			case "RecvLine":
				for _, err := client.RecvLine(); err == nil; _, err = client.RecvLine() {
					n++
				}
			case "Lines":
				for range client.Lines() {
					n++
				}
			}
			count(b, n)
		})
	})
}

var sink string

// BenchmarkRecvUntil64MiB waits for a delimiter after 64 MiB of something else.
func BenchmarkRecvUntil64MiB(b *testing.B) {
	const size = 64 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	for range b.N {
		t := tube.New(linesOf(size))
		t.RecvUntil("END")
	}
}

// BenchmarkRecvAny takes lines apart at the one of three delimiters.
func BenchmarkRecvAny(b *testing.B) {
	t := tube.New(linesOf(b.N * len(lineText)))
	b.SetBytes(int64(len(lineText)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := t.RecvAny("\n", "> ", "$ "); err != nil {
			t = tube.New(linesOf(1 << 30))
		}
	}
}

// BenchmarkRounds asks and answers on the loopback.
func BenchmarkRounds(b *testing.B) {
	client, server := connect(b, "tcp")
	go func() {
		for {
			if _, err := server.RecvLine(); err != nil {
				return
			}
			if server.Send("answer> ") != nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if err := client.SendLine("question"); err != nil {
			b.Fatal(err)
		}
		if _, err := client.RecvUntil("> "); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoundsTimed is the same with a timeout and a context, as a server
// has them.
func BenchmarkRoundsTimed(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	client, server := connect(b, "tcp", tube.WithTimeout(time.Minute), tube.WithContext(ctx))
	go func() {
		for {
			if _, err := server.RecvLine(); err != nil {
				return
			}
			if server.Send("answer> ") != nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if err := client.SendLine("question"); err != nil {
			b.Fatal(err)
		}
		if _, err := client.RecvUntil("> "); err != nil {
			b.Fatal(err)
		}
	}
}

// pwn is what pwntools does of the same; it prints nanoseconds.
const pwn = `
import sys, time
from pwn import context, remote
context.log_level = "error"
r = remote("127.0.0.1", int(sys.argv[1]))
n = int(sys.argv[3])
start = time.perf_counter_ns()
if sys.argv[2] == "lines":
    for _ in range(n): r.recvline()
else:
    for _ in range(n):
        r.sendline(b"question")
        r.recvuntil(b"> ")
print((time.perf_counter_ns() - start) // n)
`

// BenchmarkPwntools compares with pwntools: its time for a line, and for a
// round of question and answer, as a multiple of ours.
func BenchmarkPwntools(b *testing.B) {
	python := pythonWithPwntools(b)
	l := listenOn(b, "tcp")
	flood := strings.Repeat(lineText, 1<<14)
	go func() {
		for t := range l.Tubes() {
			go func() {
				defer t.Abort()
				if what, _ := t.Peek(1); what == "q" {
					for t.Skip("\n"); t.Send("answer> ") == nil; t.Skip("\n") {
					}
					return
				}
				for t.Send(flood) == nil {
				}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct {
		what        string
		ours, pwns  int
		first       string
		once        func(t *tube.Tube) error
		description string
	}{
		{"lines", 1 << 18, 10_000, "lines please", func(t *tube.Tube) error { _, err := t.RecvLine(); return err }, "line"},
		{"rounds", 20_000, 5_000, "", func(t *tube.Tube) error {
			if err := t.SendLine("question"); err != nil {
				return err
			}
			_, err := t.RecvUntil("> ")
			return err
		}, "round"},
	} {
		b.Run(c.what, func(b *testing.B) {
			var ratios []float64
			for range b.N {
				t, err := tube.Dial(b.Context(), "tcp", l.Addr().String())
				must(b, err)
				must(b, t.Send(c.first))
				start := time.Now()
				for range c.ours {
					if err := c.once(t); err != nil { // must would cost more than a line
						b.Fatal(err)
					}
				}
				ours := float64(time.Since(start)) / float64(c.ours)
				t.Abort()
				script := strings.Replace(pwn, "n = int", "r.send(b"+strconv.Quote(c.first)+") if sys.argv[2] == 'lines' else None\nn = int", 1)
				cmd := exec.Command(python, "-c", script, port, c.what, strconv.Itoa(c.pwns))
				cmd.Env = append(os.Environ(), "PWNLIB_NOTERM=1")
				out, err := cmd.Output()
				must(b, err)
				theirs, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
				must(b, err)
				ratios = append(ratios, theirs/ours)
				b.ReportMetric(ours, "tube-ns/"+c.description)
				b.ReportMetric(theirs, "pwntools-ns/"+c.description)
			}
			b.ReportMetric(median(ratios), "pwntools/tube")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// pythonWithPwntools returns a Python that can import pwntools.
func pythonWithPwntools(b *testing.B) string {
	testkit.Program(b, "python3")
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import pwn").Run() == nil {
			return python
		}
	}
	testkit.Missing(b, "the Python library pwntools is not installed")
	return ""
}
