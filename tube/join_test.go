package tube_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// joined returns the two outer ends of client - (a Join b) - server, and the
// outcome of Join.
func joined(t testing.TB, ctx context.Context, left, right string) (client, server *tube.Tube, done <-chan error) {
	t.Helper()
	client, a := connect(t, left, tube.WithTimeout(patience))
	server, b := connect(t, right, tube.WithTimeout(patience))
	outcome := make(chan error, 1)
	go func() { outcome <- tube.Join(ctx, a, b) }()
	return client, server, outcome
}

func TestJoin(t *testing.T) {
	t.Parallel()
	networks := []string{"tcp", "tls"}
	if runtime.GOOS != "windows" {
		networks = append(networks, "unix")
	}
	for _, left := range networks {
		for _, right := range networks {
			t.Run(left+" to "+right, func(t *testing.T) {
				t.Parallel()
				client, server, done := joined(t, t.Context(), left, right)
				// A dialogue, then much in both directions at once.
				must(t, client.SendLine("hello"))
				line, err := server.RecvLine()
				got(t, "RecvLine", line, err, "hello")
				_, err = server.SendLineAfter("", "")
				if err == nil {
					t.Error("an empty prompt gave no error")
				}
				must(t, server.SendLine("hello too"))
				line, err = client.RecvLine()
				got(t, "RecvLine", line, err, "hello too")
				big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
				var wg sync.WaitGroup
				for _, end := range []*tube.Tube{client, server} {
					wg.Go(func() {
						end.SendBytes(big)
						end.CloseWrite()
					})
					wg.Go(func() {
						if p, err := end.RecvAllBytes(0); err != nil || !bytes.Equal(p, big) {
							t.Errorf("%d bytes came, %v, want %d", len(p), err, len(big))
						}
					})
				}
				wg.Wait()
				must(t, <-done)
			})
		}
	}
}

// The half-close of either side is passed on, and the other direction goes on.
func TestJoinHalfClose(t *testing.T) {
	t.Parallel()
	for _, clientFirst := range []bool{true, false} {
		client, server, done := joined(t, t.Context(), "tcp", "tcp")
		first, second := client, server
		if !clientFirst {
			first, second = server, client
		}
		must(t, first.Send("question"))
		must(t, first.CloseWrite())
		s, err := second.RecvAll(0)
		got(t, "RecvAll", s, err, "question")
		select {
		case err := <-done:
			t.Fatalf("Join has returned %v after the first end", err)
		default:
		}
		must(t, second.Send("answer"))
		must(t, second.CloseWrite())
		s, err = first.RecvAll(0)
		got(t, "RecvAll", s, err, "answer")
		must(t, <-done)
	}
}

// What was unread before Join is copied too.
func TestJoinCopiesUnread(t *testing.T) {
	t.Parallel()
	client, a := pair(t)
	server, b := pair(t)
	must(t, client.Send("first line\nsecond"))
	_, err := a.RecvLine()
	must(t, err)
	must(t, client.CloseWrite())
	must(t, server.CloseWrite())
	must(t, tube.Join(t.Context(), a, b))
	s, err := server.RecvAll(0)
	got(t, "RecvAll", s, err, "second")
}

// Join has no timeout, though its tubes have one.
func TestJoinHasNoTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, d := memnet.Pipe(0)
		e, f := memnet.Pipe(4) // where sending waits, too
		client, a := tube.New(c), tube.New(d, tube.WithTimeout(time.Second))
		b, server := tube.New(e, tube.WithTimeout(time.Second)), tube.New(f)
		done := make(chan error)
		go func() { done <- tube.Join(t.Context(), a, b) }()
		must(t, client.Send("0123456789"))
		time.Sleep(time.Hour)
		s, err := server.RecvN(10)
		got(t, "RecvN", s, err, "0123456789")
		client.Close()
		server.Close()
		must(t, <-done)
		a.Close()
		b.Close()
	})
}

// A side that is reset ends the other, and Join says so.
func TestJoinReset(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		client, server, done := joined(t, t.Context(), network, "tcp")
		must(t, client.Send("x"))
		_, err := server.RecvN(1)
		must(t, err)
		must(t, client.Abort())
		failed(t, "Join", <-done, tube.ErrReset)
	}
}

// A side that takes nothing any more is still heard to its end.
func TestJoinHearsTheLastWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, d := memnet.Pipe(0)
		client, a := tube.New(c), tube.New(d)
		deaf := &deafConn{said: make(chan string)}
		done := make(chan error)
		go func() { done <- tube.Join(t.Context(), a, tube.New(deaf)) }()
		must(t, client.Send("nobody takes this"))
		synctest.Wait()
		deaf.said <- "the flag"
		close(deaf.said)
		s, err := client.RecvAll(0)
		got(t, "RecvAll", s, err, "the flag")
		failed(t, "Join", <-done, tube.ErrReset)
		client.Close()
		a.Close()
	})
}

// deafConn says what it is told to, and refuses what is sent to it, as the
// pipes of a program that has closed its input do.
type deafConn struct {
	net.Conn
	said chan string
}

func (c *deafConn) Read(p []byte) (int, error) {
	s, ok := <-c.said
	if !ok {
		return 0, io.EOF
	}
	return copy(p, s), nil
}
func (c *deafConn) Write([]byte) (int, error)        { return 0, io.ErrClosedPipe }
func (c *deafConn) LocalAddr() net.Addr              { return nil }
func (c *deafConn) SetReadDeadline(time.Time) error  { return nil }
func (c *deafConn) SetWriteDeadline(time.Time) error { return nil }

func TestJoinContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	client, server, done := joined(t, ctx, "tcp", "tcp")
	must(t, client.Send("x"))
	_, err := server.RecvN(1)
	must(t, err)
	cancel(cause)
	failed(t, "Join", <-done, cause)
}

// Closing either tube ends Join.
func TestJoinClose(t *testing.T) {
	t.Parallel()
	_, a := pair(t)
	_, b := pair(t)
	done := make(chan error)
	go func() { done <- tube.Join(context.Background(), a, b) }()
	must(t, b.Close())
	failed(t, "Join", <-done, net.ErrClosed)
}

func TestJoinLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, network := range []string{"tcp", "tls"} {
		client, server, done := joined(t, context.Background(), network, "tcp")
		must(t, client.Close())
		must(t, server.Close())
		<-done
	}
	goleak.VerifyNone(t, before)
}

func init() {
	programs["join"] = func([]string) {
		t := &lonely{}
		defer t.finish()
		client, server, done := joined(t, context.Background(), "tcp", "tcp")
		go func() {
			for range 16 {
				client.SendBytes(make([]byte, 1<<20))
			}
			client.CloseWrite()
		}()
		server.Discard()
		server.CloseWrite()
		<-done
	}
}

// lonely stands in for a test where there is none.
type lonely struct {
	testing.TB
	cleanup []func()
}

func (*lonely) Helper()            {}
func (l *lonely) Cleanup(f func()) { l.cleanup = append(l.cleanup, f) }
func (*lonely) Fatal(args ...any)  { panic(args) }
func (l *lonely) finish() {
	for _, f := range l.cleanup {
		f()
	}
}

// Between two sockets the bytes stay in the kernel: the system calls say so.
func TestJoinSplices(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("splice is Linux's")
	}
	strace := testkit.Program(t, "strace")
	log := t.TempDir() + "/log"
	self := ourselves("join")
	cmd := exec.Command(strace, append([]string{"-f", "-o", log, "-e", "trace=splice", "-s", "0", self.Path}, self.Args[1:]...)...)
	cmd.Env = self.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	calls, err := os.ReadFile(log)
	must(t, err)
	if n := bytes.Count(calls, []byte("splice(")); n < 16 {
		t.Errorf("16 MiB were joined with %d calls of splice", n)
	}
}

func TestWriteTo(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	client = impatient(client)
	broken := errors.New("disk full")
	must(t, server.Send("0123456789"))
	_, err := client.Within(patience).Peek(10)
	must(t, err)
	n, err := client.WriteTo(&narrow{room: 4, err: broken})
	if n != 4 || !errors.Is(err, broken) {
		t.Errorf("WriteTo = %d, %v, want 4 and the writer's error", n, err)
	}
	s, err := client.RecvN(6)
	got(t, "what was not written", s, err, "456789")
	// It has no timeout but that of a view.
	_, err = client.Within(soon).WriteTo(io.Discard)
	failed(t, "WriteTo", err, os.ErrDeadlineExceeded)
	time.AfterFunc(3*soon, func() { server.Close() })
	n, err = client.WriteTo(io.Discard)
	got(t, "WriteTo", n, err, 0)
}

// narrow takes so many bytes.
type narrow struct {
	room int
	err  error
}

func (w *narrow) Write(p []byte) (int, error) {
	if len(p) <= w.room {
		w.room -= len(p)
		return len(p), nil
	}
	return w.room, w.err
}

// An echo is a tube written to itself.
func TestEcho(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	done := make(chan error)
	go func() {
		_, err := server.WriteTo(server)
		server.CloseWrite()
		done <- err
	}()
	must(t, client.Send("echo"))
	s, err := client.RecvN(4)
	got(t, "RecvN", s, err, "echo")
	must(t, client.CloseWrite())
	must(t, <-done)
	s, err = client.RecvAll(0)
	got(t, "RecvAll", s, err, "")
}

func TestInteractive(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	client = impatient(client)
	var out strings.Builder
	in, typed := io.Pipe()
	done := make(chan error)
	go func() { done <- client.Interactive(t.Context(), in, &out) }()
	io.WriteString(typed, "question\n")
	line, err := server.Within(patience).RecvLine()
	got(t, "RecvLine", line, err, "question")
	typed.Close()
	_, err = server.Within(patience).RecvLine() // the end of in is passed on
	failed(t, "RecvLine", err, io.EOF)
	time.AfterFunc(3*soon, func() { // longer than the timeout, which does not apply
		server.SendLine("answer")
		server.Close()
	})
	must(t, <-done)
	if out.String() != "answer\n" {
		t.Errorf("out got %q", out.String())
	}
}

func TestInteractiveEnds(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	client, _ := pair(t)
	in, typed := io.Pipe()
	defer typed.Close()
	done := make(chan error)
	go func() { done <- client.Interactive(ctx, in, io.Discard) }()
	cancel(cause)
	failed(t, "Interactive", <-done, cause)

	broken := errors.New("keyboard on fire")
	err := client.Interactive(t.Context(), io.MultiReader(strings.NewReader("x"), readerFunc(func([]byte) (int, error) { return 0, broken })), io.Discard)
	failed(t, "Interactive", err, broken)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
