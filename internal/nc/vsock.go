package nc

import (
	"errors"
	"net"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/vsock"
)

func (n *netcat) vsockAddr() vsock.Addr {
	cid := uint32(vsock.Any)
	if n.c.Host != "" {
		cid, _ = cmdline.ParseUint32(n.c.Host)
	}
	return vsock.Addr{CID: cid, Port: uint32(n.c.Ports[0].Lo)}
}

func (n *netcat) dialVsock() (net.Conn, error) {
	to := n.vsockAddr()
	conn, err := vsock.Dial(to, n.c.ConnectTimeout())
	switch {
	case errors.Is(err, vsock.ErrUnsupported):
		return nil, noVsock(err)
	case err != nil:
		n.r.Say("%s: connect to %s port %d (vsock) failed: %s", n.c.Name, n.c.Host, to.Port, report.Cause(err))
		return nil, report.ConnectError(err, "vsock "+to.String(), "vsock", "")
	}
	n.r.Event("connected", "remote", to.String(), "protocol", "vsock")
	n.r.Say("Connection to %s %d port [vsock/*] succeeded!", n.c.Host, to.Port)
	return conn, nil
}

func (n *netcat) listenVsock() (net.Listener, error) {
	at := n.vsockAddr()
	ln, err := vsock.Listen(at)
	switch {
	case errors.Is(err, vsock.ErrUnsupported):
		return nil, noVsock(err)
	case err != nil:
		return nil, report.ListenError(err, "vsock "+at.String())
	}
	n.announce(at.String(), "vsock")
	n.r.Say("Listening on vsock %d", at.Port)
	return ln, nil
}

func noVsock(err error) error {
	return report.WithHint(err, "it needs Linux, the module vsock and a transport (vsock_loopback for CID 1)")
}
