package tube

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"sync"
)

// dialTLS connects over TCP and makes the handshake.
func dialTLS(ctx context.Context, addr string, cfg *tls.Config) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(addr) // dialled, so it has this form
	}
	c := tls.Client(&owingConn{TCPConn: conn.(*net.TCPConn)}, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &net.OpError{Op: "dial", Net: "tls", Addr: conn.RemoteAddr(), Err: err}
	}
	return c, nil
}

// tlsListener accepts TLS connections; their handshake is made by the first
// call that needs it.
type tlsListener struct {
	net.Listener
	cfg *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(&owingConn{TCPConn: conn.(*net.TCPConn)}, l.cfg), nil
}

// owingConn lies below TLS, which does not survive a write that times out:
// half a record cannot be taken back. So here such a write succeeds, what is
// left of it is owed and written before anything else, and flush tells the
// Tube that the time was up.
type owingConn struct {
	*net.TCPConn
	mu   sync.Mutex
	owed []byte
}

func (c *owingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	err := c.pay()
	if err == nil {
		n, err = c.TCPConn.Write(p)
	}
	if classify(err) == os.ErrDeadlineExceeded {
		c.owed = append(c.owed, p[n:]...)
		return len(p), nil
	}
	return n, err
}

// flush writes what is owed.
func (c *owingConn) flush() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pay()
}

// pay is flush with mu held.
func (c *owingConn) pay() error {
	if len(c.owed) == 0 {
		return nil
	}
	n, err := c.TCPConn.Write(c.owed)
	if c.owed = c.owed[n:]; len(c.owed) == 0 {
		c.owed = nil
	}
	return err
}

// tlsPiece is how much is handed to TLS at once: a record, so that no more
// than one can be owed.
const tlsPiece = 16 << 10

// handshake is that of a TLS connection that has not made it yet. TLS cannot
// take up a handshake that a deadline has interrupted, so the first call
// starts it in a goroutine of its own and waits for it as long as it may; so
// may the next. Closing the connection ends it.
type handshake struct {
	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

func (h *handshake) pending() bool {
	if h == nil {
		return false
	}
	select {
	case <-h.done:
		return false
	default:
		return true
	}
}
