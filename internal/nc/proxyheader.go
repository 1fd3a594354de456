package nc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
)

// headerLimit is how long a client may take for its PROXY header.
const headerLimit = 10 * time.Second

// sendHeader tells the server who connects.
func (n *netcat) sendHeader(conn net.Conn) error {
	src, _ := addrPort(conn.LocalAddr())
	dst, _ := addrPort(conn.RemoteAddr())
	header := proxy.HeaderV1(src, dst)
	if n.c.proxy.header == 2 {
		header = proxy.HeaderV2(src, dst)
	}
	_, err := conn.Write(header)
	return err
}

// oneByte gives a buffered reader no byte more than it asks for, so that none
// of what follows the header is taken.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// readHeader reads a PROXY header and returns whom it speaks of.
func readHeader(conn net.Conn) (net.Addr, error) {
	conn.SetReadDeadline(time.Now().Add(headerLimit))
	defer conn.SetReadDeadline(time.Time{})
	r := bufio.NewReader(oneByte{conn})
	h, err := proxyproto.Read(r)
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		return nil, withHint(fmt.Errorf("%s sent no PROXY header", conn.RemoteAddr()), "it must come through a proxy that sends one, or leave --proxy-protocol out")
	case err != nil:
		return nil, fmt.Errorf("read the PROXY header of %s: %w", conn.RemoteAddr(), err)
	case r.Buffered() > 0:
		return nil, errors.New("the PROXY header was read too far")
	}
	if h.Command.IsLocal() || h.SourceAddr == nil {
		return conn.RemoteAddr(), nil
	}
	return h.SourceAddr, nil
}
