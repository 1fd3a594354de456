package program_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// python is the interpreter that sandboxes see: others may be on the host's path.
const python = "/usr/bin/python3"

// limited is the default policy with smaller limits, so that they are met soon.
func limited() sandbox.Policy {
	return sandbox.Policy{Memory: 64 << 20, CPU: slowly(2 * time.Second), Idle: slowly(8 * time.Second), Output: 4 << 20}
}

// slownessVariable says how many times slower than usual this machine is: an emulated one starts no attack before limits
// of seconds are over.
const slownessVariable = "FLAGSTAFF_TEST_SLOWNESS"

// slowly returns how long something takes here that usually takes d.
func slowly(d time.Duration) time.Duration {
	if times, err := strconv.Atoi(os.Getenv(slownessVariable)); err == nil && times > 1 {
		return d * time.Duration(times)
	}
	return d
}

// battlefield is the challenges of the suite.
type battlefield struct {
	at     map[string]*served // in C
	bits32 map[string]*served // the same for 32 bits; nil: there are none, or no compiler for them
	python map[string]*served // nil: there is none
	honest *served            // another challenge
	alone  bool               // sessions may have one process only
	args   map[string]string  // of attacks
}

func prepareBattle(t *testing.T) *battlefield {
	secrets := publicDir(t)
	t.Cleanup(func() { os.RemoveAll(secrets) })
	secret := filepath.Join(secrets, "flag.txt")
	if err := os.WriteFile(secret, []byte("flag{of the other challenge}"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &battlefield{at: map[string]*served{}, bits32: map[string]*served{}, python: map[string]*served{}}
	b.honest = serve(t, program.Config{
		Command: []string{"cat"}, Policy: sandbox.Policy{Files: []string{secret}},
		Flag: program.FlagFile, FixedFlag: "flag{of the other challenge}",
	})
	_, port, _ := net.SplitHostPort(b.honest.addr)
	b.args = map[string]string{"tcp": port, "udp": port, "mptcp": port, "otherflags": secret}
	for name, addr := range map[string]string{"unixpath": filepath.Join(secrets, "socket"), "unixabstract": fmt.Sprintf("@flagstaff-%d", os.Getpid())} {
		l, err := net.Listen("unix", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		b.args[name] = strings.TrimPrefix(addr, "@")
	}
	if err := os.Chmod(b.args["unixpath"], 0o777); err != nil {
		t.Fatal(err)
	}

	brief, own := limited(), limited()
	brief.Time = slowly(2 * time.Second)
	own.Tmp, own.Proc = 1<<20, os.Geteuid() == 0
	hostile, old, snake := compiled(t, "hostile"), compiled32(t, "hostile"), script(t, "hostile.py")
	for name, p := range map[string]sandbox.Policy{"": limited(), "brief": brief, "own": own} {
		c := program.Config{Command: []string{hostile}, Policy: p}
		if name == "own" {
			c.Flag = program.FlagFile
		}
		b.at[name] = serve(t, c)
		if old != "" {
			c.Command = []string{old}
			b.bits32[name] = serve(t, c)
		}
		if _, err := os.Stat(python); err == nil && name != "brief" {
			c.Command, c.Policy.Files = []string{python, "-I", "-S", snake}, []string{snake}
			b.python[name] = serve(t, c)
		}
	}
	b.alone = strings.Contains(b.at[""].handler.Enforced()[sandbox.FeatureMemory], "RLIMIT_AS")
	return b
}

// outcome is what an attack came to.
type outcome struct {
	out    string
	reason chal.Reason
	err    error
}

// fight plays one attack to its end.
func (b *battlefield) fight(s *served, a attack) outcome {
	p, err := s.connect(context.Background())
	if err != nil {
		return outcome{err: err}
	}
	defer p.Close()
	p.SendLine(strings.TrimSpace(a.name + " " + b.args[a.name]))
	var first string
	switch {
	case a.leave:
		first, err = p.RecvLine()
		p.Close()
		return outcome{first, s.end(p), err}
	case a.push:
		// More than the buffers of both ends hold; it fails when the session is ended.
		if err := p.SendBytes(make([]byte, 64<<20)); err == nil {
			return outcome{err: fmt.Errorf("64 MiB were taken by a program that does not read")}
		}
		return outcome{reason: s.end(p)}
	}
	out, err := io.ReadAll(io.LimitReader(p, 64<<10))
	if err == nil {
		_, err = io.Copy(io.Discard, p) // of a flood, until the server has stopped it
	}
	p.Close()
	return outcome{first + string(out), s.end(p), err}
}

// check compares an attack's outcome with what the suite says of it.
func (b *battlefield) check(t *testing.T, a attack, o outcome) {
	want := a
	if os.Geteuid() != 0 && a.user != nil {
		want = *a.user
	}
	if b.alone && a.alone != nil {
		want = *a.alone
	}
	ends, met := want.ends, want.met
	if o.err != nil {
		t.Errorf("the player met: %v", o.err)
	}
	answers := map[string]bool{}
	finished := false
	for line := range strings.Lines(o.out) {
		line = strings.TrimSuffix(line, "\n")
		if _, answer, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(line, "met ") {
			answers[answer] = true
		}
		finished = finished || line == "done"
		if strings.HasPrefix(line, "escaped") {
			t.Error(line)
		}
	}
	var got []string
	for answer := range answers {
		got = append(got, answer)
	}
	slices.Sort(got)
	if list := strings.Join(got, ", "); list != met {
		t.Errorf("met %q, want %q:\n%.3000s", list, met, o.out)
	}
	if !slices.Contains(ends, o.reason) {
		t.Errorf("ended for %q, want one of %q:\n%.1000s", o.reason, ends, o.out)
	}
	if o.reason == chal.ReasonDone && !finished {
		t.Errorf("it was ended in the middle:\n%.1000s", o.out)
	}
}

// neighbours play honestly, on the hostile challenges and on another, until ctx ends: sessions that last and
// sessions that come and go. They return what they noticed.
func (b *battlefield) neighbours(ctx context.Context) (wait func() []string) {
	var playing sync.WaitGroup
	var mu sync.Mutex
	var noticed []string
	play := func(name string, s *served, first string) {
		for _, most := range []int{0, 20} {
			playing.Go(func() {
				sessions := 0
				var slowest time.Duration
				for ctx.Err() == nil {
					took, err := s.talk(ctx, first, most)
					slowest = max(slowest, took)
					sessions++
					if err != nil {
						mu.Lock()
						noticed = append(noticed, fmt.Sprintf("on the %s challenge, session %d: %v", name, sessions, err))
						mu.Unlock()
						return
					}
				}
				s.t.Logf("a neighbour on the %s challenge: %d sessions, the slowest answer took %v", name, sessions, slowest)
			})
		}
	}
	play("same", b.at[""], "victim")
	play("same", b.at["own"], "victim")
	play("other", b.honest, "")
	return func() []string {
		playing.Wait()
		return noticed
	}
}

// TestHostile runs every attack, several at once, while players on the same challenge and on another play on.
func TestHostile(t *testing.T) {
	b := prepareBattle(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	noticed := b.neighbours(ctx)

	// The attacks are started here and not by parallel tests, so that there are many at once whatever the machine.
	const atOnce = 8
	results := map[string]outcome{}
	var mu sync.Mutex
	var fighting sync.WaitGroup
	places := make(chan struct{}, atOnce)
	begin := func(name string, s *served, a attack) {
		places <- struct{}{}
		fighting.Go(func() {
			o := b.fight(s, a)
			mu.Lock()
			defer mu.Unlock()
			results[name] = o
			<-places
		})
	}
	for _, a := range suite {
		begin("c/"+a.name, b.at[a.on], a)
		if a.private {
			begin("own mounts/"+a.name, b.at["own"], a)
		}
		if s := b.bits32[a.on]; s != nil && !a.once {
			begin("32 bits/"+a.name, s, a)
		}
		if s := b.python[a.on]; a.python && s != nil {
			begin("python/"+a.name, s, a)
		}
	}
	fighting.Wait()
	stop()
	for _, what := range noticed() {
		t.Errorf("a neighbour noticed: %s", what)
	}
	if left := survivors(t, filepath.Dir(compiled(t, "hostile"))); len(left) > 0 {
		t.Errorf("still alive: %q", left)
	}
	for _, language := range []string{"c", "32 bits", "own mounts", "python"} {
		t.Run(language, func(t *testing.T) {
			if language == "32 bits" && runtime.GOARCH != "amd64" {
				t.Skip("programs of 32 bits run on amd64 alone")
			}
			if language == "32 bits" && len(b.bits32) == 0 {
				testkit.Missing(t, "gcc does not compile for 32 bits (gcc-N-multilib is not installed)")
			}
			if language == "python" && len(b.python) == 0 {
				testkit.Missing(t, python+" is not installed")
			}
			for _, a := range suite {
				if language == "c" || language == "32 bits" && !a.once || language == "python" && a.python || language == "own mounts" && a.private {
					t.Run(a.name, func(t *testing.T) {
						if a.name == "ownproc" && os.Geteuid() != 0 {
							t.Skip("an ordinary user's sessions have no /proc of their own")
						}
						b.check(t, a, results[language+"/"+a.name])
					})
				}
			}
		})
	}
}

// survivors lists processes that run a program below dir, or a script.
func survivors(t testing.TB, dir string) (left []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes are seen: %v", err)
	}
	for _, name := range all {
		line, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(line), dir+"/hostile") {
			left = append(left, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
