package host

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/admit"
	"github.com/flagstaff-ctf/flagstaff/pow"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	stepTime   = 10 * time.Second // for the PROXY header, for the first byte of TLS, and for the rest of that
	spareTime  = 5 * time.Second  // beside what the steps may take: each says itself what is wrong, before all took too long
	guessTime  = 250 * time.Millisecond
	leastWork  = 2 * time.Minute       // to find out how a proof of work is done
	workPerOne = 10 * time.Millisecond // of difficulty: eight times what the slowest usual solver takes
)

// The reasons of a handshake that failed.
const (
	reasonProxy chal.Reason = "proxy"
	reasonTLS   chal.Reason = "tls"
	reasonWork  chal.Reason = "pow"
)

// line is what a connection passes between accept and the handler:
//
//	slot by peer address -> PROXY header -> slot and rate by real source -> TLS -> proof of work
//
// The first is door itself, the server's Admitter; the others are its handshake, in this order.
type line struct {
	door     *admit.Door
	tls      *tls.Config                              // nil: none
	auto     bool                                     // plain connections are welcome beside TLS
	chosen   func(a *chal.Arrival, serverName string) // nil: one challenge is all there is
	work     func() uint32
	hardest  uint32 // what work returns at most
	verifier pow.Verifier
}

// apply makes server use the line.
func (l *line) apply(server *chal.Server) {
	server.Admitter = l.door
	var steps []func(context.Context, *chal.Arrival) error
	var longest time.Duration
	if len(l.door.Proxies) > 0 {
		steps, longest = append(steps, l.proxied), longest+stepTime
	}
	if l.tls != nil {
		steps, longest = append(steps, l.secure), longest+2*stepTime
	}
	if l.work != nil {
		steps, longest = append(steps, l.prove), longest+workTime(l.hardest)
	}
	if steps != nil {
		server.Handshake, server.HandshakeTimeout = chal.Handshakes(steps...), longest+spareTime
	}
}

// proxied reads the PROXY header and admits the player it names. The door has let proxies in alone.
func (l *line) proxied(ctx context.Context, a *chal.Arrival) error {
	t := a.Tube.Within(stepTime)
	first, err := t.Peek(1)
	if errors.Is(err, io.EOF) || errors.Is(err, tube.ErrReset) {
		return l.look(ctx, a)
	}
	if err != nil {
		return err
	}
	var r *bufio.Reader
	switch first {
	case "P":
		// proxyproto wants a header of version 1 in one piece, but the network may have cut it.
		line, err := headerLine(t)
		if err != nil {
			return err
		}
		r = bufio.NewReader(strings.NewReader(line))
	case unspecified[:1]:
		if skipped, err := skipUnspecified(t); skipped || err != nil {
			return err
		}
		r = bufio.NewReader(t)
	default:
		r = bufio.NewReader(t)
	}
	header, err := proxyproto.Read(r)
	if n := r.Buffered(); n > 0 {
		rest, _ := r.Peek(n)
		a.Unrecv(string(rest))
	}
	switch {
	case err != nil:
		return &chal.Refusal{Reason: reasonProxy, Text: fmt.Sprintf("This port expects the PROXY protocol, version 1 or 2, from %v: %v.", a.Remote.Addr(), err)}
	case header.Version == 2 && header.Command.IsLocal() || itself(header, a.Conn()):
		return l.look(ctx, a)
	case header.TransportProtocol.IsUnspec():
		return nil // somebody whose address the proxy does not know, as one who comes by a Unix socket
	}
	if _, ok := header.SourceAddr.(*net.UnixAddr); ok {
		return nil // version 2 says so itself
	}
	player, ok := header.SourceAddr.(*net.TCPAddr)
	if !ok {
		return &chal.Refusal{Reason: reasonProxy, Text: "The PROXY header names no TCP address."}
	}
	ip := player.AddrPort()
	a.Remote = netip.AddrPortFrom(ip.Addr().Unmap(), ip.Port())
	release, err := l.door.AdmitPlayer(ctx, a.Remote)
	if err != nil {
		return err
	}
	a.Defer(release)
	return nil
}

// itself says whether a header names the very connection that it comes on. Version 1 has no LOCAL, and HAProxy's health checks say
// so. For a player at least the destination is another: the proxy's port.
func itself(h *proxyproto.Header, conn net.Conn) bool {
	return h.SourceAddr != nil && h.SourceAddr.String() == conn.RemoteAddr().String() && h.DestinationAddr.String() == conn.LocalAddr().String()
}

// longestV1 is how long a header of version 1 may be, with its line end.
const longestV1 = 107

// headerLine reads a header of version 1, or so much that it is none.
func headerLine(t *tube.Tube) (string, error) {
	for n := 1; ; n++ {
		text, err := t.Peek(n)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return "", err
		}
		if err != nil || strings.HasSuffix(text, "\n") || n == longestV1 {
			return t.RecvN(len(text))
		}
	}
}

