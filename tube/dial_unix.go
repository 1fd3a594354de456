//go:build unix

package tube

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
)

// dialUnixgram connects a Unix datagram socket. To be answered it needs an
// address of its own: a file that is removed when the tube is closed.
func dialUnixgram(addr string) (net.Conn, error) {
	own := filepath.Join(os.TempDir(), "tube-"+rand.Text()+".sock")
	c, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: addr, Net: "unixgram"})
	if err != nil {
		os.Remove(own)
		return nil, err
	}
	return &boundConn{UnixConn: c, path: own}, nil
}
