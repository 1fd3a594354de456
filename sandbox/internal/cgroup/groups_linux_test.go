package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// groupsOf makes a sandbox's groups of all controllers.
func groupsOf(t *testing.T, l Limits) *Groups {
	t.Helper()
	found, why := Find(Controllers)
	if len(found) == 0 {
		t.Skipf("no control groups here: %v", why)
	}
	g, err := New(found, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// TestNames: servers of several pid namespaces may have the same process number.
func TestNames(t *testing.T) {
	found, why := Find(Controllers)
	if len(found) == 0 {
		t.Skipf("no control groups here: %v", why)
	}
	taken := filepath.Join(found[len(found)-1].Dir, prefix+processName()+"-"+strconv.FormatUint(last.Load()+1, 10))
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(taken)
	for _, p := range groupsOf(t, Limits{-1, -1, -1}).Places() {
		if p.Dir == taken {
			t.Errorf("%s is another's", taken)
		}
	}
}

// TestLimits reads what a slot's groups were told, and looks whether all is gone after the end.
func TestLimits(t *testing.T) {
	g := groupsOf(t, Limits{Memory: 32 << 20, Processes: 7, Cores: 0.5})
	s, err := g.Slot(3)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]map[string]map[string]string{
		1: {
			"memory": {"memory.limit_in_bytes": "33554432"},
			"pids":   {"pids.max": "7"},
			"cpu":    {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"},
		},
		2: {"memory": {"memory.max": "33554432"}, "pids": {"pids.max": "7"}, "cpu": {"cpu.max": "50000 100000"}},
	}
	for _, p := range g.Places() {
		for _, c := range p.Controllers {
			for file, want := range want[p.Version][c] {
				text, err := os.ReadFile(filepath.Join(p.Dir, "slot3", file))
				if got := strings.TrimSpace(string(text)); err != nil || got != want {
					t.Errorf("%s: got %q, %v, want %q", file, got, err, want)
				}
			}
		}
	}
	if got, want := len(s.Entrances()), len(g.Places()); got != want {
		t.Errorf("got %d files to enter by, want %d", got, want)
	}
	if s.Starved() {
		t.Error("an empty group has starved somebody")
	}
	s.Begin()
	s.End()
	s.Remove()
	g.Close()
	for _, p := range g.Places() {
		if _, err := os.Stat(p.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", p.Dir)
		}
	}
}

// TestLimitFiles: the files' names are the kernel's, in both versions; most machines have one of them alone.
func TestLimitFiles(t *testing.T) {
	l := Limits{Memory: 1 << 20, Processes: 7, Cores: 0.5}
	for version, want := range map[int]string{
		1: "memory.limit_in_bytes=1048576 memory.memsw.limit_in_bytes=1048576 pids.max=7 cpu.cfs_quota_us=50000",
		2: "memory.max=1048576 memory.swap.max=0 pids.max=7 cpu.max=50000 100000",
	} {
		var files []string
		for _, c := range Controllers {
			for _, f := range limitFiles(c, version, l) {
				files = append(files, f.file+"="+f.value)
			}
			if none := limitFiles(c, version, Limits{-1, -1, -1}); len(none) > 0 {
				t.Errorf("version %d, no limit: %v", version, none)
			}
		}
		if got := strings.Join(files, " "); got != want {
			t.Errorf("version %d: got %s, want %s", version, got, want)
		}
	}
}

// TestKept: files stay open for slots that are used again, but not for all there are, and for none that is gone.
func TestKept(t *testing.T) {
	g := groupsOf(t, Limits{Memory: 32 << 20, Processes: -1, Cores: -1})
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	before := open()
	var slots []*Group
	for n := range maxKept {
		s, err := g.Slot(n)
		if err != nil {
			t.Fatal(err)
		}
		s.Entered()
		slots = append(slots, s)
		for range 2 { // also by the descriptor that was kept
			if s.Starved() || s.Held() >= 32<<20 {
				t.Errorf("slot %d: an empty group holds %d bytes", n, s.Held())
			}
		}
	}
	if got := open() - before; got == 0 || got > maxKept {
		t.Errorf("%d files are kept open, want some, and %d at most", got, maxKept)
	}
	for _, s := range slots {
		s.Remove()
	}
	if got := open(); got > before {
		t.Errorf("%d files are open, %d were before", got, before)
	}
}

// TestNone: a slot may have no groups.
func TestNone(t *testing.T) {
	var g *Group
	g.Begin()
	g.End()
	if g.Starved() || g.Held() != 0 {
		t.Error("no group holds memory")
	}
}

// TestForsaken: the groups of servers that have ended are taken away, and no others.
func TestForsaken(t *testing.T) {
	dir := t.TempDir()
	const gone = "4194305" // more than a process can have
	own := strconv.FormatUint(pidNamespace(), 10)
	for name, want := range map[string]bool{
		"flagstaff-" + own + "-" + gone + "-1":                      true,
		"flagstaff-try-" + own + "-" + gone + "-1":                  true,
		"flagstaff-" + own + "-" + gone + "-server":                 true,
		"flagstaff-" + own + "-" + strconv.Itoa(os.Getpid()) + "-1": false,
		"flagstaff-1-" + gone + "-1":                                false, // of another namespace, and new
		"flagstaff-1-" + gone + "-2 old":                            true,
		"flagstaff-1-" + gone + "-3 old, but has a process":         false,
		"flagstaff-" + gone + "-1":                                  false,
		"flagstaff-something":                                       false,
	} {
		group, note, _ := strings.Cut(name, " ")
		group = filepath.Join(dir, group)
		if err := os.MkdirAll(filepath.Join(group, "slot0"), 0o755); err != nil {
			t.Fatal(err)
		}
		members := ""
		if strings.Contains(note, "process") {
			members = "0\n" // as one of another namespace is shown
		}
		if err := os.WriteFile(filepath.Join(group, "slot0", "cgroup.procs"), []byte(members), 0o644); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
		if strings.Contains(note, "old") {
			before := time.Now().Add(-time.Hour)
			os.Chtimes(group, before, before)
		}
		if got := forsaken(group); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
