package nc

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// lobbySize is how many clients may be in their PROXY headers and handshakes at once, where they are served one by one.
	lobbySize = 128
	// courtesy is how long one who came later waits for one who came before and is not ready.
	courtesy = 250 * time.Millisecond
	// crowded is how long a client may take when there is no room for another.
	crowded = 2 * time.Second
)

// lobby takes clients through their PROXY headers and handshakes side by side, for a listener that serves them one by one: a
// client that keeps silent there does not hold up the next. Who does not keep silent is served in the order of arrival.
type lobby struct {
	n        *netcat
	ln       net.Listener
	conf     *tls.Config
	ctx      context.Context
	cancel   context.CancelFunc
	inside   sync.WaitGroup
	only     bool     // the first client is the only one, whatever becomes of it: ncat's without -k
	guests   []*guest // in the order of arrival
	taking   bool     // an accept runs
	accepted chan arrival
	prepared chan *guest // has room for all
}

// arrival is what accepting returned.
type arrival struct {
	conn net.Conn
	err  error
}

// guest is a client that was accepted and is not served yet.
type guest struct {
	conn   net.Conn
	came   time.Time
	cancel context.CancelFunc
	away   bool // sent away
	ready  bool
	cl     *client
	err    error
}

func (n *netcat) newLobby(ctx context.Context, ln net.Listener, conf *tls.Config) *lobby {
	l := &lobby{n: n, ln: ln, conf: conf, only: n.c.Ncat() && !n.c.KeepOpen, accepted: make(chan arrival, 1), prepared: make(chan *guest, lobbySize)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// next returns the next client that is ready. Who does not get so far is told of, and does not count.
func (l *lobby) next() (*client, error) {
	if l.conf == nil && l.n.c.Proxy.Header == 0 {
		conn, err := l.n.accept(l.ctx, l.ln)
		if err != nil {
			return nil, err
		}
		l.n.tellReceived(l.ctx, conn)
		return &client{conn, conn.RemoteAddr()}, nil
	}
	for {
		g, wait := l.pick(time.Now())
		switch {
		case g == nil:
		case g.err == nil || l.only:
			return g.cl, g.err
		default:
			l.n.r.Fail(g.err) // the next one may do better
			continue
		}
		if !l.taking && len(l.guests) < lobbySize && !(l.only && len(l.guests) > 0) {
			l.taking = true
			l.inside.Go(func() {
				conn, err := l.n.accept(l.ctx, l.ln)
				l.accepted <- arrival{conn, err}
			})
		}
		var later <-chan time.Time
		if wait > 0 {
			later = time.After(wait)
		}
		select {
		case a := <-l.accepted:
			l.taking = false
			if a.err != nil {
				return nil, a.err
			}
			l.welcome(a.conn)
		case g := <-l.prepared:
			g.ready = true
		case <-later:
		}
	}
}

// welcome begins to prepare a client.
func (l *lobby) welcome(conn net.Conn) {
	ctx, cancel := context.WithCancel(l.ctx)
	g := &guest{conn: conn, came: time.Now(), cancel: cancel}
	l.guests = append(l.guests, g)
	l.inside.Go(func() {
		defer cancel()
		l.n.tellReceived(ctx, conn)
		g.cl, g.err = l.n.prepare(ctx, conn, l.conf)
		l.prepared <- g
	})
}

// pick takes the client whose turn it is out of the lobby, nil when it is nobody's; then it returns after how long to look again,
// 0 for not before something happens.
func (l *lobby) pick(now time.Time) (*guest, time.Duration) {
	again := l.makeRoom(now)
	var patience time.Duration
	for i, g := range l.guests {
		switch {
		case !g.ready:
			patience = max(patience, courtesy-now.Sub(g.came))
		case g.err != nil || patience <= 0:
			l.guests = slices.Delete(l.guests, i, i+1)
			return g, 0
		case again == 0 || patience < again:
			return nil, patience // somebody who came before may still be ready in time
		}
	}
	return nil, again
}

// makeRoom sends the one that has been silent longest away where there is no room for another. It returns after how long to do so,
// 0 for not.
func (l *lobby) makeRoom(now time.Time) time.Duration {
	i := slices.IndexFunc(l.guests, func(g *guest) bool { return !g.ready })
	if i < 0 || len(l.guests) < lobbySize || l.guests[i].away {
		return 0
	}
	g := l.guests[i]
	if wait := crowded - now.Sub(g.came); wait > 0 {
		return wait
	}
	l.n.r.Say("%s: %s has kept silent for %v while others wait, and is sent away", l.n.c.Name, g.conn.RemoteAddr(), crowded)
	g.away = true
	g.cancel()
	return 0
}

// close turns away who is inside, and whoever would come.
func (l *lobby) close() {
	l.cancel()
	l.ln.Close()
	l.inside.Wait()
	select {
	case a := <-l.accepted:
		if a.conn != nil {
			a.conn.Close()
		}
	default:
	}
	for _, g := range l.guests {
		if g.cl != nil {
			g.cl.conn.Close()
		}
	}
	l.guests = nil
}
