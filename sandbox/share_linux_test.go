package sandbox

import (
	"os"
	"runtime"
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
		awaitWeight(t, p.Process, normal/shareOf)
	}
	if got := weight(t, quiet); got != normal {
		t.Errorf("who waits weighs %d, want %d", got, normal)
	}

	busy[0].say() // rests
	awaitWeight(t, busy[0].Process, normal)

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
	awaitWeight(t, busy[len(busy)-1].Process, normal)
	busy[len(busy)-1].Kill(ReasonIdle)
	busy[len(busy)-1].Wait()
}

// weight reads what a session's group weighs.
func weight(t *testing.T, p *Process) int {
	t.Helper()
	file, _ := p.slot.group.share.weight()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func awaitWeight(t *testing.T, p *Process, want int) {
	t.Helper()
	deadline := time.After(time.Minute)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for weight(t, p) != want {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("the session weighs %d, want %d", weight(t, p), want)
		}
	}
}
