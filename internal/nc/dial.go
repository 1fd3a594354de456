package nc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/packet"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/secure"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/sockopt"
)

// headStart is how long an address is tried before the next joins it.
const headStart = 300 * time.Millisecond

// connect is the client: dial, then the session.
func (n *netcat) connect(ctx context.Context) error {
	if n.c.TLS.On {
		if err := n.secure().Check(); err != nil {
			return err
		}
	}
	conn, err := n.dialRetry(ctx)
	if err != nil {
		return err
	}
	if n.c.PassFD {
		defer conn.Close()
		return sockopt.PassFD(n.stdout, conn)
	}
	if n.c.Runs() {
		ctx, stop := n.endPrograms(ctx)
		defer stop()
		return n.runProgram(ctx, &client{conn, conn.RemoteAddr()})
	}
	return n.converse(ctx, conn)
}

// dialRetry is dial, tried again as --retry says.
func (n *netcat) dialRetry(ctx context.Context) (net.Conn, error) {
	wait := 250 * time.Millisecond
	for try := 0; ; try++ {
		conn, err := n.dial(ctx)
		var u *report.UsageError
		if err == nil || try >= n.c.Retry || errors.As(err, &u) {
			return conn, err
		}
		n.r.Say("%s: trying again in %v (%d of %d)", n.c.Name, wait, try+1, n.c.Retry)
		n.r.Event("retry", "attempt", try+1, "error", err.Error())
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(2*wait, 8*time.Second)
	}
}

// dial makes the connection the command line asks for, with everything that
// belongs to it: proxy, PROXY header, TLS.
func (n *netcat) dial(ctx context.Context) (net.Conn, error) {
	c := n.c
	var conn net.Conn
	var err error
	switch {
	case c.Unix:
		conn, err = n.dialUnix(ctx)
	case c.Vsock:
		conn, err = n.dialVsock()
	case c.Proxy.Addr != "":
		var p *chain
		if p, err = n.proxies(ctx); err == nil {
			conn, err = p.dial(ctx, c.Ports[0].Lo)
		}
	default:
		conn, err = n.dialHost(ctx, c.Host, c.Ports[0].Lo)
	}
	if err == nil && c.Proxy.Header > 0 {
		err = n.sendHeader(conn)
	}
	if err == nil && c.TLS.On {
		return n.secure().Connect(ctx, conn)
	}
	return conn, err
}

// secure is this side of TLS connections.
func (n *netcat) secure() *secure.Peer {
	return &secure.Peer{Options: n.c.TLS, Host: n.c.Host, Limit: n.c.ConnectTimeout(), Report: n.r}
}

// dialHost connects to a host, trying its addresses until one answers.
func (n *netcat) dialHost(ctx context.Context, host string, port int) (net.Conn, error) {
	where := net.JoinHostPort(host, strconv.Itoa(port))
	addrs, err := n.addresses(ctx, host)
	if err != nil {
		n.r.Event("connect-failed", "address", where, "error", report.Cause(err))
		return nil, err
	}
	conn, err := n.race(ctx, host, addrs, port)
	if err != nil {
		var u *report.UsageError
		if errors.As(err, &u) {
			return nil, err
		}
		n.r.Event("connect-failed", "address", where, "error", report.Cause(err))
		return nil, report.ConnectError(err, where, n.c.Proto(), n.portText(port))
	}
	n.tellConnected(host, conn, port)
	return conn, nil
}

func (n *netcat) portText(int) string {
	if n.c.SourcePorts.Lo == 0 {
		return ""
	}
	return strconv.Itoa(n.c.SourcePorts.Lo)
}

// race tries the addresses in order, each with a head start on the next, and
// takes the first connection. The error is the first address's.
func (n *netcat) race(ctx context.Context, host string, addrs []netip.Addr, port int) (net.Conn, error) {
	if t := n.c.ConnectTimeout(); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t*time.Duration(len(addrs)))
		defer cancel()
	}
	if len(addrs) == 1 {
		conn, err := n.attempt(ctx, addrs[0], port)
		if err != nil {
			n.tellFailed(host, addrs[0], port, err)
		}
		return conn, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		addr netip.Addr
		err  error
	}
	results := make(chan result, len(addrs))
	next, open := 0, 0
	start := func() {
		a := addrs[next]
		next++
		open++
		go func() {
			conn, err := n.attempt(ctx, a, port)
			results <- result{conn, a, err}
		}()
	}
	start()
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	var first error
	for {
		select {
		case r := <-results:
			open--
			if r.err == nil {
				cancel()
				for ; open > 0; open-- { // the losers that connected all the same
					go func() {
						if l := <-results; l.conn != nil {
							l.conn.Close()
						}
					}()
				}
				return r.conn, nil
			}
			n.tellFailed(host, r.addr, port, r.err)
			if first == nil {
				first = r.err
			}
			if next < len(addrs) {
				start()
				timer.Reset(headStart)
			} else if open == 0 {
				return nil, first
			}
		case <-timer.C:
			if next < len(addrs) {
				start()
				timer.Reset(headStart)
			}
		}
	}
}

