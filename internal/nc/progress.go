package nc

import (
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often --progress is written anew.
const progressEvery = 500 * time.Millisecond

// amount writes a number of bytes for people.
func amount(n float64) string {
	for _, u := range []string{"B", "kB", "MB", "GB"} {
		if n < 999.5 {
			if u == "B" {
				return fmt.Sprintf("%.0f B", n)
			}
			return fmt.Sprintf("%.3g %s", n, u)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g TB", n)
}

// state is the line of --progress and the summary of -vv.
func (s *session) state(since time.Time) string {
	d := time.Since(since)
	sent, got := float64(s.sent.Bytes()), float64(s.got.Bytes())
	return fmt.Sprintf("sent %s (%s/s), received %s (%s/s) in %.1f s", amount(sent), amount(sent/d.Seconds()), amount(got), amount(got/d.Seconds()), d.Seconds())
}

// showProgress rewrites one line until the session is over, and leaves the last.
func (s *session) showProgress(start time.Time) (stop func()) {
	if !s.n.c.progress {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	tty := term.IsTerminal(int(s.n.r.w.Fd()))
	width := 0
	show := func(end string) {
		if s.n.r.json {
			s.n.r.event("progress", "sent", s.sent.Bytes(), "received", s.got.Bytes())
			return
		}
		line := s.state(start)
		pad := strings.Repeat(" ", max(0, width-len(line)))
		width = len(line)
		if tty {
			s.n.r.write("\r" + line + pad + end)
		} else {
			s.n.r.write(line + "\n") // a log has no line to rewrite
		}
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if tty || s.n.r.json {
					show("")
				}
			case <-quit:
				show("\n")
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// summary is told at the end with -vv, and with -v on a terminal.
func (s *session) summary(start time.Time) {
	r := s.n.r
	if r.verbose == 0 || r.verbose == 1 && !term.IsTerminal(int(r.w.Fd())) {
		return
	}
	where := ""
	if a := s.conn.RemoteAddr(); a != nil && a.String() != "" {
		where = a.String() + ": "
	}
	rtt := ""
	if d := roundTrip(s.conn); d > 0 {
		rtt = fmt.Sprintf(", round trip %v", d.Round(10*time.Microsecond))
	}
	r.say("%s%s%s", where, s.state(start), rtt)
}

// unwrapTLS returns the connection below TLS.
func unwrapTLS(conn net.Conn) net.Conn {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return conn
}
