package nc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// proxyLogin finds the user and password.
func (n *netcat) proxyLogin() (*proxy.Auth, error) {
	c := n.c
	if c.Proxy.Auth != nil {
		return proxy.ParseAuth(*c.Proxy.Auth), nil
	}
	if c.Proxy.User == "" {
		return nil, nil
	}
	a := &proxy.Auth{User: c.Proxy.User}
	if strings.HasPrefix(c.Proxy.Kind, "socks4") {
		return a, nil // it has user names only
	}
	if p, ok := os.LookupEnv("NC_PROXY_PASSWORD"); ok {
		a.Pass = p
		return a, nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, report.Usage("put it into NC_PROXY_PASSWORD, or use --proxy-auth USER:PASS", "-P needs a password, and there is no terminal to ask on")
	}
	defer tty.Close()
	fmt.Fprintf(tty, "Proxy password for %s: ", a.User)
	p, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	a.Pass = string(p)
	return a, err
}

// chain is what a connection through proxies needs to know.
type chain struct {
	n     *netcat
	hops  []cmdline.Hop
	auth  *proxy.Auth
	addrs []netip.Addr // of the first
}

// proxies reads the options, asks for a password and resolves the first proxy's name.
func (n *netcat) proxies(ctx context.Context) (*chain, error) {
	p := &chain{n: n}
	var err error
	if p.hops, err = n.c.Hops(); err != nil {
		return nil, err
	}
	if p.auth, err = n.proxyLogin(); err != nil {
		return nil, err
	}
	if p.addrs, err = n.addresses(ctx, p.hops[0].Host); err != nil {
		return nil, err
	}
	return p, nil
}

// dial connects to a port of the host through the proxies.
func (p *chain) dial(ctx context.Context, port int) (conn net.Conn, err error) {
	n, first := p.n, p.hops[0]
	where := net.JoinHostPort(first.Host, strconv.Itoa(first.Port))
	// Each hop may ask for the login once, and have the connection made anew for it.
	logins := make([]*proxy.Auth, len(p.hops))
	for i, h := range p.hops {
		switch {
		case h.Login:
			logins[i] = &proxy.Auth{User: h.User, Pass: h.Pass}
		case p.auth != nil:
			own := *p.auth
			logins[i] = &own
		}
	}
	for again := 0; ; again++ {
		if conn, err = n.race(ctx, first.Host, p.addrs, first.Port); err != nil {
			return nil, report.ConnectError(err, "the proxy "+where, "tcp", "")
		}
		if err = n.throughHops(ctx, conn, port, p.hops, logins); err == nil {
			break
		}
		conn.Close()
		if !errors.Is(err, proxy.ErrAgain) || again == 2*len(p.hops) {
			return nil, err
		}
	}
	if !n.c.Scan {
		n.r.Event("connected", "remote", net.JoinHostPort(n.c.Host, strconv.Itoa(port)), "proxy", where, "protocol", "tcp")
	}
	if n.r.Verbose > 0 {
		n.r.Say("Connection to %s %s port [tcp/%s] succeeded!", n.c.Host, n.portName(port), n.service(port))
	}
	return conn, nil
}

