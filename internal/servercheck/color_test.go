package servercheck

import (
	"strings"
	"testing"

	"github.com/creack/pty"
)

// TestColour: a terminal gets colours, unless NO_COLOR or TERM=dumb says no.
func TestColour(t *testing.T) {
	for _, c := range []struct {
		noColor, term string
		colours       bool
	}{
		{"", "xterm", true},
		{"1", "xterm", false},
		{"", "dumb", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		against(t, func(h *host) { serveEcho(h, "") }, func(t *testing.T, o Options) {
			terminal, program, err := pty.Open()
			if err != nil {
				t.Skipf("no pseudo-terminal: %v", err)
			}
			defer terminal.Close()
			defer program.Close()
			o.Only = []string{"connect"} // fits the terminal's buffer
			if _, err := Run(t.Context(), "echo", testAddr, program, o); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 4096)
			n, err := terminal.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(b[:n]), "\x1b["); got != c.colours {
				t.Errorf("NO_COLOR=%q TERM=%s: colours %v, want %v:\n%q", c.noColor, c.term, got, c.colours, b[:n])
			}
		})
	}
}
