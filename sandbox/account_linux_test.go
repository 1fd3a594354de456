package sandbox

import (
	"bufio"
	"os"
	"testing"
	"time"
)

// TestCPU counts the processor time of all a session's processes, however it ends.
func TestCPU(t *testing.T) {
	const compute = `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo ready; sleep 1000`
	for _, c := range []struct {
		name, program string
		end           func(p *Process, input func())
	}{
		{"killed", "(" + compute + ") & read x", func(p *Process, _ func()) { p.Kill(ReasonIdle) }},
		{"left over", "(" + compute + ") & read x", func(_ *Process, input func()) { input() }},
		{"killed alone", compute, func(p *Process, _ func()) { p.Kill(ReasonIdle) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := prepare(t, Policy{}, "/bin/sh", "-c", c.program)
			ours, theirs := pair(t)
			defer ours.Close()
			p, err := r.Start(t.Context(), theirs, Session{})
			if err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			if line, err := bufio.NewReader(ours).ReadString('\n'); line != "ready\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			c.end(p, func() { ours.CloseWrite() })
			// A hundred thousand additions take a shell some 50 ms.
			if e, err := p.Wait(); err != nil || e.CPU < 5*time.Millisecond {
				t.Errorf("got %+v, %v, want the time of the loop", e, err)
			}
		})
	}
}

// TestDescriptors counts what the server holds for a session: the channel to its slot, beside the connection.
func TestDescriptors(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "echo ready; read x")
	play(t, r, Session{}, "\n")
	files := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	const sessions = 10
	before := files()
	for range sessions {
		ours, theirs := pair(t)
		defer ours.Close()
		p, err := r.Start(t.Context(), theirs, Session{})
		if err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		if line, err := bufio.NewReader(ours).ReadString('\n'); line != "ready\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		defer p.Wait()
		defer ours.CloseWrite()
	}
	// The players are here, too, and the first session has the slot of the one before.
	if got, want := files()-before, 2*sessions-1; got != want {
		t.Errorf("%d sessions hold %d descriptors more, want %d", sessions, got, want)
	}
}