// scan looks at the ports one by one, since a proxy is somebody else's.
func (p *chain) scan(ctx context.Context, ports []int) error {
	n, open := p.n, false
	for i, port := range ports {
		if i > 0 && n.c.Interval > 0 {
			select {
			case <-time.After(n.c.Interval):
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		conn, err := p.dial(ctx, port)
		var not unreachable
		switch {
		case err == nil:
			conn.Close()
			open = true
			n.r.Event("port", "port", port, "state", "open")
		case errors.As(err, &not):
			if n.r.Verbose > 0 {
				n.r.Say("%s: connect to %s port %d (tcp) failed: %s", n.c.Name, n.c.Host, port, not.why)
			}
			n.r.Event("port", "port", port, "state", "unknown", "error", not.why) // each proxy has words of its own for it
		default:
			return err
		}
	}
	if !open {
		return errClosed
	}
	return nil
}

func (n *netcat) throughHops(ctx context.Context, conn net.Conn, target int, hops []cmdline.Hop, logins []*proxy.Auth) error {
	limit := n.c.ConnectTimeout()
	if limit == 0 {
		limit = 2 * time.Minute // what the kernel gives a connection it makes itself
	}
	conn.SetDeadline(time.Now().Add(limit))
	unhook := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	for i, h := range hops {
		host, port := n.c.Host, target
		if i+1 < len(hops) {
			host, port = hops[i+1].Host, hops[i+1].Port
		}
		host, err := n.resolveForProxy(ctx, host, proxy.Kind(h.Kind))
		if err != nil {
			return err
		}
		n.r.SayMore("Asking the %s proxy %s:%d for %s:%d", h.Kind, h.Host, h.Port, host, port)
		if err := proxy.Connect(conn, proxy.Kind(h.Kind), host, port, logins[i]); errors.Is(err, proxy.ErrAgain) {
			return err
		} else if err != nil {
			return proxyError(err, h, net.JoinHostPort(host, strconv.Itoa(port)), logins[i] != nil)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return conn.SetDeadline(time.Time{})
}

// resolveForProxy applies --proxy-dns and --resolve: a name goes to the proxy unless it cannot take it.
func (n *netcat) resolveForProxy(ctx context.Context, host string, kind proxy.Kind) (string, error) {
	if as, ok := n.c.Resolve[strings.ToLower(host)]; ok {
		host = as[0].String()
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", report.Usage("leave the zone out if the proxy is on the same network, or -x", "%s is an address on this machine's interface %s, and a proxy has interfaces of its own", host, a.Zone())
		}
		return host, nil
	}
	switch n.c.Proxy.DNS {
	case "none":
		return "", report.Usage("give an address, or leave --proxy-dns none out", "%q is a name, and --proxy-dns none looks none up", host)
	case "local":
	case "remote", "both", "":
		if kind != proxy.SOCKS4 {
			return host, nil
		}
		if n.c.Proxy.DNS == "remote" {
			return "", report.Usage("-X 4a, -X 5 or -X http do", "SOCKS4 proxies look no names up")
		}
	}
	addrs, err := n.addresses(ctx, host)
	if err != nil {
		return "", err
	}
	for _, a := range addrs {
		if a.Is4() {
			return a.String(), nil
		}
	}
	return addrs[0].String(), nil
}

// unreachable is the error of a proxy that could not connect to the host.
type unreachable struct {
	error
	why string
}

func proxyError(err error, h cmdline.Hop, where string, login bool) error {
	var pe *proxy.Error
	at := fmt.Sprintf("the %s proxy %s:%d", h.Kind, h.Host, h.Port)
	switch {
	case errors.As(err, &pe) && pe.Auth && login:
		return report.WithHint(fmt.Errorf("%s refused the login: %s", at, pe.Reason), "are user and password right?")
	case errors.As(err, &pe) && pe.Auth:
		return report.WithHint(fmt.Errorf("%s refused: %s", at, pe.Reason), "--proxy-auth USER:PASS, or -P USER")
	case errors.As(err, &pe):
		return report.WithHint(unreachable{fmt.Errorf("%s could not connect to %s: %s", at, where, pe.Reason), pe.Reason}, "is the address right, as seen from the proxy?")
	case report.TimedOut(err):
		return report.WithHint(unreachable{fmt.Errorf("%s did not answer", at), "the proxy did not answer"}, "is it that kind of proxy? -X 5, 4, 4a or http")
	case strings.HasSuffix(err.Error(), "EOF"), report.Reset(err):
		return report.WithHint(fmt.Errorf("%s hung up", at), "is it that kind of proxy, and may you use it? -X 5, 4, 4a or http")
	}
	return report.WithHint(fmt.Errorf("%s: %w", at, err), "is it that kind of proxy? -X 5, 4, 4a or http")
}
