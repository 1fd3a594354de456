// Bench measures flagstaff beside its peers and the limit, and writes what it
// found to bench/RESULTS.md, and a drawing beside it. Run it with `make bench`, one row with
// `make bench ROW=accept`.
//
// A row is a Go benchmark that runs the things it compares in turn (A, B, A,
// B, …) within one run and reports ratios, since absolute figures of a shared
// machine drift. Bench runs each row several times and gives the median, the
// smallest and the largest value of every metric. A row that cannot run says
// why.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// row is one comparison.
type row struct {
	name      string // as ROW= names it
	pkg       string
	benchmark string // regular expression of go test -bench
	says      string // what is compared, in a sentence
}

var rows = []row{
	{"accept", "./chal", "^BenchmarkAccept$", "The server with all limits on beside a bare Go accept loop: accept, write 32 bytes, close."},
	{"dialogue", "./chal", "^BenchmarkDialogue$", "The same, a dialogue of 10 rounds."},
	{"idle", "./chal", "^BenchmarkIdle$", "Memory of an idle session, kernel included."},
	{"lines", "./tube", "^BenchmarkLines", "Reading 64-byte lines beside package bufio."},
	{"spawn", "./bench", "^BenchmarkSpawn$", "A program for each connection, eight at once: `flagstaff run`, fully sandboxed, and the peers, as ratios to a Go server with os/exec that confines nothing."},
	{"first-byte", "./chal/program", "^BenchmarkFirstByte$", "From connecting to the first byte of a sandboxed program, beside a Go server with os/exec that confines nothing."},
	{"program", "./chal/program", "^BenchmarkIdleProgram$", "Memory of an idle session with a program of its own, and what it is made of, beside os/exec. Nothing else should run: the whole system's memory is counted."},
	{"relay", "./chal/program", "^BenchmarkRelay$", "Bytes between program and player, where the program has the connection itself, and through a relay, beside io.Copy."},
	{"pow", "./pow", "^BenchmarkBesideGMPY2$", "Solving and verifying a proof of work beside Python with gmpy2."},
	{"nc", "./internal/nc", "^BenchmarkSideBySide$", "Netcat beside nc.openbsd, nc.traditional, ncat, socat and a splice(2) loop in C."},
	{"map", "./challenges/geography", "^Benchmark(Map|Draw)$", "Drawing a map of Geography."},
	{"waiting", "./bench", "^BenchmarkWaiting$", "Memory of a player who waits at the proof of work."},
	{"pwntools", "./tube", "^BenchmarkPwntools", "Reading lines and asking questions beside pwntools."},
}

func main() {
	only := flag.String("row", "", "regular expression of the rows to run (default: all)")
	count := flag.Int("count", 5, "how often each row runs")
	out := flag.String("o", "bench/RESULTS.md", "where the results go; - is standard output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *count, *out); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, count int, out string) error {
	want, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-row: %w", err)
	}
	var report bytes.Buffer
	fmt.Fprintf(&report, "# Results\n\nMade by `make bench`; do not edit. %s\n\n", machine())
	fmt.Fprintf(&report, "Every figure is the median of %d runs, with the smallest and the largest.\n", count)
	drawing := strings.TrimSuffix(out, filepath.Ext(out)) + ".svg"
	if out != "-" {
		fmt.Fprintf(&report, "\n![The ratios of rates, drawn](%s)\n", filepath.Base(drawing))
	}
	var drawn picture
	matched := false
	for _, r := range rows {
		if !want.MatchString(r.name) {
			continue
		}
		matched = true
		fmt.Fprintf(os.Stderr, "%s …\n", r.name)
		args := []string{"test", "-run", "^$", "-bench", r.benchmark, "-count", strconv.Itoa(count), "-timeout", "30m", r.pkg}
		text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(&report, "\n## %s\n%s\n\n`go %s`\n\n", r.name, r.says, strings.Join(args, " "))
		order, values := metrics(string(text))
		table(&report, string(text), err, order, values)
		drawn.add(r.name, r.says, order, values)
	}
	if !matched {
		return fmt.Errorf("no row is called %q; the rows are %s", only, strings.Join(names(), ", "))
	}
	if out == "-" {
		_, err = os.Stdout.Write(report.Bytes())
		return err
	}
	if err := os.WriteFile(drawing, []byte(drawn.svg()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(out, report.Bytes(), 0o644)
}

func names() []string {
	var n []string
	for _, r := range rows {
		n = append(n, r.name)
	}
	return n
}

// table writes the metrics of all runs, or why there are none.
func table(w *bytes.Buffer, text string, err error, order []string, values map[string][]float64) {
	if len(order) == 0 {
		why := "no figures"
		if m := skipped.FindStringSubmatch(text); m != nil {
			why = m[1]
		} else if err != nil {
			why = err.Error() + ": " + lastLine(text)
		}
		fmt.Fprintf(w, "Could not run: %s\n", why)
		return
	}
	w.WriteString("| metric | median | smallest | largest |\n|---|---|---|---|\n")
	for _, key := range order {
		v := values[key]
		fmt.Fprintf(w, "| %s | %.4g | %.4g | %.4g |\n", key, middle(v), slices.Min(v), slices.Max(v))
	}
}

var (
	result  = regexp.MustCompile(`^(Benchmark\S+)\s+\d+\s+(.*)$`)
	skipped = regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.*)$`)
)

// metrics reads what go test -bench prints: values by benchmark and unit, and
// the order they came in. The time of a whole iteration compares nothing and
// is left out where a benchmark reports figures of its own.
func metrics(text string) (order []string, values map[string][]float64) {
	values = map[string][]float64{}
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		m := result.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		f := strings.Fields(m[2])
		name := regexp.MustCompile(`-\d+$`).ReplaceAllString(strings.TrimPrefix(m[1], "Benchmark"), "")
		for i := 0; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil || f[i+1] == "ns/op" && len(f) > 2 {
				continue
			}
			key := name + " " + f[i+1]
			if values[key] == nil {
				order = append(order, key)
			}
			values[key] = append(values[key], v)
		}
	}
	return order, values
}

// middle is the median.
func middle(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// machine says where the figures come from.
func machine() string {
	s := fmt.Sprintf("%s, %s/%s, %d CPUs", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`).FindSubmatch(b); m != nil {
			s += " (" + string(m[1]) + ")"
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return s
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		s += ", Linux " + strings.TrimSpace(string(b))
	}
	return s + "."
}