// unspecified begins a header of version 2 that proxies something, but does not say for whom: what PROXY UNKNOWN is in version 1. proxyproto
// takes only that.
const unspecified = "\r\n\r\n\x00\r\nQUIT\n\x21\x00"

// skipUnspecified reads a header of version 2 away that names nobody.
func skipUnspecified(t *tube.Tube) (bool, error) {
	head, err := t.Peek(len(unspecified) + 2)
	if err != nil || !strings.HasPrefix(head, unspecified) {
		return false, nil // whoever reads on finds out what is wrong
	}
	n := int(head[14])<<8 | int(head[15])
	if n > int(proxyproto.MaxV2HeaderSize) {
		return false, &chal.Refusal{Reason: reasonProxy, Text: "The PROXY header is too long."}
	}
	_, err = t.RecvN(len(head) + n)
	return true, err
}

// look ends a connection in which a proxy looks whether the port is alive. Some look whether TLS is spoken; whatever comes of that, it
// is no failure.
func (l *line) look(ctx context.Context, a *chal.Arrival) error {
	if l.tls != nil {
		l.secure(ctx, a)
	}
	return chal.ErrNoSession
}

// secure makes the connection TLS, or in the mode auto leaves it as it is when no TLS client speaks first.
func (l *line) secure(ctx context.Context, a *chal.Arrival) error {
	wait := stepTime
	if l.auto {
		wait = guessTime
	}
	const record = 22 // of a handshake: RFC 8446, section 5.1
	first, err := a.Within(wait).Peek(1)
	switch {
	case l.auto && (errors.Is(err, os.ErrDeadlineExceeded) || err == nil && first[0] != record):
		return nil
	case l.auto && err != nil && errors.Is(err, io.EOF):
		return nil // half-closed at once: an answer may still be wanted
	case err == nil && first[0] != record, errors.Is(err, os.ErrDeadlineExceeded):
		return &chal.Refusal{Reason: reasonTLS, Text: "This port speaks TLS: ncat --ssl HOST PORT, or openssl s_client -quiet -connect HOST:PORT."}
	case err != nil:
		return err
	}
	below := a.Below()
	conn := &tlsConn{tls.Server(below, l.tls), below}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return &chal.Refusal{Reason: reasonTLS, Err: err} // the client was told by an alert: a line in plain text would only confuse
	}
	if conn.ConnectionState().NegotiatedProtocol == acmeProtocol {
		return &chal.Refusal{Reason: reasonTLS, Err: errors.New("a certificate authority looked")}
	}
	a.Upgrade(conn)
	if l.chosen != nil {
		l.chosen(a, conn.ConnectionState().ServerName)
	}
	return nil
}

// tlsConn is TLS over a session's first tube.
type tlsConn struct {
	*tls.Conn
	below *tube.Tube
}

// CloseWrite sends close_notify and FIN: some clients heed only the one, some only the other.
func (c *tlsConn) CloseWrite() error {
	err := c.Conn.CloseWrite()
	c.below.SetWriteDeadline(time.Time{}) // TLS leaves one that is over
	return errors.Join(err, c.below.CloseWrite())
}

// prove asks for a proof of work.
func (l *line) prove(ctx context.Context, a *chal.Arrival) error {
	difficulty := l.work()
	if difficulty == 0 {
		return nil
	}
	challenge := pow.New(difficulty)
	if err := a.Send(challenge.Prompt(pow.KCTF)); err != nil {
		return err
	}
	until := time.Now().Add(workTime(difficulty))
	return a.Await(until, func(ctx context.Context, a *chal.Arrival) error {
		return l.verify(ctx, a, challenge, until)
	})
}

// verify reads the answer to challenge.
func (l *line) verify(ctx context.Context, a *chal.Arrival, challenge pow.Challenge, until time.Time) error {
	answer, err := shortLine(a.Within(time.Until(until)), pow.MaxAnswer)
	if err != nil {
		return err
	}
	err = l.verifier.Verify(ctx, challenge, answer)
	switch {
	case errors.Is(err, pow.ErrBusy):
		return &chal.Refusal{Reason: reasonWork, Text: "\nToo many answers wait to be verified. Try again in a few seconds."}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return &chal.Refusal{Reason: reasonWork, Text: fmt.Sprintf("\nProof of work: %v. It asks for a line, s. and base64.", err)}
	}
	return a.Send("Correct\n")
}

func workTime(difficulty uint32) time.Duration {
	return leastWork + time.Duration(difficulty)*workPerOne
}

// shortLine reads a line of at most n bytes. It gives up before it holds more, so that many who send without end
// cost little.
func shortLine(t *tube.Tube, n int) (string, error) {
	var line []byte
	for len(line) <= n {
		b, err := t.ReadByte()
		switch {
		case err == io.EOF && len(line) > 0, b == '\n' && err == nil:
			return string(line), nil
		case err != nil:
			return "", err
		}
		line = append(line, b)
	}
	return string(line), nil
}
