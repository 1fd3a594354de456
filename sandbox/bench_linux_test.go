package sandbox

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// build compiles a program of testdata, statically.
func build(t testing.TB, name string) string {
	t.Helper()
	gcc := testkit.Program(t, "gcc")
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-") // not in /tmp, which sessions may have one of their own of
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, name)
	if msg, err := exec.Command(gcc, "-O1", "-static", "-pthread", "-o", out, "testdata/"+name+".c").CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, msg)
	}
	return out
}

// BenchmarkSession compares a whole session with os/exec, both eight at a time; cpu is that of the server
// and of all its children.
func BenchmarkSession(b *testing.B) {
	hello := build(b, "hello")
	sandboxed := func(p Policy) func(*testing.B) func() {
		return func(b *testing.B) func() {
			r, err := Prepare(p, hello)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { r.Close() })
			return func() {
				ours, theirs := pair(b)
				defer ours.Close()
				p, err := r.Start(b.Context(), theirs, Session{})
				if err != nil {
					b.Error(err)
					return
				}
				theirs.Close()
				if out, err := io.ReadAll(ours); string(out) != "hello\n" {
					b.Errorf("got %q, %v", out, err)
				}
				if _, err := p.Wait(); err != nil {
					b.Error(err)
				}
			}
		}
	}
	plain := func(b *testing.B) func() {
		return func() {
			ours, theirs := pair(b)
			defer ours.Close()
			cmd := exec.Command(hello)
			f, err := theirs.File()
			if err != nil {
				b.Error(err)
				return
			}
			cmd.Stdin, cmd.Stdout = f, f
			if err := cmd.Start(); err != nil {
				b.Error(err)
				return
			}
			theirs.Close()
			f.Close()
			if out, err := io.ReadAll(ours); string(out) != "hello\n" {
				b.Errorf("got %q, %v", out, err)
			}
			cmd.Wait()
		}
	}
	for _, c := range []struct {
		name string
		make func(*testing.B) func()
	}{{"exec", plain}, {"sandbox", sandboxed(Policy{})}, {"discard", sandboxed(Policy{Stderr: StderrDiscard})}, {"tmp", sandboxed(Policy{Tmp: 1 << 20})}} {
		b.Run(c.name, func(b *testing.B) {
			b.Cleanup(leave)
			cpu(b) // join the group before the launcher is started
			one := c.make(b)
			one()
			b.SetParallelism(4)
			before := cpu(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
			b.StopTimer()
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpu returns the processor time of this process and of all it has started: of a control group of its own.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	const group = "/sys/fs/cgroup/cpuacct/flagstaff-bench"
	if err := os.Mkdir(group, 0o755); err == nil {
		if err := os.WriteFile(group+"/cgroup.procs", []byte("0"), 0); err != nil {
			b.Fatal(err)
		}
	}
	text, err := os.ReadFile(group + "/cpuacct.usage")
	if err != nil {
		b.Skipf("no control group to count processor time: %v", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(n)
}

// leave ends the counting, so that its group can go.
func leave() {
	const all = "/sys/fs/cgroup/cpuacct"
	os.WriteFile(all+"/cgroup.procs", []byte("0"), 0)
	os.Remove(all + "/flagstaff-bench")
}
