//go:build unix

package tube

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

var unixgramSeq atomic.Int64

// dialUnixgram connects a Unix datagram socket. To be answered it needs an
// address of its own: a file that is removed when the tube is closed.
func dialUnixgram(addr string) (net.Conn, error) {
	own := filepath.Join(os.TempDir(), fmt.Sprintf("tube-%d-%d.sock", os.Getpid(), unixgramSeq.Add(1)))
	c, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: addr, Net: "unixgram"})
	if err != nil {
		os.Remove(own)
		return nil, err
	}
	return &boundConn{UnixConn: c, path: own}, nil
}

// boundConn removes the file its socket is bound to.
type boundConn struct {
	*net.UnixConn
	path string
	once sync.Once
}

func (c *boundConn) Close() error {
	c.once.Do(func() { os.Remove(c.path) })
	return c.UnixConn.Close()
}
