package nc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/packet"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/program"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/vsock"
)

// client is a connection that was accepted, ready for use.
type client struct {
	conn net.Conn
	peer net.Addr // who it is: the PROXY header's word, if there is one
}

// serve is the listening side.
func (n *netcat) serve(ctx context.Context) error {
	gate, err := n.newGate(ctx)
	if err != nil {
		return err
	}
	n.gate = gate
	if n.c.UDP {
		return n.serveDatagrams(ctx)
	}
	var conf *tls.Config
	if n.c.TLS.On {
		if conf, err = n.secure().ServerConfig(); err != nil {
			return err
		}
	}
	ln, err := n.listen(ctx)
	if err != nil {
		return err
	}
	defer ln.Close()
	ctx, stop := n.endPrograms(ctx)
	defer stop()
	// The accept loop does not know contexts.
	unhook := context.AfterFunc(ctx, func() { ln.Close() })
	defer unhook()
	if serve := n.atOnce(); serve != nil {
		return n.serveMany(ctx, ln, conf, serve)
	}
	l := n.newLobby(ctx, ln, conf)
	defer l.close()
	for {
		cl, err := l.next()
		if err != nil {
			return err
		}
		if !n.c.KeepOpen {
			l.close()
		}
		if n.c.Runs() {
			err = n.runProgram(ctx, cl)
		} else {
			err = n.converse(ctx, cl.conn)
		}
		if !n.c.KeepOpen || ctx.Err() != nil || errors.Is(err, relay.ErrOutput) {
			return err
		}
		if err != nil {
			n.r.Fail(err) // the next one may do better
		}
	}
}

// atOnce returns what serves many connections together, nil when they take turns.
func (n *netcat) atOnce() func(context.Context, *client) error {
	switch {
	case n.c.Broker || n.c.Chat:
		return n.serveBroker()
	case n.c.Proxy.Kind != "":
		return n.serveProxy
	case n.c.Runs() && n.c.KeepOpen:
		return n.runProgram
	case n.c.Crowd():
		return n.serveCrowd()
	}
	return nil
}

// serveMany serves connections together. Of those beyond --max-conns the client sees the end at once.
func (n *netcat) serveMany(ctx context.Context, ln net.Listener, conf *tls.Config, serve func(context.Context, *client) error) error {
	var slots chan struct{}
	if n.c.MaxConns > 0 {
		slots = make(chan struct{}, n.c.MaxConns)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	unhook := context.AfterFunc(ctx, func() { ln.Close() })
	defer unhook()
	for {
		conn, err := n.accept(ctx, ln)
		if err != nil {
			return err
		}
		if slots != nil {
			select {
			case slots <- struct{}{}:
			default:
				n.r.Say("%s: refused a connection from %s (%d are open, as many as --max-conns allows)", n.c.Name, conn.RemoteAddr(), n.c.MaxConns)
				n.r.Event("refused", "remote", conn.RemoteAddr().String(), "reason", "--max-conns")
				conn.Close()
				continue
			}
		}
		wg.Go(func() {
			if slots != nil {
				defer func() { <-slots }()
			}
			if !n.c.Broker && !n.c.Chat && !n.c.Crowd() { // those tell when the client is in
				n.tellReceived(ctx, conn)
			}
			cl, err := n.prepare(ctx, conn, conf)
			if err == nil {
				err = serve(ctx, cl)
			}
			switch {
			case errors.Is(err, relay.ErrOutput):
				over(err) // nobody takes what the clients send
			case err != nil && ctx.Err() == nil:
				n.r.Fail(err)
			}
		})
	}
}

// prepare takes a connection through its PROXY header and its TLS handshake.
func (n *netcat) prepare(ctx context.Context, conn net.Conn, conf *tls.Config) (*client, error) {
	cl := &client{conn: conn, peer: conn.RemoteAddr()}
	if n.c.Proxy.Header > 0 {
		peer, err := readHeader(ctx, conn)
		if err != nil {
			conn.Close()
			return nil, err
		}
		cl.peer = peer
		if !n.admits(ctx, peer) {
			conn.Close()
			return nil, fmt.Errorf("the PROXY header names %s, who may not connect", peer)
		}
		n.r.Say("The PROXY header names %s", peer)
		n.r.Event("proxy-header", "remote", peer.String())
	}
	if conf != nil {
		tc, err := n.secure().Accept(ctx, conn, conf)
		if err != nil {
			return nil, err
		}
		cl.conn = tc
	}
	return cl, nil
}

// runProgram runs -e or -c for a connection.
func (n *netcat) runProgram(ctx context.Context, cl *client) error {
	if err := n.taps.begin(); err != nil {
		cl.conn.Close()
		return err
	}
	r := &program.Runner{Config: n.c, Report: n.r}
	if t := n.taps; t != nil {
		r.Tap = func(p []byte, sent bool) error {
			if sent {
				return t.sentBytes(p)
			}
			return t.gotBytes(p)
		}
	}
	start := time.Now()
	err := r.Run(ctx, cl.conn, cl.peer)
	n.r.Event("closed", "remote", cl.peer.String(), "seconds", time.Since(start).Seconds())
	return err
}

// endPrograms makes the signals that end nc end the programs it has started,
// which are in process groups of their own. nc then ends by the same signal
// (Main), as it does without a program.
func (n *netcat) endPrograms(ctx context.Context) (context.Context, func()) {
	if !n.c.Runs() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 1)
	release := catch(ch)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case n.endedBy = <-ch:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
		release()
	}
}

