package chal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// recorder is a connection that a middleware puts around the tube.
type recorder struct{ net.Conn }

func (r recorder) NetConn() net.Conn { return r.Conn }

// over plays h on a tube over the session's.
func over(h func(*Session) error) func(*Session) error {
	return func(s *Session) error {
		inner := *s
		inner.Tube = tube.New(recorder{s.Tube}, tube.WithTimeout(time.Minute), tube.WithMaxBuffer(10))
		return h(&inner)
	}
}

func recvLine(s *Session) error { _, err := s.RecvLine(); return err }

func buffered(s *Session) error { _, err := bufio.NewReader(s).ReadString('\n'); return err }

// backend returns a tube that is none of the session's, and its other end.
func backend(opts ...tube.Option) (*tube.Tube, net.Conn) {
	ours, theirs := net.Pipe()
	return tube.New(ours, opts...), theirs
}

// What a player does ends a session without a word in the log, what fails otherwise does not, though the errors may be alike.
func TestWhoseErrorItIs(t *testing.T) {
	leaves := func(c *memnet.Conn) { io.WriteString(c, "half a l"); c.CloseWrite() }
	resets := func(c *memnet.Conn) { c.SetLinger(0); c.Close() }
	stays := func(*memnet.Conn) {}
	long := func(c *memnet.Conn) { io.WriteString(c, strings.Repeat("x", 100)) }
	returns := func(err error) func(*Session) error { return func(*Session) error { return err } }
	for name, x := range map[string]struct {
		player func(*memnet.Conn)
		h      func(*Session) error
		reason Reason
	}{
		"left":           {leaves, recvAgain, ReasonLeft},
		"left, wrapped":  {leaves, func(s *Session) error { return fmt.Errorf("ask: %w", recvAgain(s)) }, ReasonLeft},
		"left, joined":   {leaves, func(s *Session) error { return errors.Join(os.ErrDeadlineExceeded, recvAgain(s)) }, ReasonLeft},
		"left in a line": {leaves, func(s *Session) error { _, err := s.RecvUntil("\n"); return err }, ReasonLeft},
		"left, bufio":    {leaves, buffered, ReasonLeft},
		"left, json": {leaves, func(s *Session) error {
			return json.NewDecoder(io.MultiReader(strings.NewReader(`[`), skipAll{s})).Decode(new(any))
		}, ReasonLeft},
		"left, ReadFull":   {leaves, func(s *Session) error { _, err := io.ReadFull(s, make([]byte, 100)); return err }, ReasonLeft},
		"left, ReadByte":   {leaves, func(s *Session) error { s.Skip("half a l"); _, err := s.ReadByte(); return err }, ReasonLeft},
		"left, a view":     {leaves, func(s *Session) error { _, err := s.Within(time.Second).RecvN(100); return err }, ReasonLeft},
		"left, tube over":  {leaves, over(func(s *Session) error { _, err := s.RecvUntil("\n"); return err }), ReasonLeft},
		"left, bufio over": {leaves, over(buffered), ReasonLeft},
		"reset":            {resets, recvAgain, ReasonLeft},
		"reset, bufio":     {resets, buffered, ReasonLeft},
		"reset, tube over": {resets, over(recvLine), ReasonLeft},
		"closed here":      {stays, func(s *Session) error { s.Close(); return recvLine(s) }, ReasonLeft},
		"idle":             {stays, recvLine, ReasonIdle},
		"idle, bufio":      {stays, buffered, ReasonIdle},
		"idle, tube over":  {stays, over(recvLine), ReasonIdle},
		"idle, in place": {stays, func(s *Session) error {
			s.Tube = tube.New(struct{ net.Conn }{s.Tube}, tube.WithTimeout(time.Minute))
			return recvLine(s)
		}, ReasonIdle},
		"too long, over":    {long, over(recvLine), ReasonFailed},
		"said so: left":     {stays, returns(&Refusal{Reason: ReasonLeft}), ReasonLeft},
		"config cut":        {stays, returns(fmt.Errorf("read the config: %w", io.ErrUnexpectedEOF)), "author"},
		"words at end":      {stays, returns(fmt.Errorf("read words: %w", io.EOF)), "author"},
		"backend closed":    {stays, returns(&net.OpError{Op: "read", Err: net.ErrClosed}), "author"},
		"backend late":      {stays, returns(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), "author"},
		"backend reset":     {stays, returns(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), "author"},
		"backend tube ends": {stays, func(*Session) error { b, theirs := backend(); theirs.Close(); _, err := b.RecvLine(); return err }, "author"},
		"backend tube late": {stays, func(*Session) error {
			b, _ := backend(tube.WithTimeout(time.Second))
			defer b.Close()
			_, err := b.RecvLine()
			return err
		}, "author"},
		"backend tube's limit": {stays, func(*Session) error { return &tube.Error{Op: "recv", Err: tube.ErrTooLong} }, "author"},
		"after a poll": {stays, func(s *Session) error {
			s.Within(time.Second).Read(make([]byte, 1))
			return fmt.Errorf("ask the backend: %w", os.ErrDeadlineExceeded)
		}, "author"},
		"after the player's end": {leaves, func(s *Session) error { s.RecvAll(0); return fmt.Errorf("read words: %w", io.EOF) }, "author"},
		"backend after the player's end": {leaves, func(s *Session) error {
			io.ReadAll(s)
			b, theirs := backend()
			theirs.Close()
			_, err := b.RecvLine()
			return err
		}, "author"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &Server{Handler: HandlerFunc(func(_ context.Context, s *Session) error { return x.h(s) })}, func(w *world) {
				c := w.dial("203.0.113.7:0")
				x.player(c)
				got, _ := io.ReadAll(c)
				time.Sleep(3 * time.Second)
				author, want := x.reason == "author", x.reason
				if author {
					want = ReasonFailed
				}
				w.wantReasons(EntryEnd, want)
				if told := strings.Contains(string(got), "went wrong"); told != author {
					t.Errorf("player was told %q", got)
				}
				if logged := w.log.String() != ""; logged != author {
					t.Errorf("logged %q", w.log.String())
				}
			})
		})
	}
}

// recvAgain receives until that fails.
func recvAgain(s *Session) error {
	for {
		if err := recvLine(s); err != nil {
			return err
		}
	}
}

// skipAll reads to the end of what it reads, and brings only that.
type skipAll struct{ io.Reader }

func (r skipAll) Read(p []byte) (int, error) {
	for {
		if _, err := r.Reader.Read(p); err != nil {
			return 0, err
		}
	}
}
