package sandbox

import (
	"bufio"
	"io"
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
			p, ours := begun(t, r)
			c.end(p, func() { ours.CloseWrite() })
			// A hundred thousand additions take a shell some 50 ms.
			if e, err := p.Wait(); err != nil || e.CPU < 5*time.Millisecond {
				t.Errorf("got %+v, %v, want the time of the loop", e, err)
			}
		})
	}
}

// TestEndOutput looks whether the player has been told the end of the output when Wait returns, or the server may go on.
func TestEndOutput(t *testing.T) {
	for _, c := range []struct {
		name, program string
		kill, ended   bool
	}{
		{"well", "echo hello", false, true},
		{"well, and left something", "sleep 1000 & echo hello", false, true},
		{"badly", "echo hello; exit 3", false, false},
		{"by a signal", "echo hello; kill -9 $$", false, false},
		{"killed", "trap 'exit 0' TERM; echo hello; read x; exit 0", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := prepare(t, Policy{}, "/bin/sh", "-c", c.program)
			ours, theirs := pair(t)
			defer ours.Close()
			defer theirs.Close()
			p, err := r.Start(t.Context(), theirs, Session{EndOutput: true})
			if err != nil {
				t.Fatal(err)
			}
			from := bufio.NewReader(ours)
			if line, err := from.ReadString('\n'); line != "hello\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			if c.kill {
				p.Kill(ReasonIdle)
			}
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			want := "bye\n"
			if c.ended {
				want = ""
			}
			if _, err := theirs.Write([]byte("bye\n")); (err != nil) != c.ended {
				t.Errorf("write after the end: got %v, want an error: %v", err, c.ended)
			}
			theirs.Close()
			if rest, err := io.ReadAll(from); string(rest) != want || err != nil {
				t.Errorf("got %q, %v, want %q and the end", rest, err, want)
			}
		})
	}
}

// TestDescriptors counts what the server holds for a session: the channel to its slot, beside the connection.
func TestDescriptors(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/sh", "-c", "echo ready; read x")
	play(t, r, Session{}, "\n")
	const sessions = 10
	before := openFiles(t)
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
	if got, want := openFiles(t)-before, 2*sessions-1; got != want {
		t.Errorf("%d sessions hold %d descriptors more, want %d", sessions, got, want)
	}
}