// listen opens the socket and says so.
func (n *netcat) listen(ctx context.Context) (net.Listener, error) {
	c := n.c
	switch {
	case c.Unix:
		return n.listenUnix(ctx)
	case c.Vsock:
		return n.listenVsock()
	}
	where, err := n.listenAddress(ctx)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: n.control, KeepAlive: -1}
	if c.Keepalive > 0 {
		lc.KeepAlive = c.Keepalive
	}
	lc.SetMultipathTCP(false) // Go's default; its sockets are slower, and programs started would get one
	ln, err := lc.Listen(ctx, n.family("tcp", where), where.String())
	if err != nil {
		n.r.Event("listen-failed", "address", where.String(), "error", report.Cause(err))
		return nil, report.ListenError(err, where.String())
	}
	got, _ := addrPort(ln.Addr())
	n.tellListening(ctx, "Listening", got)
	return ln, nil
}

// family is the network to listen in: IPv6's also for IPv4 where nothing says which, and that is expected.
func (n *netcat) family(proto string, where netip.AddrPort) string {
	switch {
	case where.Addr().Is4():
		return proto + "4"
	case n.bothFamilies():
		return proto
	}
	return proto + "6"
}

func (n *netcat) bothFamilies() bool {
	return n.c.Ncat() && n.c.Host == "" && !n.c.IPv4 && !n.c.IPv6 && hasIPv6()
}

// hasIPv6 says whether this machine has IPv6 at all.
func hasIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	ln.Close()
	return true
}

// listenAddress is where to listen: all IPv4 addresses unless told otherwise, as OpenBSD's nc; as ncat, all.
func (n *netcat) listenAddress(ctx context.Context) (netip.AddrPort, error) {
	port := uint16(n.c.Ports[0].Lo)
	if n.c.Host == "" {
		if n.c.IPv6 || n.bothFamilies() {
			return netip.AddrPortFrom(netip.IPv6Unspecified(), port), nil
		}
		return netip.AddrPortFrom(netip.IPv4Unspecified(), port), nil
	}
	addrs, err := n.addresses(ctx, n.c.Host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addrs[0], port), nil
}

// ownName is how long the name of nc's own address is looked for: it is in /etc/hosts, or not worth a wait.
const ownName = 250 * time.Millisecond

// tellListening says where nc listens, by name as OpenBSD's; the port is the real one, also for 0.
func (n *netcat) tellListening(ctx context.Context, word string, at netip.AddrPort) {
	n.announce(at.String(), n.c.Proto())
	host := at.Addr().String()
	if n.c.Host != "" && !n.c.NoDNS {
		host = n.c.Host
		if _, err := netip.ParseAddr(host); err == nil && !at.Addr().IsUnspecified() {
			ctx, cancel := context.WithTimeout(ctx, ownName)
			defer cancel()
			host = n.nameOf(ctx, at.Addr())
		}
	}
	n.r.Say("%s on %s %d", word, host, at.Port())
}

func (n *netcat) listenUnix(ctx context.Context) (net.Listener, error) {
	path := n.c.Host
	if err := removeStale(path); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, report.ListenUnixError(err, path)
	}
	n.announce(path, "unix")
	n.r.Say("Bound on %s\nListening on %s", path, path)
	return ln, nil
}

