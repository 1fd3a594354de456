package chaltest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var double = chal.Challenge{
	Name: "double",
	Handler: chal.HandlerFunc(func(_ context.Context, s *chal.Session) error {
		answer, err := s.Ask("21 * 2 = ")
		if err != nil || answer != "42" {
			return s.Say("No.")
		}
		return s.Say(s.Flag)
	}),
	Solve: func(_ context.Context, t *tube.Tube) (string, error) {
		if _, err := t.SendLineAfter(" = ", "42"); err != nil {
			return "", err
		}
		return t.RecvLine()
	},
}

func TestStart(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"42": "flag{mine}\n", "41": "No.\n"} {
		p := chaltest.Start(t, double, chaltest.WithFlag("flag{mine}"))
		if _, err := p.SendLineAfter(" = ", answer); err != nil {
			t.Fatal(err)
		}
		if got, err := p.RecvAll(0); got != want {
			t.Errorf("%s: got %q, %v, want %q", answer, got, err, want)
		}
	}
}

func TestSolve(t *testing.T) {
	t.Parallel()
	chaltest.Solve(t, double)
	chaltest.Solve(t, double, chaltest.WithFlag("flag{other}"))
}

func TestOptions(t *testing.T) {
	t.Parallel()
	h := chal.HandlerFunc(func(_ context.Context, s *chal.Session) error {
		return s.Say(s.Remote.String(), s.Flag)
	})
	entries := make(chan chal.Entry, 2)
	p := chaltest.Start(t, h, chaltest.WithRemote("198.51.100.1:99"),
		chaltest.WithServer(func(s *chal.Server) { s.Ledger = func(e chal.Entry) { entries <- e } }),
		chaltest.WithTube(tube.WithTimeout(time.Second)))
	if got, err := p.RecvAll(0); got != "198.51.100.1:99\n"+chaltest.Flag+"\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if e := <-entries; e.What != chal.EntryStart {
		t.Errorf("first entry: %v", e.What)
	}
}

func TestInABubbleTimeIsFake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := chaltest.Start(t, double, chaltest.WithTube(tube.WithTimeout(0)),
			chaltest.WithServer(func(s *chal.Server) { s.SessionTimeout = time.Hour; s.IdleTimeout = -1 }))
		start := time.Now()
		got, err := p.RecvAll(0)
		if !strings.Contains(got, "Time is up.") || time.Since(start) < time.Hour {
			t.Errorf("after %v: %q, %v", time.Since(start), got, err)
		}
	})
}

// What Start must find is shown to a test of its own.

func TestFindsLeaks(t *testing.T) {
	for name, x := range map[string]struct {
		handler chal.HandlerFunc
		want    string
	}{
		"nothing": {func(context.Context, *chal.Session) error { return nil }, ""},
		"stays":   {func(ctx context.Context, _ *chal.Session) error { <-ctx.Done(); return nil }, "has not returned"},
		"panics":  {func(context.Context, *chal.Session) error { panic("here") }, "panicked"},
		"leaks": {func(context.Context, *chal.Session) error {
			go func() { time.Sleep(time.Minute) }()
			return nil
		}, "goroutines of the handler are still there"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{TB: t}
				p := chaltest.Start(r, x.handler, chaltest.WithServer(func(s *chal.Server) { s.SessionTimeout = -1 }))
				p.Drain()
				r.cleanup()
				if got := r.errors(); (x.want == "") != (got == "") || !strings.Contains(got, x.want) {
					t.Errorf("reported %q, want %q", got, x.want)
				}
				if name == "leaks" && !strings.Contains(r.errors(), "TestFindsLeaks") {
					t.Errorf("the report does not say where: %s", r.errors())
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestFindsWrongSolvers(t *testing.T) {
	for want, solve := range map[string]func(context.Context, *tube.Tube) (string, error){
		`got flag "flag{wrong}"`: func(context.Context, *tube.Tube) (string, error) { return "flag{wrong}", nil },
		"no idea":                func(context.Context, *tube.Tube) (string, error) { return "", errors.New("no idea") },
	} {
		r := &recorder{TB: t}
		c := double
		c.Solve = solve
		chaltest.Solve(r, c)
		r.cleanup()
		if got := r.errors(); !strings.Contains(got, want) {
			t.Errorf("reported %q, want %q", got, want)
		}
	}
}

func TestFindsNoHandler(t *testing.T) {
	for name, h := range map[string]chal.Handler{"nil": nil, "a challenge": chal.Challenge{Name: "half"}} {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { // which Fatal ends
			defer close(done)
			defer r.cleanup()
			chaltest.Start(r, h)
		}()
		<-done
		if got := r.errors(); got != "the challenge has no handler" {
			t.Errorf("%s: reported %q", name, got)
		}
	}
}

// recorder is a test that only takes note of what is reported.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	reported []string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reported = append(r.reported, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.Errorf("%s", fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) cleanup() {
	for _, f := range r.cleanups {
		f()
	}
}

func (r *recorder) errors() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.reported, "\n")
}
