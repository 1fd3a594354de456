package geography

import (
	"net"
	"net/netip"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	thinkingTime = 60 * time.Second // for a whole ranked game
	roundTime    = 5 * time.Second  // for one round of it
	mostCredit   = 200 * time.Millisecond
)

// clock counts thinking time: what passes from when the server begins to send a question until it has the answer, less the
// network's round trip. It stands still while the server draws and judges, and an answer that is there before its question
// costs nothing. What comes in between is the player's own making and counts: lines that are no answers, and that the server
// cannot send because the player does not read.
type clock struct {
	total, left time.Duration
	round       time.Duration // left of this round
	credit      time.Duration // left of this round's round trip
	waited      time.Time     // when the last wait of this round ended; zero: there was none
	rtt         func() time.Duration
}

// newClock makes the clock of a session's ranked game. Behind a proxy the kernel measures the way to
// the proxy, not to the player: no round trip is credited, and the budget doubles instead.
func newClock(s *chal.Session) clock {
	c := clock{total: thinkingTime, rtt: func() time.Duration { return 0 }}
	conn := tube.TCP(s.Conn())
	switch {
	case proxied(s):
		c.total *= 2
	case conn != nil:
		c.rtt = func() time.Duration {
			rtt, _ := minRTT(conn)
			return rtt
		}
	}
	c.left = c.total
	return c
}

// next starts a round.
func (c *clock) next() {
	c.round = min(roundTime, c.left)
	c.credit = min(c.rtt(), mostCredit) // a client can inflate what the kernel measures
	c.waited = time.Time{}
}

// again takes off what has passed since the last wait of the round, if there was one.
func (c *clock) again(now time.Time) {
	if !c.waited.IsZero() {
		c.spend(now.Sub(c.waited))
	}
}

// limit is how long the server may wait now.
func (c *clock) limit() time.Duration { return c.round + c.credit }

// spend takes a wait of that length off the clock.
func (c *clock) spend(d time.Duration) {
	free := min(d, c.credit)
	c.credit -= free
	d = min(d-free, c.round)
	c.round -= d
	c.left -= d
}

// spent is the thinking time so far.
func (c *clock) spent() time.Duration { return c.total - c.left }

// proxied says whether the player is not who the connection leads to.
func proxied(s *chal.Session) bool {
	conn := tube.TCP(s.Conn())
	if conn == nil || !s.Remote.IsValid() {
		return false
	}
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	at := peer.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()) != s.Remote
}
