package packet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// defaultPeers is how many peers a Listener tells apart when nothing else is said.
	defaultPeers = 100
	// peerBacklog is how many packets wait for one that does not read; more are lost, as packets are.
	peerBacklog = 64
	// peerSilence is after which a peer gives its place to a new one, when all are taken.
	peerSilence = time.Minute
)

// Listener makes a connection of each peer of a packet socket. Packets carry no end: who serves a peer ends its
// connection, and a peer that has been silent for a minute loses its place when a new one needs it.
type Listener struct {
	pc    net.PacketConn
	most  int
	fresh chan *peer

	mu    sync.Mutex
	peers map[string]*peer
	err   error // what ended the reading; set before over is closed
	over  chan struct{}
}

// NewListener listens for peers on pc, at most so many at once; 0 means 100.
func NewListener(pc net.PacketConn, most int) *Listener {
	if most <= 0 {
		most = defaultPeers
	}
	l := &Listener{pc: pc, most: most, fresh: make(chan *peer, most), peers: map[string]*peer{}, over: make(chan struct{})}
	go l.read()
	return l
}

// Accept waits for a new peer.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case p := <-l.fresh:
		return p, nil
	case <-l.over:
		return nil, l.err
	}
}

// Addr is where the peers send to.
func (l *Listener) Addr() net.Addr { return l.pc.LocalAddr() }

// Close ends the listener and all its connections.
func (l *Listener) Close() error { return l.pc.Close() }

func (l *Listener) read() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := l.pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			l.end(err)
			return
		}
		if err != nil || from == nil || from.String() == "" {
			continue // a refusal of something sent, or a peer that cannot be answered
		}
		p := l.peer(from)
		if p == nil {
			continue
		}
		select {
		case p.queue <- append([]byte(nil), buf[:n]...):
		default:
		}
	}
}

func (l *Listener) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	close(l.over)
	for _, p := range l.peers {
		p.close()
	}
}

// peer finds or makes the peer of an address; nil when there is no place for it.
func (l *Listener) peer(from net.Addr) *peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := from.String()
	if p := l.peers[key]; p != nil {
		p.last = time.Now()
		return p
	}
	if len(l.peers) >= l.most && !l.makeRoom() {
		return nil
	}
	p := &peer{l: l, addr: from, queue: make(chan []byte, peerBacklog), gone: make(chan struct{}), last: time.Now()}
	select {
	case l.fresh <- p:
		l.peers[key] = p
		return p
	default:
		return nil
	}
}

// makeRoom ends the peer that has been silent longest, if that is long enough.
func (l *Listener) makeRoom() bool {
	var oldest *peer
	for _, p := range l.peers {
		if oldest == nil || p.last.Before(oldest.last) {
			oldest = p
		}
	}
	if oldest == nil || time.Since(oldest.last) < peerSilence {
		return false
	}
	delete(l.peers, oldest.addr.String())
	oldest.close()
	return true
}

// peer is the connection to one address.
type peer struct {
	l     *Listener
	addr  net.Addr
	queue chan []byte
	gone  chan struct{}
	once  sync.Once
	last  time.Time // when it was heard; guarded by l.mu
}

// Read returns one packet.
func (p *peer) Read(b []byte) (int, error) {
	select {
	case packet := <-p.queue:
		return copy(b, packet), nil
	default:
	}
	select {
	case packet := <-p.queue:
		return copy(b, packet), nil
	case <-p.gone:
		return 0, io.EOF
	}
}

// Write sends one packet.
func (p *peer) Write(b []byte) (int, error) {
	select {
	case <-p.gone:
		return 0, net.ErrClosed
	default:
		return p.l.pc.WriteTo(b, p.addr)
	}
}

// Close gives the place free; the peer's next packet begins a new connection.
func (p *peer) Close() error {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	if p.l.peers[p.addr.String()] == p {
		delete(p.l.peers, p.addr.String())
	}
	p.close()
	return nil
}

func (p *peer) close() { p.once.Do(func() { close(p.gone) }) }

func (p *peer) LocalAddr() net.Addr  { return p.l.pc.LocalAddr() }
func (p *peer) RemoteAddr() net.Addr { return p.addr }

// SetDeadline, and those of one direction, say that there are none.
func (p *peer) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (p *peer) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (p *peer) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
