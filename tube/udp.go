package tube

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	udpBacklog = 128       // peers that have spoken and were not yet accepted
	udpQueue   = 256       // datagrams a peer has sent that were not yet received
	udpHeld    = 256 << 10 // bytes in them; about as many as the system keeps for a socket
)

// packetListener tells the peers of one datagram socket apart. One goroutine
// reads the socket; what does not fit a queue is dropped, as the system does.
type packetListener struct {
	pc      net.PacketConn
	backlog chan *udpPeer
	closed  chan struct{} // no more Accept

	mu    sync.Mutex
	peers map[string]*udpPeer
	done  bool
}

func newPacketListener(pc net.PacketConn) *packetListener {
	l := &packetListener{
		pc: pc, backlog: make(chan *udpPeer, udpBacklog),
		closed: make(chan struct{}), peers: map[string]*udpPeer{},
	}
	go l.readLoop()
	return l
}

func (l *packetListener) readLoop() {
	buf := packetPool.Get().(*[64 << 10]byte)
	defer packetPool.Put(buf)
	for failed := 0; ; {
		n, from, err := l.pc.ReadFrom(buf[:])
		if err != nil {
			if classify(err) == net.ErrClosed {
				return
			}
			// An ICMP error of one peer is not the socket's end. One that lasts must not keep a processor busy.
			if failed++; failed > 8 {
				time.Sleep(min(time.Duration(failed)*time.Millisecond, 100*time.Millisecond))
			}
			continue
		}
		failed = 0
		if from != nil {
			l.deliver(from, buf[:n])
		}
	}
}

func (l *packetListener) deliver(from net.Addr, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	peer := l.peers[from.String()]
	if peer == nil {
		if l.done {
			return
		}
		peer = &udpPeer{l: l, addr: from, queue: make(chan []byte, udpQueue), gone: make(chan struct{})}
		select {
		case l.backlog <- peer:
			l.peers[from.String()] = peer
		default:
			return // as a full listen queue does
		}
	}
	// The first is kept whatever its size.
	if held := peer.held.Add(int64(len(p))); held > udpHeld && held > int64(len(p)) {
		peer.held.Add(-int64(len(p)))
		return
	}
	select {
	case peer.queue <- append([]byte(nil), p...):
	default:
		peer.held.Add(-int64(len(p)))
	}
}

func (l *packetListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case p := <-l.backlog:
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.done { // Close came between, and may have closed the socket
			return nil, net.ErrClosed
		}
		p.accepted = true
		return p, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *packetListener) Addr() net.Addr { return l.pc.LocalAddr() }

func (l *packetListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return net.ErrClosed
	}
	l.done = true
	close(l.closed)
	for name, p := range l.peers {
		if !p.accepted {
			delete(l.peers, name)
		}
	}
	return l.release()
}

// release closes the socket when nobody needs it any more; mu is held.
func (l *packetListener) release() error {
	if !l.done || len(l.peers) > 0 {
		return nil
	}
	addr := l.pc.LocalAddr()
	err := l.pc.Close()
	if a, ok := addr.(*net.UnixAddr); ok && !strings.HasPrefix(a.Name, "@") {
		os.Remove(a.Name)
	}
	return err
}

// udpPeer is the connection with one peer of a packetListener.
type udpPeer struct {
	l        *packetListener
	addr     net.Addr
	accepted bool // guarded by l.mu
	queue    chan []byte
	held     atomic.Int64 // bytes in queue
	rd       deadline
	gone     chan struct{}
	once     sync.Once
}

// Read returns one datagram; what does not fit p is lost, so the Tube gives it
// room for the largest.
func (u *udpPeer) Read(p []byte) (int, error) {
	for {
		past, expire, moved := u.rd.wait()
		if past {
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case d := <-u.queue:
			u.held.Add(-int64(len(d)))
			return copy(p, d), nil
		case <-expire:
		case <-moved:
		case <-u.gone:
			return 0, net.ErrClosed
		}
	}
}

func (u *udpPeer) Write(p []byte) (int, error) {
	select {
	case <-u.gone:
		return 0, net.ErrClosed
	default:
	}
	n, err := u.l.pc.WriteTo(p, u.addr)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

func (u *udpPeer) Close() (err error) {
	u.once.Do(func() {
		close(u.gone)
		u.l.mu.Lock()
		defer u.l.mu.Unlock()
		delete(u.l.peers, u.addr.String())
		err = u.l.release()
	})
	return err
}

func (u *udpPeer) LocalAddr() net.Addr               { return u.l.pc.LocalAddr() }
func (u *udpPeer) RemoteAddr() net.Addr              { return u.addr }
func (u *udpPeer) SetDeadline(t time.Time) error     { u.rd.set(t); return nil }
func (u *udpPeer) SetReadDeadline(t time.Time) error { u.rd.set(t); return nil }

// SetWriteDeadline does nothing: sending a datagram does not wait.
func (u *udpPeer) SetWriteDeadline(time.Time) error { return nil }