// attempt connects to one address.
func (n *netcat) attempt(ctx context.Context, a netip.Addr, port int) (net.Conn, error) {
	local, err := n.localAddr(ctx, a.Is4())
	if err != nil {
		return nil, err
	}
	d := net.Dialer{LocalAddr: local, Timeout: n.c.ConnectTimeout(), KeepAlive: -1, Control: n.control}
	if n.c.Keepalive > 0 {
		d.KeepAlive = n.c.Keepalive
	}
	network := n.c.Proto() + "6"
	if a.Is4() {
		network = n.c.Proto() + "4"
	}
	return d.DialContext(ctx, network, hostPort(a, port))
}

// control sets the socket's options before it is bound or connected.
func (n *netcat) control(network, _ string, rc syscall.RawConn) error {
	var err error
	o := n.c.Sock
	o.ReuseAddr = n.c.SourcePorts.Lo > 0 && !n.c.UDP
	cerr := rc.Control(func(fd uintptr) { err = o.Set(fd, network) })
	if cerr != nil {
		return cerr
	}
	return err
}

// destination is a host in OpenBSD's words: the name with its address behind, or the address.
func destination(host string, a netip.Addr, noDNS bool) string {
	if _, err := netip.ParseAddr(host); err == nil || noDNS {
		return host
	}
	return fmt.Sprintf("%s (%s)", host, a)
}

func (n *netcat) tellFailed(host string, a netip.Addr, port int, err error) {
	if n.r.Verbose > 0 && !errors.Is(err, context.Canceled) {
		n.r.Say("%s: connect to %s port %d (%s) failed: %s", n.c.Name, destination(host, a, n.c.NoDNS), port, n.c.Proto(), report.Cause(err))
	}
}

func (n *netcat) tellConnected(host string, conn net.Conn, port int) {
	n.r.Event("connected", "remote", conn.RemoteAddr().String(), "local", conn.LocalAddr().String(), "protocol", n.c.Proto())
	ap, _ := addrPort(conn.RemoteAddr())
	if n.c.UDP {
		// Connecting asks nobody. The first answer says that somebody is there.
		n.answered = func() { n.saySucceeded(host, ap.Addr(), port) }
		return
	}
	n.saySucceeded(host, ap.Addr(), port)
}

// heard is told of what comes from the peer, before that is shown.
func (n *netcat) heard() {
	if tell := n.answered; tell != nil {
		n.answered = nil
		tell()
	}
}

// saySucceeded is OpenBSD's line about a connection.
func (n *netcat) saySucceeded(host string, a netip.Addr, port int) {
	if n.r.Verbose == 0 {
		return
	}
	service := "*"
	if !n.c.NoDNS {
		service = cmdline.ServiceName(port, n.c.Proto())
	}
	n.r.Say("Connection to %s %s port [%s/%s] succeeded!", destination(host, a, n.c.NoDNS), n.portName(port), n.c.Proto(), service)
}

// portName is the port as it was typed.
func (n *netcat) portName(port int) string {
	if len(n.c.Ports) == 1 && n.c.Ports[0].Name != "" {
		return n.c.Ports[0].Name
	}
	return strconv.Itoa(port)
}

func (n *netcat) dialUnix(ctx context.Context) (net.Conn, error) {
	path := n.c.Host
	var conn net.Conn
	var err error
	if n.c.UDP {
		conn, err = packet.DialUnix(path, n.c.Source)
	} else {
		d := net.Dialer{Timeout: n.c.ConnectTimeout()}
		conn, err = d.DialContext(ctx, "unix", path)
	}
	if err != nil {
		n.r.Say("%s: %s: %s", n.c.Name, path, report.Cause(err))
		n.r.Event("connect-failed", "address", path, "error", report.Cause(err))
		return nil, report.ConnectError(err, path, "unix", "")
	}
	n.r.Event("connected", "remote", path, "protocol", n.c.Network())
	n.r.Say("Connection to %s succeeded!", path)
	return conn, nil
}

// abstract reports whether a Unix address is in no file system.
func abstract(path string) bool { return strings.HasPrefix(path, "@") }
