package program_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/program"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// TestUnconfined: what does without a sandbox still is as it says.
func TestUnconfined(t *testing.T) {
	c := program.Config{Unconfined: true, Flag: program.FlagEnv, Player: true}
	c.Policy = sandbox.Policy{Env: []string{"A=1"}, Dir: "/usr", Time: 20 * time.Second}
	t.Setenv("LEAK", "leaks")
	c.Command = []string{"sh", "-c", "echo $A $FLAG $LEAK; pwd; id -u; echo $FLAGSTAFF_REMOTE"}
	s := serve(t, c)
	p := s.dial()
	want := strings.Join([]string{"1 flag{of the session}", "/usr", "0", p.LocalAddr().String(), ""}, "\n")
	if os.Getuid() != 0 {
		want = ""
	}
	if got, err := p.RecvAll(1000); err != nil || want != "" && got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestUnconfinedEnds: its limits, and what is left of its process group.
func TestUnconfinedEnds(t *testing.T) {
	for name, c := range map[string]struct {
		policy sandbox.Policy
		shell  string
		want   chal.Reason
	}{
		"time":   {sandbox.Policy{Time: 200 * time.Millisecond}, "sleep 100", chal.ReasonTimeUp},
		"idle":   {sandbox.Policy{Idle: 200 * time.Millisecond}, "sleep 100", chal.ReasonIdle},
		"output": {sandbox.Policy{Output: 1 << 20}, "yes", chal.Reason(sandbox.ReasonOutput)},
		"child":  {sandbox.Policy{}, "sleep 100 & echo started", chal.ReasonDone},
		"silent": {sandbox.Policy{}, "exec >&- 2>&-; exit 3", chal.ReasonDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, program.Config{Unconfined: true, Policy: c.policy, Command: []string{"sh", "-c", c.shell}})
			p := s.dial()
			p.Discard()
			p.Close()
			if got := s.end(p); got != c.want {
				t.Errorf("ended for %q, want %q", got, c.want)
			}
		})
	}
}

func TestUnconfinedMistakes(t *testing.T) {
	for want, c := range map[string]program.Config{
		"no program":      {},
		"is not in $PATH": {Command: []string{"no-such-program"}},
		"no /flag":        {Command: []string{"cat"}, Flag: program.FlagFile},
		"NAME=value":      {Command: []string{"cat"}, Policy: sandbox.Policy{Env: []string{"x"}}},
		"stderr \"x\"":    {Command: []string{"cat"}, Policy: sandbox.Policy{Stderr: "x"}},
	} {
		c.Unconfined = true
		if h, err := program.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
			if h != nil {
				h.Close()
			}
		}
	}
}
