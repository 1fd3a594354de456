package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
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
	limit := headerLimit
	if idle := n.c.IdleLimit(); idle > 0 {
		limit = min(limit, idle)
	}
	conn.SetDeadline(time.Now().Add(limit))
	req, err := n.proxyRequest(conn)
	if err != nil {
		sendOff(conn)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, proxy.ErrNoLogin):
			return nil // it came, and went without a word, or comes again with its login
		case report.TimedOut(err):
			return fmt.Errorf("proxy client %s: did not say within %v what it wants", cl.peer, limit)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("hung up in the middle of its request")
		}
		return fmt.Errorf("proxy client %s: %w", cl.peer, report.Bare(err))
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
	if req.Head != nil && toItself(out, conn) { // a tunnel to itself ends by itself
		out.Close()
		req.Reply(conn, proxy.ErrForbidden)
		sendOff(conn)
		return fmt.Errorf("proxy client %s: asked the proxy for the proxy itself", cl.peer)
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
	there := func(m *relay.Meter) error { return relay.Between(out, conn, m) }
	if req.Head != nil {
		// What follows the request is no part of it, and must not reach the origin.
		there = func(m *relay.Meter) error {
			err := req.CopyBody(metered{out, m}, conn)
			if err == nil {
				_, err = io.Copy(io.Discard, conn)
			}
			if err == io.EOF {
				err = nil
			}
			return err
		}
	}
	start := time.Now()
	sent, got := n.join(ctx, conn, out, there)
	n.r.Event("closed", "client", cl.peer.String(), "target", where, "sent", got, "received", sent, "seconds", time.Since(start).Seconds())
	return nil
}

// proxyRequest reads what the client wants.
func (n *netcat) proxyRequest(conn net.Conn) (*proxy.Request, error) {
	if n.c.Proxy.Kind == "socks5" {
		var auth *proxy.Auth
		if n.c.Proxy.Auth != nil {
			auth = proxy.ParseAuth(*n.c.Proxy.Auth)
		}
		return proxy.AcceptSOCKS5(conn, auth)
	}
	return proxy.AcceptHTTP(conn, n.login)
}

// toItself says that out, a connection of the proxy's, leads to where it took in from.
func toItself(out, in net.Conn) bool {
	there, ok := addrPort(out.RemoteAddr())
	here, ok2 := addrPort(out.LocalAddr())
	own, ok3 := addrPort(in.LocalAddr())
	return ok && ok2 && ok3 && there.Addr() == here.Addr() && there.Port() == own.Port()
}

// metered counts what is written.
type metered struct {
	w io.Writer
	m *relay.Meter
}

func (m metered) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.m.Add(n)
	return n, err
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

// join passes bytes both ways between two connections, from a to b by forward, each end's finish as
// such, until both have finished, one breaks, or nothing moves for -w. It returns how many went from a to b, and back.
func (n *netcat) join(ctx context.Context, a, b net.Conn, forward func(*relay.Meter) error) (went, came int64) {
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
	pass := func(dst net.Conn, err error) {
		if err == nil {
			err = relay.CloseWrite(dst)
		}
		done <- err
	}
	go func() { pass(b, forward(there)) }()
	go func() { pass(a, relay.Between(a, b, back)) }()
	if err := <-done; err != nil {
		cut()
	}
	<-done
	cut()
	return there.Bytes(), back.Bytes()
}
