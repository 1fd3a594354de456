package nc

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// lobbySize is how many clients may be in their PROXY headers and handshakes at once, where they are served one by one.
const lobbySize = 128

// lobby takes clients through their PROXY headers and handshakes side by side, for a listener that serves them one by one: a
// client that keeps silent there does not hold up the next.
type lobby struct {
	n        *netcat
	ln       net.Listener
	conf     *tls.Config
	accepted chan arrival // one at most: by the accept that runs
	ready    chan arrival
	places   chan struct{}
	taking   bool // an accept runs
	cancel   context.CancelFunc
	ctx      context.Context
	inside   sync.WaitGroup
}

// arrival is a client, a connection that is none yet, or why there is none.
type arrival struct {
	conn net.Conn
	cl   *client
	err  error
}

func (n *netcat) newLobby(ctx context.Context, ln net.Listener, conf *tls.Config) *lobby {
	l := &lobby{n: n, ln: ln, conf: conf, accepted: make(chan arrival, 1), ready: make(chan arrival), places: make(chan struct{}, lobbySize)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// next returns the next client that is ready. Who does not get so far is told of, and does not count, but as ncat's one client.
func (l *lobby) next() (*client, error) {
	if l.conf == nil && l.n.c.Proxy.Header == 0 {
		conn, err := l.n.accept(l.ctx, l.ln)
		if err != nil {
			return nil, err
		}
		return &client{conn, conn.RemoteAddr()}, nil
	}
	for {
		accepted, places := l.accepted, l.places
		if l.taking {
			places = nil
		} else {
			accepted = nil
		}
		select {
		case places <- struct{}{}:
			l.taking = true
			l.inside.Go(func() {
				conn, err := l.n.accept(l.ctx, l.ln)
				l.accepted <- arrival{conn: conn, err: err}
			})
		case a := <-accepted:
			l.taking = false
			if a.err != nil {
				return nil, a.err
			}
			l.inside.Go(func() { l.prepare(a.conn) })
		case a := <-l.ready:
			if a.err == nil || l.n.c.Ncat() && !l.n.c.KeepOpen {
				return a.cl, a.err
			}
			l.n.r.Fail(a.err) // the next one may do better
		}
	}
}

func (l *lobby) prepare(conn net.Conn) {
	defer func() { <-l.places }()
	cl, err := l.n.prepare(l.ctx, conn, l.conf)
	select {
	case l.ready <- arrival{cl: cl, err: err}:
	case <-l.ctx.Done():
		if cl != nil {
			cl.conn.Close()
		}
	}
}

// close turns away who is inside, and whoever would come. The listener is closed already, or is closed now.
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
}
