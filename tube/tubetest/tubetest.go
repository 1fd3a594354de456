// Package tubetest checks that tubes over a connection of any kind keep the
// contract of package tube: what every method returns, that nothing is lost by
// a timeout or at the end, that deadlines and contexts end a call, that calls
// may be made at the same time.
//
// Whoever makes tubes over connections of their own, or a net.Conn meant to
// lie below one, runs it in a test:
//
//	func TestConformance(t *testing.T) {
//		tubetest.Run(t, func(t testing.TB, opts ...tube.Option) (a, b *tube.Tube) {
//			c, d := mynet.Pipe()
//			return tube.New(c, opts...), tube.New(d, opts...)
//		})
//	}
//
// It promises nothing about speed, and does not check package net's own
// contract for connections: for that there is golang.org/x/net/nettest.
package tubetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Make returns the two ends of a new connection, on which nothing is under way.
// Run ends both when the test is over; what else is to be tidied up is for
// t.Cleanup. The options are for both ends.
type Make func(t testing.TB, opts ...tube.Option) (a, b *tube.Tube)

// Option declares what the tubes under test cannot do.
type Option func(*suite)

// WithoutHalfClose declares that CloseWrite is not supported on a.
func WithoutHalfClose() Option { return func(s *suite) { s.noHalf = true } }

// WithDatagrams declares that each Send is a datagram, which is of limited size
// and may get lost in a flood, so that there is no long stream and no sure end.
func WithDatagrams() Option { return func(s *suite) { s.datagrams = true } }

// WithHangup declares that Close on a throws away what b has not received, as
// the hangup of a terminal does.
func WithHangup() Option { return func(s *suite) { s.hangup = true } }

// suite is what the tubes under test are.
type suite struct {
	make                      Make
	noHalf, datagrams, hangup bool
}

// Run runs the whole suite, each part as a subtest on a connection of its own.
func Run(t *testing.T, make Make, opts ...Option) {
	s := &suite{make: make}
	for _, o := range opts {
		o(s)
	}
	for _, c := range []struct {
		name string
		ends bool // needs a stream and its end
		run  func(*check)
	}{
		{"Recv", false, checkRecv},
		{"RecvN", false, checkRecvN},
		{"RecvLine", false, checkRecvLine},
		{"RecvLine at the end", true, checkLastLine},
		{"Lines", true, checkLines},
		{"RecvUntil", false, checkRecvUntil},
		{"RecvAny", false, checkRecvAny},
		{"Expect", false, checkExpect},
		{"RecvAll", true, checkRecvAll},
		{"Peek and Unrecv", false, checkPeek},
		{"Drain", false, checkDrain},
		{"Skip", false, checkSkip},
		{"Discard", true, checkDiscard},
		{"WithMaxBuffer", false, checkMaxBuffer},
		{"Read and ReadByte", false, checkRead},
		{"integers and frames", false, checkFrames},
		{"WriteTo", true, checkWriteTo},
		{"EOF", true, checkEOF},
		{"SendAfter", false, checkSendAfter},
		{"SendLine", false, checkSendLine},
		{"one deadline for one call", false, checkDribble},
		{"one deadline for a view", false, checkView},
		{"no waiting", false, checkNoWaiting},
		{"deadlines of net.Conn", false, checkDeadlines},
		{"contexts", false, checkContexts},
		{"WithContext", false, checkBoundContext},
		{"goroutines", false, checkGoroutines},
		{"CloseWrite", false, checkCloseWrite},
		{"Close wakes", false, checkCloseWakes},
		{"Close loses nothing", true, checkCloseDelivers},
		{"Abort", false, checkAbort},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ends && s.datagrams {
				t.Skip("datagrams have no sure end")
			}
			t.Parallel()
			c.run(newCheck(t, s))
		})
	}
}

const (
	// patience is how long a check waits for what must come.
	patience = 20 * time.Second
	// shortly is how long it waits to see that nothing comes.
	shortly = 20 * time.Millisecond
)

// check is one subtest with its connection. Calls on a and b end after
// patience, so that a broken tube fails and does not hang.
type check struct {
	testing.TB
	suite
	a, b   *tube.Tube
	talker sync.WaitGroup
	spoken chan struct{} // closed when what was to be said last is said; nil: nothing was
}

func newCheck(t testing.TB, s *suite, opts ...tube.Option) *check {
	c := &check{TB: t, suite: *s}
	c.a, c.b = s.make(t, append([]tube.Option{tube.WithTimeout(patience)}, opts...)...)
	t.Cleanup(func() {
		c.a.Abort()
		c.b.Abort()
		c.talker.Wait()
	})
	return c
}

// says makes b send the given parts, in the background: where nothing is
// buffered, sending waits for receiving. What is said later comes later.
func (c *check) says(parts ...string) { c.talk(parts, func() {}) }

func (c *check) talk(parts []string, then func()) {
	before, spoken := c.spoken, make(chan struct{})
	c.spoken = spoken
	c.talker.Go(func() {
		defer close(spoken)
		if before != nil {
			<-before
		}
		for _, p := range parts {
			if c.b.Send(p) != nil {
				return
			}
		}
		then()
	})
}

// saysLast is says and then the end of the stream.
func (c *check) saysLast(parts ...string) {
	c.talk(parts, func() {
		if errors.Is(c.b.CloseWrite(), errors.ErrUnsupported) {
			c.b.Close()
		}
	})
}

func (c *check) must(what string, err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}

// got fails the check unless a call returned want and no error.
func got[T comparable](c *check, what string, v T, err error, want T) {
	c.Helper()
	if err != nil || v != want {
		c.Fatalf("%s = %#v, %v, want %#v", what, v, err, want)
	}
}

// failed fails the check unless err is an *Error made of target.
func (c *check) failed(what string, err, target error) *tube.Error {
	c.Helper()
	var e *tube.Error
	if !errors.Is(err, target) || !errors.As(err, &e) {
		c.Fatalf("%s: error %v (%T), want a *tube.Error made of: %v", what, err, err, target)
	}
	return e
}
