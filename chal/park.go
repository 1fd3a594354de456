package chal

import (
	"net"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// parking is what is left of a session that awaits its player: see [Arrival.Await].
type parking struct {
	fd    int32
	timer *time.Timer
}

// park leaves c to the car park until its player is heard from, until has come, or the arrival is told to end; another
// goroutine goes on with it then. It is false where c's own must go on.
func (s *Server) park(c *session, until time.Time) bool {
	tcp := tube.TCP(c.conn)
	if tcp == nil || c.conn != net.Conn(tcp) || c.tube.Buffered() > 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || c.queue != &s.arriving {
		return false
	}
	if s.lot == nil {
		lot, err := openLot()
		if err != nil {
			return false
		}
		s.lot = lot
		s.wg.Go(func() { lot.watch(s.heard) })
	}
	fd, ok := s.lot.add(tcp, c)
	if ok {
		c.parked = &parking{fd, time.AfterFunc(time.Until(until), func() { s.late(c) })}
	}
	return ok
}

// heard is called when something happened on a descriptor.
func (s *Server) heard(fd int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.lot.parked[fd]; c != nil {
		s.unpark(c)
	}
}

// late is called when a session has been parked for long enough.
func (s *Server) late(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpark(c)
}

// unpark makes c go on if it is parked; mu is held.
func (s *Server) unpark(c *session) {
	if c.parked == nil {
		return
	}
	c.parked.timer.Stop()
	s.lot.remove(c.parked.fd)
	c.parked = nil
	go c.run()
}
