// Package chaltest plays a challenge in a test: the real server around the real handler, without a
// network.
//
//	func TestWrongAnswer(t *testing.T) {
//		p := chaltest.Start(t, double, chaltest.WithFlag("flag{test}"))
//		p.RecvUntil(" = ")
//		p.SendLine("no")
//		if got, _ := p.RecvLine(); got != "No." {
//			t.Errorf("got %q", got)
//		}
//	}
//
//	func TestSolver(t *testing.T) { chaltest.Solve(t, double) }
//
// When the test ends, the player hangs up, and the handler must return: in ten seconds it, and every
// goroutine it started, must be gone, or the test fails and shows where they are. Tests may run in
// parallel. In a testing/synctest bubble all time is the bubble's.
package chaltest

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Flag is the flag of a session in a test that gives none.
const Flag = "flag{chaltest}"

const (
	address   = "server:1337"
	endTime   = 10 * time.Second // for the handler, after the player has hung up
	waitTime  = 10 * time.Second // for each of the player's waits
	solveTime = time.Minute
	label     = "chaltest" // of the goroutines of a handler, in profiles
)

// Option changes how a challenge is played.
type Option func(*options)

type options struct {
	from   string
	server []func(*chal.Server)
	tube   []tube.Option
}

// WithFlag sets the session's flag.
func WithFlag(flag string) Option {
	return WithServer(func(s *chal.Server) { s.Flag = flag })
}

// WithServer lets change set the server's fields before it serves: limits, a ledger, a log.
func WithServer(change func(*chal.Server)) Option {
	return func(o *options) { o.server = append(o.server, change) }
}

// WithRemote sets where the player comes from, "host:port"; port 0 takes a free one.
func WithRemote(addr string) Option { return func(o *options) { o.from = addr } }

// WithTube gives options to the player's tube. Its default timeout is ten seconds for each wait.
func WithTube(opts ...tube.Option) Option {
	return func(o *options) { o.tube = append(o.tube, opts...) }
}

// Start serves h, a handler or a chal.Challenge, and returns the tube of a player who has just
// connected. The server's log goes to the test's. A panic of the handler fails the test.
func Start(t testing.TB, h chal.Handler, opts ...Option) *tube.Tube {
	t.Helper()
	if c, ok := h.(chal.Challenge); h == nil || ok && c.Handler == nil {
		t.Fatal("the challenge has no handler") // a server would not serve it, but it does not see h itself
	}
	o := options{from: "203.0.113.1:0", tube: []tube.Option{tube.WithTimeout(waitTime)}}
	for _, opt := range opts {
		opt(&o)
	}
	s := newServer(t, h)
	for _, change := range o.server {
		change(s)
	}
	var network memnet.Network
	l, err := network.Listen(address)
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &play{t: t, server: s, served: make(chan error, 1)}
	p.watch()
	go func() { p.served <- s.Serve(l) }()
	conn, err := network.DialFrom(o.from, address)
	if err != nil {
		s.Close()
		t.Fatalf("dial: %v", err)
	}
	p.player = tube.New(conn, o.tube...)
	t.Cleanup(p.end)
	return p.player
}

// Solve plays c with its own solver and fails the test unless that brings back the flag.
func Solve(t testing.TB, c chal.Challenge, opts ...Option) {
	t.Helper()
	if c.Solve == nil {
		t.Fatalf("challenge %q has no solver", c.Name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), solveTime)
	defer cancel()
	want := Flag
	opts = append(opts, WithServer(func(s *chal.Server) { want = s.Flag }), WithTube(tube.WithContext(ctx)))
	got, err := c.Solve(ctx, Start(t, c, opts...))
	if err != nil {
		t.Errorf("solve %s: %v", c.Name, err)
	} else if got != want {
		t.Errorf("solve %s: got flag %q, want %q", c.Name, got, want)
	}
}

// newServer returns the server of h with the defaults of a test.
func newServer(t testing.TB, h chal.Handler) *chal.Server {
	s := &chal.Server{Handler: h, Flag: Flag}
	if c, ok := h.(chal.Challenge); ok {
		s = c.Server(Flag)
	}
	s.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	return s
}

// play is one running challenge.
type play struct {
	t      testing.TB
	server *chal.Server
	player *tube.Tube
	served chan error
	id     string // the value of the handlers' label

	panicked atomic.Bool
}

var lastPlay atomic.Uint64

// watch puts a label on the handler's goroutine, which those it starts inherit, and notes its panics.
func (p *play) watch() {
	p.id = fmt.Sprint("play-", lastPlay.Add(1))
	next, ledger := p.server.Handler, p.server.Ledger
	p.server.Handler = chal.HandlerFunc(func(ctx context.Context, s *chal.Session) (err error) {
		pprof.Do(ctx, pprof.Labels(label, p.id), func(ctx context.Context) { err = next.ServeChal(ctx, s) })
		return err
	})
	p.server.Ledger = func(e chal.Entry) {
		if e.What == chal.EntryEnd && e.Reason == chal.ReasonPanicked {
			p.panicked.Store(true)
		}
		if ledger != nil {
			ledger(e)
		}
	}
}
