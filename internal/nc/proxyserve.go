package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// serveProxy is one client of the proxy.
func (n *netcat) serveProxy(ctx context.Context, cl *client) error {
	conn := cl.conn
	defer conn.Close()
	var auth *proxy.Auth
	if user, pass, ok := strings.Cut(n.c.Proxy.Auth, ":"); ok {
		auth = &proxy.Auth{User: user, Pass: pass}
	}
	conn.SetDeadline(time.Now().Add(headerLimit))
	accept := proxy.AcceptHTTP
	if n.c.Proxy.Kind == "socks5" {
		accept = proxy.AcceptSOCKS5
	}
	req, err := accept(conn, auth)
	if err != nil {
		sendOff(conn)
		if errors.Is(err, io.EOF) {
			return nil // it came, and went without a word
		}
		return fmt.Errorf("proxy client %s: %w", cl.peer, err)
	}
	conn.SetDeadline(time.Time{})
	where := net.JoinHostPort(req.Host, strconv.Itoa(req.Port))
	out, err := n.dialFor(ctx, req)
	if err != nil {
		n.r.Event("proxy-failed", "client", cl.peer.String(), "target", where, "error", err.Error())
		req.Reply(conn, err)
		sendOff(conn)
		return fmt.Errorf("proxy client %s: connect to %s: %w", cl.peer, where, report.Bare(err))
	}
	n.r.Say("%s to %s", cl.peer, where)
	n.r.Event("proxied", "client", cl.peer.String(), "target", where)
	if err := req.Reply(conn, nil); err != nil {
		out.Close()
		return err
	}
	if req.Head != nil {
		if _, err := out.Write(req.Head); err != nil {
			out.Close()
			return err
		}
	}
	n.join(ctx, conn, out)
	return nil
}

// sendOff ends a connection that was refused. What the client had sent by then
// is read away first: left unread it would make the end a reset, and that takes
// the refusal with it.
func sendOff(conn net.Conn) {
	if relay.CloseWrite(conn) != nil {
		return
	}
	conn.SetDeadline(time.Now().Add(sendOffLimit))
	io.CopyN(io.Discard, conn, sendOffBytes)
}

// A client that goes on after its refusal is read for so long, and so far.
const (
	sendOffLimit = 2 * time.Second
	sendOffBytes = 1 << 20
)

func (n *netcat) dialFor(ctx context.Context, req *proxy.Request) (net.Conn, error) {
	addrs, err := n.addresses(ctx, req.Host)
	if err != nil {
		return nil, err
	}
	// The clients' failures are not this nc's: -v tells them in one line.
	m := *n
	m.r = &report.Reporter{W: n.r.W, Name: n.r.Name}
	conn, err := m.race(ctx, req.Host, addrs, req.Port)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, proxy.ErrRefused
	}
	return conn, err
}

// join passes bytes both ways between two connections, each end's finish as
// such, until both have finished, one breaks, or nothing moves for -w.
func (n *netcat) join(ctx context.Context, a, b net.Conn) {
	limit := n.c.IdleLimit()
	cut := func() { relay.Cut(a); relay.Cut(b) }
	unhook := context.AfterFunc(ctx, cut)
	defer unhook()
	there, back := meter(n.c), meter(n.c)
	if limit > 0 {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		still := relay.Still(ctx, limit, there, back)
		go func() {
			select {
			case <-still:
				cut()
			case <-ctx.Done():
			}
		}()
	}
	done := make(chan error, 2)
	pass := func(dst, src net.Conn, m *relay.Meter) {
		err := relay.Between(dst, src, m)
		if err == nil {
			err = relay.CloseWrite(dst)
		}
		done <- err
	}
	go pass(b, a, there)
	go pass(a, b, back)
	if err := <-done; err != nil {
		cut()
	}
	<-done
	cut()
}
