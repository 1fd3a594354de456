package sandbox

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExpectedCgroups fails where control groups of version 2 should have been found and were not: who starts the
// tests knows what this host has.
func TestExpectedCgroups(t *testing.T) {
	place := os.Getenv("FLAGSTAFF_EXPECT_CGROUP2") // the group in which a runner's should be made
	if place == "" {
		t.Skip("nothing is expected")
	}
	for range 2 { // the second time this process has moved
		h := Probe()
		if want := map[string]int{"memory": 2, "pids": 2, "cpu": 2}; !maps.Equal(h.Cgroups, want) {
			t.Errorf("got %v, want %v: %v", h.Cgroups, want, h.CgroupWhy)
		}
	}
	r := prepare(t, Policy{}, "cat")
	const want = "control groups, version 2"
	how := r.Enforced()
	for _, f := range []Feature{FeatureMemory, FeatureProcesses, FeatureCPU} {
		if how[f] != want {
			t.Errorf("%s: got %q, want %q", f, how[f], want)
		}
	}
	if r.plan.Processes != DefaultProcesses {
		t.Errorf("got %d processes, want %d", r.plan.Processes, DefaultProcesses)
	}
	if r.groups == nil {
		t.Fatal("there are no groups")
	}
	// What is said must be so.
	dir := filepath.Join(r.groups.Places()[0].Dir, "slot0")
	if got := filepath.Dir(r.groups.Places()[0].Dir); got != place {
		t.Errorf("the groups are in %s, want %s", got, place)
	}
	for file, want := range map[string]string{
		"memory.max": strconv.Itoa(DefaultMemory), "pids.max": strconv.Itoa(DefaultProcesses + slotProcesses), "cpu.max": "100000 100000",
	} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); strings.TrimSpace(string(b)) != want {
			t.Errorf("%s: got %q, %v, want %q", file, b, err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); len(strings.Fields(string(b))) != 1 {
		t.Errorf("in the slot's group: got %q, %v, want its process", b, err)
	}
	if _, exit := play(t, prepare(t, Policy{Memory: 16 << 20}, "/bin/sh", "-c", "tail /dev/zero"), Session{}, ""); exit.Reason != ReasonMemory {
		t.Errorf("got %+v, want %q", exit, ReasonMemory)
	}
}
