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

	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
)

// hop is one proxy of a chain.
type hop struct {
	kind proxy.Kind
	host string
	port int
}

// hops reads -x and -X: addresses separated by commas, each with its own
// kind in front (socks5://…) if it differs from -X's.
func (c *config) hops() ([]hop, error) {
	var out []hop
	for w := range strings.SplitSeq(c.proxy.addr, ",") {
		h := hop{kind: proxy.SOCKS5}
		if c.proxy.kind != "" {
			h.kind = proxy.Kind(c.proxy.kind)
		}
		w = strings.TrimSpace(w)
		if scheme, rest, ok := strings.Cut(w, "://"); ok {
			var p config
			if err := setProxyType(&p, scheme); err != nil {
				return nil, usage(err.Error(), "--proxy: %q is no kind of proxy", scheme)
			}
			h.kind, w = proxy.Kind(p.proxy.kind), strings.TrimSuffix(rest, "/")
		}
		host, port, ok := splitHostPort(w)
		if !ok {
			host, port = strings.Trim(w, "[]"), "1080"
			if h.kind == proxy.HTTP {
				port = "3128"
			}
		}
		r, err := parsePorts(port, "tcp", false)
		if err != nil || !r.one() || host == "" {
			return nil, usage("-x ADDR:PORT", "-x: %q is no address of a proxy", w)
		}
		h.host, h.port = host, r.lo
		out = append(out, h)
	}
	return out, nil
}

// proxyLogin finds the user and password.
func (n *netcat) proxyLogin() (*proxy.Auth, error) {
	c := n.c
	if user, pass, ok := strings.Cut(c.proxy.auth, ":"); ok {
		return &proxy.Auth{User: user, Pass: pass}, nil
	}
	if c.proxy.user == "" {
		return nil, nil
	}
	a := &proxy.Auth{User: c.proxy.user}
	if strings.HasPrefix(c.proxy.kind, "socks4") {
		return a, nil // it has user names only
	}
	if p, ok := os.LookupEnv("NC_PROXY_PASSWORD"); ok {
		a.Pass = p
		return a, nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, usage("put it into NC_PROXY_PASSWORD, or use --proxy-auth USER:PASS", "-P needs a password, and there is no terminal to ask on")
	}
	defer tty.Close()
	fmt.Fprintf(tty, "Proxy password for %s: ", a.User)
	p, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	a.Pass = string(p)
	return a, err
}

// dialProxied connects through the chain.
func (n *netcat) dialProxied(ctx context.Context) (net.Conn, error) {
	hops, err := n.c.hops()
	if err != nil {
		return nil, err
	}
	auth, err := n.proxyLogin()
	if err != nil {
		return nil, err
	}
	addrs, err := n.addresses(ctx, hops[0].host)
	if err != nil {
		return nil, err
	}
	where := net.JoinHostPort(hops[0].host, strconv.Itoa(hops[0].port))
	conn, err := n.race(ctx, hops[0].host, addrs, hops[0].port)
	if err != nil {
		return nil, connectError(err, "the proxy "+where, "tcp", "")
	}
	if err := n.throughHops(ctx, conn, hops, auth); err != nil {
		conn.Close()
		return nil, err
	}
	n.r.event("connected", "remote", net.JoinHostPort(n.c.host, strconv.Itoa(n.c.ports[0].lo)), "proxy", where, "protocol", "tcp")
	if n.r.verbose > 0 {
		n.r.say("Connection to %s %s port [tcp/%s] succeeded!", n.c.host, n.portName(n.c.ports[0].lo), n.service(n.c.ports[0].lo))
	}
	return conn, nil
}

func (n *netcat) throughHops(ctx context.Context, conn net.Conn, hops []hop, auth *proxy.Auth) error {
	limit := n.c.connectTimeout()
	if limit == 0 {
		limit = 2 * time.Minute // what the kernel gives a connection it makes itself
	}
	conn.SetDeadline(time.Now().Add(limit))
	unhook := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	for i, h := range hops {
		host, port := n.c.host, n.c.ports[0].lo
		if i+1 < len(hops) {
			host, port = hops[i+1].host, hops[i+1].port
		}
		host, err := n.resolveForProxy(ctx, host, h.kind)
		if err != nil {
			return err
		}
		n.r.sayMore("Asking the %s proxy %s:%d for %s:%d", h.kind, h.host, h.port, host, port)
		if err := proxy.Connect(conn, h.kind, host, port, auth); err != nil {
			return proxyError(err, h, net.JoinHostPort(host, strconv.Itoa(port)))
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return conn.SetDeadline(time.Time{})
}

// resolveForProxy applies --proxy-dns and --resolve: a name goes to the proxy unless it cannot take it.
func (n *netcat) resolveForProxy(ctx context.Context, host string, kind proxy.Kind) (string, error) {
	if as, ok := n.c.resolve[strings.ToLower(host)]; ok {
		host = as[0].String()
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	switch n.c.proxy.dns {
	case "none":
		return "", usage("give an address, or leave --proxy-dns none out", "%q is a name, and --proxy-dns none looks none up", host)
	case "local":
	case "remote", "both", "":
		if kind != proxy.SOCKS4 {
			return host, nil
		}
		if n.c.proxy.dns == "remote" {
			return "", usage("-X 4a, -X 5 or -X http do", "SOCKS4 proxies look no names up")
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

func proxyError(err error, h hop, where string) error {
	var pe *proxy.Error
	at := fmt.Sprintf("the %s proxy %s:%d", h.kind, h.host, h.port)
	switch {
	case errors.As(err, &pe) && pe.Auth:
		return withHint(fmt.Errorf("%s refused: %s", at, pe.Reason), "--proxy-auth USER:PASS, or -P USER")
	case errors.As(err, &pe):
		return withHint(fmt.Errorf("%s could not connect to %s: %s", at, where, pe.Reason), "is the address right, as seen from the proxy?")
	case timedOut(err):
		return withHint(fmt.Errorf("%s did not answer", at), "is it that kind of proxy? -X 5, 4, 4a or http")
	case strings.HasSuffix(err.Error(), "EOF"), reset(err):
		return withHint(fmt.Errorf("%s hung up", at), "is it that kind of proxy, and may you use it? -X 5, 4, 4a or http")
	}
	return withHint(fmt.Errorf("%s: %w", at, err), "is it that kind of proxy? -X 5, 4, 4a or http")
}
