package levels

import (
	"net"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLadder(t *testing.T) {
	want := strings.Fields("hello dribble bytes frames finish bothways crowd clock datagram callback goodbye web tls")
	all := All(Options{Callback: true})
	for i, l := range all {
		if l.Name != want[i] || l.Number != i+1 || l.Port != 4001+i {
			t.Errorf("level %d is %s at %d, number %d; want %s at %d", i+1, l.Name, l.Port, l.Number, want[i], 4001+i)
		}
		if l.Solve == nil || l.Points == 0 || l.Description == "" || l.Category == "" {
			t.Errorf("%s: not complete: %+v", l.Name, l.Challenge)
		}
		if (l.Network == "tcp") != (l.Handler != nil) || (l.Network == "udp") != (l.servePacket != nil) {
			t.Errorf("%s: on %s, handler %v", l.Name, l.Network, l.Handler)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d levels, want %d", len(all), len(want))
	}
	for _, l := range All(Options{}) {
		if l.Name == "callback" {
			t.Error("callback is there without being asked for")
		}
		if l.Name == "goodbye" && l.Port != 4011 {
			t.Errorf("without callback, goodbye is at %d", l.Port)
		}
	}
}

func TestTextsFitTheScreen(t *testing.T) {
	for _, l := range All(Options{Callback: true}) {
		for name, text := range map[string]string{"lesson": l.Lesson, "hint": l.Hint} {
			lines := strings.Split(text, "\n")
			if len(lines) > 12 {
				t.Errorf("%s: %s has %d lines, want 12 at most", l.Name, name, len(lines))
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > 76 || n > 75 && name == "hint" { // behind "| " and "HINT "
					t.Errorf("%s: %s has a line of %d columns: %s", l.Name, name, n, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: %s has a blank at the end of a line: %q", l.Name, name, line)
				}
			}
		}
	}
}

func TestFlag(t *testing.T) {
	a, b := Flag([]byte("key"), "hello"), Flag([]byte("key"), "web")
	if a == b || a != Flag([]byte("key"), "hello") || a == Flag([]byte("other"), "hello") {
		t.Errorf("flags %s and %s", a, b)
	}
	if !strings.HasPrefix(a, "flag{hello_") {
		t.Errorf("flag %s", a)
	}
}

// TestPlay solves every level over real sockets.
func TestPlay(t *testing.T) {
	for _, l := range All(Options{Callback: true}) {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			got, err := l.Play(t.Context(), serve(t, l))
			if err != nil || got != testFlag(l) {
				t.Errorf("Play = %q, %v, want %q", got, err, testFlag(l))
			}
		})
	}
}

func TestPlayNothingThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := levelNamed(t, "hello").Play(t.Context(), ln.Addr().String()); err == nil {
		t.Error("Play of a closed port succeeded")
	}
}
