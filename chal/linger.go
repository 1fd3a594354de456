package chal

import (
	"cmp"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	hurryLinger = 100 * time.Millisecond // instead of Linger, after Close
	lingerBytes = 4 << 20                // of unread input are read away, not more
)

type closeWriter interface{ CloseWrite() error }

var junk = sync.Pool{New: func() any { return new([2 << 10]byte) }}

// linger makes a following Close lose nothing: it half-closes and reads away what comes until the peer
// closes too. A connection closed while input is unread, or before all input has come, would be reset by the
// system, and the peer could lose lines it has not read. One who is slow to read what was sent is waited for, if patient.
func (s *Server) linger(conn net.Conn, patient bool) {
	d := span(s.Linger, defaultLinger)
	if d == 0 {
		return
	}
	half, ok := conn.(closeWriter)
	if !ok {
		s.readAway(conn, d)
		return
	}
	wait := func() {
		conn.SetReadDeadline(time.Now().Add(d))
		if s.hurry.Load() { // set before Close shortens the deadlines of all: one of the two sees the other
			conn.SetReadDeadline(time.Now().Add(min(d, hurryLinger)))
		}
	}
	wait()
	if half.CloseWrite() != nil {
		return // reset, or closed by the handler
	}
	runtime.Gosched() // most players close at once: let them, and the first read is the last
	buf := junk.Get().(*[2 << 10]byte)
	defer junk.Put(buf)
	var r *reader
	for left := lingerBytes; ; {
		n, err := conn.Read(buf[:])
		left -= n
		if err == nil && left > 0 {
			continue
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || s.hurry.Load() {
			return
		}
		if r == nil && patient {
			r = s.newReader(conn)
		}
		if !r.reads() {
			if r != nil && r.owed > mostOwed {
				r.tcp.SetLinger(0)
			}
			return
		}
		left = lingerBytes
		if err != nil {
			wait()
		}
	}
}

// quietTime is for input that is under way when a session is over.
const quietTime = 250 * time.Millisecond

// readAway is linger for a connection that has no half-close, as one that a listener has wrapped in a type of its own: the
// peer is not told that it is over, so what it had sent by then is all that there is to read.
func (s *Server) readAway(conn net.Conn, d time.Duration) {
	buf := junk.Get().(*[2 << 10]byte)
	defer junk.Put(buf)
	end := time.Now().Add(d)
	for left := lingerBytes; left > 0 && !s.hurry.Load(); {
		quiet := time.Now().Add(quietTime)
		if quiet.After(end) {
			quiet = end
		}
		if conn.SetReadDeadline(quiet) != nil {
			return
		}
		n, err := conn.Read(buf[:])
		if err != nil {
			return
		}
		left -= n
	}
}

// mostOwed is how many bytes are left to the system for a player who does not take them: it keeps them for minutes, outside of every
// limit. Of more the connection is reset.
const mostOwed = 64 << 10

// reader is a player who has not had everything yet when the server would go.
type reader struct {
	tcp     tube.TCPConn
	unacked func(tube.TCPConn) (n int, known bool)
	end     time.Time     // of all patience
	still   time.Duration // how long nothing may become of what the player has not had yet
	owed    int           // what the player's system had not acknowledged when last asked
	moved   time.Time     // when that last changed
}

// slowestReader is the most that [reader.still] is. A slow one's system takes what was sent by dozens of kilobytes, and says nothing between.
const slowestReader = 10 * time.Second

// newReader is for the player of conn. Who takes what was sent may take for it as long as for the session itself: idle time is no measure of
// that, only of standing still, since who reads is not idle.
func (s *Server) newReader(conn net.Conn) *reader {
	now := time.Now()
	session := cmp.Or(span(s.SessionTimeout, defaultSessionTimeout), defaultSessionTimeout)
	idle := cmp.Or(span(s.IdleTimeout, defaultIdleTimeout), defaultIdleTimeout)
	return &reader{
		tcp: tube.TCP(conn), unacked: tube.Unacked,
		end: now.Add(max(session, defaultIdleTimeout)), still: min(idle, slowestReader), moved: now,
	}
}

// reads says whether the player still takes what was sent.
func (r *reader) reads() bool {
	now := time.Now()
	if r == nil || r.tcp == nil || !now.Before(r.end) {
		return false
	}
	owed, _ := r.unacked(r.tcp) // 0 where it is not known
	if owed != r.owed {
		r.owed, r.moved = owed, now
	}
	return owed > 0 && now.Sub(r.moved) < r.still
}

// leaving are the sessions whose players have had the end of the stream a moment ago. Most players close at once, and to wait for that costs a
// session more than all else it does at its end: a registration with the poller, a goroutine that is put aside and woken. So they are all looked
// after together, every millisecond, and only those that are still there after a few times get a goroutine that waits.
type leaving struct {
	mu     sync.Mutex
	here   []leaver
	timer  *time.Timer
	armed  bool      // the timer is, or its function runs
	looked time.Time // when they were last looked after
}

// leaver is a session that is leaving.
type leaver struct {
	*session
	conn   *sock.Conn
	reason Reason
	looks  int
}

const (
	lookEvery  = time.Millisecond
	mostLooks  = 3
	soonestNew = lookEvery / 10 // to the next look because of somebody who wants the place
)

// leaves lets c's player go, where that takes no goroutine: it half-closes, and what is left to do for c is done when the player has closed, too.
// It is false where c's own must see to that.
func (s *Server) leaves(c *session, reason Reason) bool {
	_, conn := c.ways()
	own, ok := conn.(*sock.Conn)
	if !ok || span(s.Linger, defaultLinger) == 0 || c.deferred != nil || own.CloseWrite() != nil {
		return false
	}
	runtime.Gosched() // most players close at once: let them
	p := leaver{session: c, conn: own, reason: reason}
	if p.gone() {
		return true
	}
	l := &s.leaving
	l.mu.Lock()
	defer l.mu.Unlock()
	l.here = append(l.here, p)
	if !l.armed {
		s.wg.Add(1)
		s.armLook()
	}
	return true
}

// armLook sets the timer; leaving.mu is held.
func (s *Server) armLook() {
	l := &s.leaving
	l.armed = true
	if l.timer != nil {
		l.timer.Reset(lookEvery)
		return
	}
	l.timer = time.AfterFunc(lookEvery, func() {
		s.lookAfter()
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.here) > 0 {
			s.armLook()
			return
		}
		l.armed = false
		s.wg.Done()
	})
}

