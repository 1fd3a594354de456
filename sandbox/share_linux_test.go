package sandbox

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestGiveWay lets sessions compute beside one that waits, and looks at their weights: as long as they compute, when they rest, and
// what the next session in the same slot is given.
func TestGiveWay(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", `echo ready; read what; (while :; do :; done) & read x; kill $!; read x`)
	if !r.plan.hasCPU() {
		t.Skip("no control groups for processors here")
	}
	quiet, _ := begun(t, r)
	type player struct {
		*Process
		say func()
	}
	var busy []player
	for range runtime.NumCPU() + 1 {
		p, ours := begun(t, r)
		busy = append(busy, player{p, func() { ours.Write([]byte("\n")) }})
		busy[len(busy)-1].say()
	}
	normal := weight(t, quiet)
	for _, p := range busy {
		awaitWeight(t, p.Process, func(w int) bool { return w < normal })
	}
	if got := weight(t, quiet); got != normal {
		t.Errorf("who waits weighs %d, want %d", got, normal)
	}

	busy[0].say() // rests
	asOthers := func(w int) bool { return w == normal }
	awaitWeight(t, busy[0].Process, asOthers)

	last := busy[1].slot
	busy[1].Kill(ReasonIdle)
	if _, err := busy[1].Wait(); err != nil {
		t.Fatal(err)
	}
	next, _ := begun(t, r)
	if last.group != nil && r.plan.shared() && next.slot != last {
		t.Fatal("the slot was not used again")
	}
	if got := weight(t, next); got != normal {
		t.Errorf("the next session weighs %d, want %d", got, normal)
	}

	// With no more sessions than processors nobody has to wait.
	for _, p := range append(busy[2:len(busy)-1:len(busy)-1], player{Process: next}, player{Process: quiet}, busy[0]) {
		p.Kill(ReasonIdle)
		p.Wait()
	}
	awaitWeight(t, busy[len(busy)-1].Process, asOthers)
	busy[len(busy)-1].Kill(ReasonIdle)
	busy[len(busy)-1].Wait()
}

// weight reads what a session's group weighs.
func weight(t *testing.T, p *Process) int {
	t.Helper()
	for _, h := range p.slot.runner.groups.Places() {
		if !slices.Contains(h.Controllers, "cpu") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(h.Dir, "slot"+strconv.Itoa(p.slot.number), map[int]string{1: "cpu.shares", 2: "cpu.weight"}[h.Version]))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Fatal("no group has a weight")
	return 0
}

// awaitWeight waits until what a session's group weighs is as it should be.
func awaitWeight(t *testing.T, p *Process, right func(int) bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !right(weight(t, p)) {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("the session weighs %d", weight(t, p))
		}
	}
}
