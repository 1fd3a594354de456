package chal

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	maxRefusals  = 64              // refused connections that may linger at the same time
	refusalTime  = 2 * time.Second // for each
	tellInterval = 10 * time.Second
)

// refuse tells the client why there is no session and closes, without making accept wait. So that a flood
// of refusals stays cheap, only some of them linger; the others are told and closed at once.
func (s *Server) refuse(conn net.Conn, remote netip.AddrPort, err error) {
	reason, text := ReasonDenied, "Sorry, there is no place for you now."
	var refusal *Refusal
	if errors.As(err, &refusal) {
		reason, text = refusal.reason(), refusal.Text
	}
	s.refused.Add(1)
	s.record(Entry{What: EntryRefused, Remote: remote, Reason: reason})
	s.logRefusal(remote, err)
	if text != "" {
		text += "\n"
	}
	if !s.addRefusal(conn) {
		if _, ok := conn.(tube.TCPConn); ok {
			io.WriteString(conn, text) // fits the empty send buffer: does not wait
		}
		conn.Close()
		return
	}
	go func() {
		defer s.removeRefusal(conn)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(refusalTime))
		if _, err := io.WriteString(conn, text); err == nil {
			s.linger(conn, false)
		}
	}()
}

// logRefusal logs the first refusal, and how many there were every ten seconds from then on.
func (s *Server) logRefusal(remote netip.AddrPort, err error) {
	s.mu.Lock()
	s.untold++
	n, now := s.untold, time.Now()
	tell := now.Sub(s.lastTold) >= tellInterval
	if tell {
		s.lastTold, s.untold = now, 0
	}
	s.mu.Unlock()
	if tell {
		s.Log.Warn("refused", "remote", remote, "error", err, "refused_since", n)
	}
}

// addRefusal says whether conn may linger.
func (s *Server) addRefusal(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.refusals) >= maxRefusals {
		return false
	}
	if s.refusals == nil {
		s.refusals = make(map[net.Conn]struct{})
	}
	s.refusals[conn] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) removeRefusal(conn net.Conn) {
	s.mu.Lock()
	delete(s.refusals, conn)
	s.mu.Unlock()
	s.wg.Done()
}
