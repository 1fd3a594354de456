package tube

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// brokenSocket is a datagram socket that fails at every call until it is closed.
type brokenSocket struct {
	net.PacketConn
	calls  atomic.Int64
	closed atomic.Bool
}

func (b *brokenSocket) ReadFrom([]byte) (int, net.Addr, error) {
	b.calls.Add(1)
	if b.closed.Load() {
		return 0, nil, net.ErrClosed
	}
	return 0, nil, errors.New("broken")
}

func (b *brokenSocket) Close() error {
	b.closed.Store(true)
	return nil
}

func (b *brokenSocket) LocalAddr() net.Addr { return &net.UDPAddr{} }

// TestLastingError keeps no processor busy with a socket that is broken.
func TestLastingError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &brokenSocket{}
		l := newPacketListener(b)
		time.Sleep(10 * time.Second)
		if n := b.calls.Load(); n > 300 {
			t.Errorf("%d calls in 10 s", n)
		}
		l.Close()
		time.Sleep(time.Second) // until the pause of the reading goroutine is over
	})
}
