package solver

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/pow"
)

// server feeds a Solver, and keeps what it sends.
type server struct {
	*Solver
	got  chan string
	over chan struct{}
}

func start(t *testing.T, c Config) *server {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	s := &server{got: make(chan string, 10), over: make(chan struct{})}
	c.Report, c.Over = &report.Reporter{W: null, Name: "nc"}, s.over
	c.Write = func(p []byte) error { s.got <- string(p); return nil }
	s.Solver = Start(c)
	return s
}

// free reports when the input may go, by the bubble's clock.
func (s *server) free() time.Duration {
	begin := time.Now()
	<-s.Free()
	return time.Since(begin)
}

// TestHowLongTheInputWaits has no puzzle.
func TestHowLongTheInputWaits(t *testing.T) {
	for _, c := range []struct {
		said string
		wait time.Duration
		want time.Duration
	}{
		{"", 0, firstWord},
		{"hello\n", 0, inputQuiet},
		{"proof of work follows\n", 0, soundsQuiet},
		{"", time.Hour, time.Hour},
		{"hello\n", time.Hour, time.Hour},
		{"sha256", time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, Config{Wait: c.wait})
			if c.said != "" {
				s.Feed([]byte(c.said))
			}
			if got := s.free(); got != c.want {
				t.Errorf("%q, wait %v: the input waits %v, want %v", c.said, c.wait, got, c.want)
			}
			close(s.over)
			<-s.Done()
		})
	}
}

// TestAnswers comes before the input goes, once per puzzle.
func TestAnswers(t *testing.T) {
	c := pow.New(20)
	s := start(t, Config{CRLF: true})
	s.Feed([]byte(c.Prompt(pow.KCTF)))
	select {
	case answer := <-s.got:
		if !strings.HasSuffix(answer, "\r\n") || c.Verify(strings.TrimSpace(answer)) != nil {
			t.Errorf("answered %q", answer)
		}
	case <-s.Free():
		if len(s.got) == 0 {
			t.Error("the input goes before the answer")
		}
	}
	<-s.Free()
	s.Gone()
	<-s.Done()
	if len(s.got) > 0 {
		t.Errorf("and %q", <-s.got)
	}
}

// TestAsks takes the reply out of what is typed, and nothing else.
func TestAsks(t *testing.T) {
	for _, c := range []struct {
		typed, passed string
		answers       bool
	}{{"y\n", "", true}, {"what\nYES\n", "", true}, {"n\nmy own\n", "my own\n", false}} {
		p := pow.New(20)
		s := start(t, Config{Asks: true})
		if got := s.Intercept([]byte("early\n")); string(got) != "early\n" {
			t.Errorf("before the question: %q", got)
		}
		s.Feed([]byte(p.Prompt(pow.KCTF)))
		for { // until it asks
			s.mu.Lock()
			st := s.state
			s.mu.Unlock()
			if st == asking {
				break
			}
			runtime.Gosched()
		}
		if got := s.Intercept([]byte(c.typed)); string(got) != c.passed {
			t.Errorf("%q: %q goes to the server, want %q", c.typed, got, c.passed)
		}
		if c.answers {
			if answer := <-s.got; p.Verify(strings.TrimSpace(answer)) != nil {
				t.Errorf("%q: answered %q", c.typed, answer)
			}
		}
		s.Gone()
		<-s.Done()
		if len(s.got) > 0 {
			t.Errorf("%q: sent %q", c.typed, <-s.got)
		}
	}
}

func TestSoundsLikeWork(t *testing.T) {
	for text, want := range map[string]bool{
		"Welcome!\n": false, "Powered by the network. A powerful one; 100 % waterproof.\n": false,
		"== proof-of-work: disabled ==\nname? ": false,
		"== proof-of-work: enabled ==\n":        true, "Please solve this PoW:\n": true,
		"sha256(": true, "Difficulty: 5\n": true,
	} {
		if got := soundsLikeWork([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