// announce tells who waits for it that connections can come.
func (n *netcat) announce(address, protocol string) {
	n.r.Event("listening", "address", address, "protocol", protocol)
	if n.c.Test {
		n.r.Write("NCAT TEST: LISTEN\n")
	}
}

// removeStale removes a socket file that nobody listens on: the left-over of a
// listener that was killed. Any other file stays. Who lives is not disturbed: a
// connection for datagrams is none to a socket for streams, and sends nothing to one for datagrams.
func removeStale(path string) error {
	if abstract(path) {
		return nil
	}
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode()&fs.ModeSocket == 0 {
		return nil // bind tells
	}
	conn, err := net.DialTimeout("unixgram", path, time.Second)
	if err == nil {
		conn.Close()
	}
	if !report.Refused(err) {
		return nil
	}
	return os.Remove(path)
}

// accept waits for a connection that may come in.
func (n *netcat) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if errors.Is(err, net.ErrClosed) {
				return nil, err
			}
			// Too many open files and the like pass.
			n.r.Note("accept: %s", report.Cause(err))
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(pause):
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		if n.c.Proxy.Header > 0 || n.admits(ctx, conn.RemoteAddr()) {
			return conn, nil
		}
		conn.Close()
	}
}

// peerName is how long a client waits for its name to be found. Whoever has the zone of its address may make it as slow as he likes.
const peerName = 500 * time.Millisecond

// tellReceived may wait for a name, so it must not be called where others would wait, too.
func (n *netcat) tellReceived(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, peerName)
	defer cancel()
	n.r.Event("accepted", "remote", conn.RemoteAddr().String(), "local", conn.LocalAddr().String())
	if n.r.Verbose == 0 {
		return
	}
	if ap, ok := addrPort(conn.RemoteAddr()); ok {
		n.r.Say("Connection received on %s %d", n.nameOf(ctx, ap.Addr()), ap.Port())
	} else if a, ok := conn.RemoteAddr().(vsock.Addr); ok {
		n.r.Say("Connection received on %d %d", a.CID, a.Port)
	} else {
		n.r.Say("Connection received on %s", n.c.Host)
	}
}

// serveDatagrams is the listening side of UDP and Unix datagrams.
func (n *netcat) serveDatagrams(ctx context.Context) error {
	pc, err := n.listenPacket(ctx)
	if err != nil {
		return err
	}
	defer pc.Close()
	ctx, stop := n.endPrograms(ctx)
	defer stop()
	if n.c.Runs() && n.c.KeepOpen {
		return n.serveMany(ctx, packet.NewListener(pc, n.c.MaxConns), nil, n.runProgram)
	}
	p := &packet.Conn{PacketConn: pc, Many: n.c.KeepOpen, Accept: func(a net.Addr) bool {
		if !n.admits(ctx, a) {
			return false
		}
		n.r.Event("accepted", "remote", a.String())
		if ap, ok := addrPort(a); ok && n.r.Verbose > 0 {
			n.r.Say("Connection received on %s %d", n.nameOf(ctx, ap.Addr()), ap.Port())
		} else if n.c.Unix {
			n.r.Say("Connection received on %s", n.c.Host)
		}
		return true
	}}
	// The session begins with the first packet: only then is there somebody to send to.
	if err := p.First(ctx); err != nil {
		return err
	}
	if n.c.Runs() {
		return n.runProgram(ctx, &client{p, p.RemoteAddr()})
	}
	return n.converse(ctx, p)
}

// burst is how many bytes of datagrams may wait to be read, if the system allows it.
const burst = 4 << 20

func (n *netcat) listenPacket(ctx context.Context) (net.PacketConn, error) {
	if n.c.Unix {
		path := n.c.Host
		if err := removeStale(path); err != nil {
			return nil, err
		}
		pc, err := packet.ListenUnix(path)
		if err != nil {
			return nil, report.ListenUnixError(err, path)
		}
		n.announce(path, "unixgram")
		n.r.Say("Bound on %s", path)
		return pc, nil
	}
	where, err := n.listenAddress(ctx)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: n.control}
	pc, err := lc.ListenPacket(ctx, n.family("udp", where), where.String())
	if err != nil {
		return nil, report.ListenError(err, where.String())
	}
	if u, ok := pc.(*net.UDPConn); ok && n.c.Sock.RecvBuf == 0 {
		u.SetReadBuffer(burst) // the system gives what it allows
	}
	got, _ := addrPort(pc.LocalAddr())
	n.tellListening(ctx, "Bound", got)
	return pc, nil
}
