package nc

import (
	"crypto/tls"
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

// showStatus shows what is going on, on a terminal and never elsewhere: below
// the edited line, or as the last line of the standard error.
func (n *netcat) showStatus(text string) {
	switch {
	case !n.r.TTY || n.r.JSON:
	case n.editor != nil:
		n.editor.setStatus(text)
	default:
		width, _, err := term.GetSize(int(n.r.W.Fd()))
		if err == nil && width > 0 && len(text) >= width {
			text = text[:width-1]
		}
		n.r.SetStatus(text)
	}
}

// live is the status line of -v: where to, how protected, how much, how fast.
// It is there only where it stands in nobody's way.
func (s *session) live() (stop func()) {
	n := s.n
	typed := n.in.Terminal() && !n.c.NoStdin && !n.c.RecvOnly
	if n.c.Verbose == 0 || !n.r.TTY || n.r.JSON || n.editor == nil && (typed || term.IsTerminal(int(n.stdout.Fd()))) {
		return func() {}
	}
	where := "listening"
	if a := s.conn.RemoteAddr(); a != nil {
		where = a.String()
	}
	if t, ok := s.conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		where += ", " + tls.VersionName(t.ConnectionState().Version)
	}
	var before int64
	return every(progressEvery, func(d time.Duration) {
		sent, got := s.sent.Bytes(), s.got.Bytes()
		line := fmt.Sprintf("%s, sent %s, received %s, %s/s", where, amount(float64(sent)), amount(float64(got)), amount(float64(sent+got-before)/d.Seconds()))
		before = sent + got
		if rtt := roundTrip(s.conn); rtt > 0 {
			line += fmt.Sprintf(", round trip %v", rtt.Round(10*time.Microsecond))
		}
		if s.solver == nil || !s.solver.Working() {
			n.showStatus(line)
		}
	}, func() { n.showStatus("") })
}

// every calls f again and again with the time since the last call, until it is
// stopped, and then last.
func every(d time.Duration, f func(time.Duration), last func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		begin := time.Now()
		for {
			select {
			case now := <-tick.C:
				f(now.Sub(begin))
				begin = now
			case <-quit:
				last()
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// showProgress rewrites one line until the session is over, and leaves the last.
func (s *session) showProgress(start time.Time) (stop func()) {
	if !s.n.c.Progress {
		return s.live()
	}
	r := s.n.r
	width := 0
	show := func(last bool) {
		line := s.state(start)
		switch {
		case r.JSON:
			r.Event("progress", "sent", s.sent.Bytes(), "received", s.got.Bytes())
		case r.TTY && s.n.editor != nil && !last:
			s.n.editor.setStatus(line)
		case r.TTY && s.n.editor == nil:
			pad := strings.Repeat(" ", max(0, width-len(line)))
			width = len(line)
			r.Write("\r" + line + pad)
			if last {
				r.Write("\n")
			}
		default:
			r.Write(line + "\n") // a log has no line to rewrite
		}
	}
	return every(progressEvery, func(time.Duration) {
		if r.TTY || r.JSON {
			show(false)
		}
	}, func() { show(true) })
}

// summary is told at the end with -vv, and with -v on a terminal.
func (s *session) summary(start time.Time) {
	r := s.n.r
	if r.Verbose == 0 || r.Verbose == 1 && !r.TTY {
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
	r.Say("%s%s%s", where, s.state(start), rtt)
}

// unwrapTLS returns the connection below TLS.
func unwrapTLS(conn net.Conn) net.Conn {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return conn
}