// lookAfter ends the sessions of those who have left.
func (s *Server) lookAfter() {
	l := &s.leaving
	l.mu.Lock()
	here := l.here
	l.here, l.looked = nil, time.Now()
	l.mu.Unlock()
	stay := here[:0]
	for _, p := range here {
		switch p.looks++; {
		case p.gone():
		case p.looks < mostLooks:
			stay = append(stay, p)
		default:
			go p.wait()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.here = append(stay, l.here...)
}

// makeRoom says whether asking for a slot again makes sense, after looking who has left: a player who closes one connection and opens the next
// may have the last one's slot.
func (s *Server) makeRoom(err error) bool {
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != ReasonFull && refusal.Reason != ReasonPerSource {
		return false
	}
	l := &s.leaving
	l.mu.Lock()
	n := len(l.here)
	soon := time.Since(l.looked) < soonestNew // or else a flood of refusals would do nothing but look
	l.mu.Unlock()
	if n == 0 || soon {
		return false
	}
	s.lookAfter()
	return true
}

// gone ends the session if the player has closed.
func (p *leaver) gone() bool {
	buf := junk.Get().(*[2 << 10]byte)
	defer junk.Put(buf)
	if !p.conn.Ended(buf[:]) {
		return false
	}
	t, conn := p.ways()
	p.close.Do(func() { hangUp(t, conn) })
	p.settle(true, p.reason, nil)
	return true
}

// wait is for a player who takes longer.
func (p *leaver) wait() {
	p.farewell("")
	p.settle(true, p.reason, nil)
}
