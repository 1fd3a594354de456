package servercheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// host runs a server in a bubble: it remembers what it accepted, so that the
// server can crash, and so that nothing of it outlives the test.
type host struct {
	l    net.Listener
	wg   sync.WaitGroup
	done chan struct{} // closed by crash

	mu    sync.Mutex
	conns []net.Conn
}

// accept returns the next connection, or nil when the server has ended.
func (h *host) accept() *memnet.Conn {
	c, err := h.l.Accept()
	if err != nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
	return c.(*memnet.Conn)
}

// crash ends the server as the end of its process would.
func (h *host) crash() {
	h.l.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns != nil {
		close(h.done)
	}
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
}

// each serves every connection in a goroutine of its own, or one after another.
func (h *host) each(concurrent bool, serve func(c *memnet.Conn)) {
	for c := h.accept(); c != nil; c = h.accept() {
		if concurrent {
			h.wg.Go(func() { serve(c) })
		} else {
			serve(c)
		}
	}
}

const testAddr = "192.0.2.1:5001"

// records runs the checker in JSON and returns what it reported.
func records(t *testing.T, kind string, o Options) (passed bool, checks []jsonCheck, result jsonResult) {
	t.Helper()
	o.JSON = true
	var out bytes.Buffer
	passed, err := Run(t.Context(), kind, testAddr, &out, o)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"event":"result"`) {
			if err := json.Unmarshal([]byte(line), &result); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var c jsonCheck
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		checks = append(checks, c)
	}
	return passed, checks, result
}

// against runs test in a bubble with a server, which serve runs, and Options
// that reach it.
func against(t *testing.T, serve func(h *host), test func(t *testing.T, o Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var n memnet.Network
		l, err := n.Listen(testAddr)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{l: l, done: make(chan struct{}), conns: []net.Conn{}}
		h.wg.Go(func() { serve(h) })
		test(t, Options{Seed: 1, dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if network != "tcp" || addr != testAddr {
				t.Errorf("dialled %s %s: only the given address may be", network, addr)
			}
			c, err := n.DialContext(ctx, "203.0.113.1:0", addr)
			if err != nil {
				return nil, err
			}
			return c, nil
		}})
		h.crash()
		h.wg.Wait()
	})
}

// mistake is a server with one classic mistake, or with none.
type mistake struct {
	name  string // "" is the server without one
	check string // the check that must fail
	says  string // what the cause must name
}

// mustTellApart runs the server with each mistake and without.
func mustTellApart(t *testing.T, kind string, mistakes []mistake, run func(t *testing.T, m string, test func(t *testing.T, o Options))) {
	for _, m := range mistakes {
		t.Run(orElse(m.name, "right"), func(t *testing.T) {
			run(t, m.name, func(t *testing.T, o Options) {
				passed, checks, result := records(t, kind, o)
				if passed != result.Passed || passed != (len(result.Failed) == 0) {
					t.Fatalf("Run says %v, the report %+v", passed, result)
				}
				if m.name == "" {
					if !passed {
						t.Fatalf("the right server failed: %+v", checks)
					}
					return
				}
				i := slices.IndexFunc(checks, func(c jsonCheck) bool { return c.Status == "failed" })
				if i < 0 {
					t.Fatalf("the mistake was not noticed; it should fail %s", m.check)
				}
				f := checks[i]
				if f.Check != m.check || !strings.Contains(f.Cause, m.says) {
					t.Errorf("failed %s: %s\nwant %s, and a cause with %q\nreport: %+v", f.Check, f.Cause, m.check, m.says, f)
				}
				if f.Sent == nil && f.Received == nil && f.Cause != "" && !strings.Contains(f.Cause, "refused") && !strings.Contains(f.Cause, "gone") {
					t.Errorf("%s failed without the bytes that show it: %s", f.Check, f.Cause)
				}
			})
		})
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		kind, addr string
		o          Options
		says       string
	}{
		{"pop3", "127.0.0.1:1", Options{}, "echo, prime, prices, chat, kv"},
		{"echo", "127.0.0.1", Options{}, "HOST:PORT"},
		{"echo", ":80", Options{}, "HOST:PORT"},
		{"echo", "127.0.0.1:1", Options{Only: []string{"nonsense"}}, `"nonsense": its checks are connect, answer, `},
	} {
		_, err := Run(t.Context(), c.kind, c.addr, io.Discard, c.o)
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Run(%q, %q, %+v): %v, want ErrUsage that says %q", c.kind, c.addr, c.o, err, c.says)
		}
	}
	if _, err := Checks("pop3"); !errors.Is(err, ErrUsage) {
		t.Errorf("Checks: %v, want ErrUsage", err)
	}
}

// TestNames holds the checks to what a report can rely on.
func TestNames(t *testing.T) {
	for _, kind := range Kinds() {
		checks, err := Checks(kind)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, c := range checks {
			if seen[c.Name] || len(c.Name) > 11 || strings.ContainsAny(c.Name, " ") {
				t.Errorf("%s: bad or doubled name %q", kind, c.Name)
			}
			seen[c.Name] = true
			if !strings.HasSuffix(c.Forces, ".") || strings.Contains(c.Forces, ". ") {
				t.Errorf("%s %s: %q is not one sentence", kind, c.Name, c.Forces)
			}
		}
	}
}

func TestNobodyListens(t *testing.T) {
	against(t, func(h *host) {}, func(t *testing.T, o Options) {
		dial := o.dial
		o.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			var empty memnet.Network
			if _, err := dial(ctx, network, addr); err != nil {
				return nil, err
			}
			return empty.Dial("192.0.2.9:1")
		}
		passed, checks, _ := records(t, "echo", o)
		if passed || checks[0].Status != "failed" || !strings.Contains(checks[0].Cause, "no server listens there") {
			t.Errorf("got %v %+v, want the check connect to fail and say that nobody listens", passed, checks[0])
		}
		if checks[1].Status != "skipped" {
			t.Errorf("after connect the report says %+v, want skipped", checks[1])
		}
	})
}

// TestOptions: --only runs what it names, --all goes on after a failure.
func TestOptions(t *testing.T) {
	against(t, func(h *host) { serveEcho(h, "strips") }, func(t *testing.T, o Options) {
		only := o
		only.Only = []string{"pieces", "connect"}
		passed, checks, _ := records(t, "echo", only)
		if !passed || len(checks) != 2 || checks[0].Check != "connect" || checks[1].Check != "pieces" {
			t.Errorf("only connect and pieces: %v %+v", passed, checks)
		}
		all := o
		all.All = true
		passed, checks, result := records(t, "echo", all)
		if passed || len(checks) != len(echoChecks) || len(result.Skipped) != 0 || len(result.Failed) < 2 {
			t.Errorf("all: %v, %d checks, %+v", passed, len(checks), result)
		}
	})
}

func TestContextEnds(t *testing.T) {
	against(t, func(h *host) { h.each(true, func(c *memnet.Conn) { io.Copy(io.Discard, c); c.Close() }) }, func(t *testing.T, o Options) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := Run(ctx, "echo", testAddr, io.Discard, o)
			done <- err
		}()
		synctest.Wait() // it waits for an echo that never comes
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("Run: %v, want the cause of its context", err)
		}
	})
}

type brokenWriter struct{}

var errPaper = errors.New("out of paper")

func (brokenWriter) Write([]byte) (int, error) { return 0, errPaper }

func TestReportCannotBeWritten(t *testing.T) {
	against(t, func(h *host) { serveEcho(h, "") }, func(t *testing.T, o Options) {
		if _, err := Run(t.Context(), "echo", testAddr, brokenWriter{}, o); !errors.Is(err, errPaper) {
			t.Errorf("Run: %v, want %v", err, errPaper)
		}
	})
}

// TestReport reads the report as a person does.
func TestReport(t *testing.T) {
	against(t, func(h *host) { serveEcho(h, "strips") }, func(t *testing.T, o Options) {
		var out bytes.Buffer
		if _, err := Run(t.Context(), "echo", testAddr, &out, o); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"echo at 192.0.2.1:5001\n",
			"  ok    connect     Something listens at the address.\n",
			"  FAIL  answer      ",
			"without strip() and without adding a newline",
			"  sent      13 bytes\n    000000  ",
			" 0a           |",
			"  received  12 bytes (first difference at 12)\n",
			"1 of 2 checks passed; not run yet: pieces, again, ",
			"--seed 1.",
			"docs/servers/echo.md",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report has no %q:\n%s", want, out.String())
			}
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("colours, though this is no terminal:\n%q", out.String())
		}
	})
}
