package nc

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/broker"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/crlf"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// serveBroker is --broker and --chat: the clients among themselves, and nc's own input to all.
func (n *netcat) serveBroker() func(context.Context, *client) error {
	b := &broker.Broker{Chat: n.c.Chat, Idle: n.c.IdleLimit(), Cut: func(id int) {
		n.r.Say("%s: user%d reads too slowly and is cut off", n.c.Name, id)
	}}
	if n.c.SendOnly || n.c.RecvOnly { // only the input is passed on, or nothing is
		b.Heard = func([]byte) error { return nil }
	}
	return n.together(b, func(bool) {})
}

// serveCrowd is -k with many clients at once: what they send is nc's output, its input goes to all.
func (n *netcat) serveCrowd() func(context.Context, *client) error {
	var broken error // why the output takes no more; Heard runs once at a time
	cut := func(int) {
		n.r.Say("%s: a client has taken nothing for %v while others wait, and is cut off", n.c.Name, broker.Stalled)
	}
	b := &broker.Broker{Idle: n.c.IdleLimit(), Cut: cut, Heard: func(p []byte) error {
		if n.c.SendOnly || broken != nil {
			return broken
		}
		if n.taps != nil {
			if broken = n.taps.gotBytes(p); broken != nil {
				return broken
			}
		}
		broken = n.output(p)
		return broken
	}}
	return n.together(b, func(silent bool) {
		if !silent && !n.c.NoShutdown { // as endInput
			b.End()
		}
	})
}

// together serves clients with b. The input is read from the first client on: before, nobody would have it. atEnd is told whether
// there was none.
func (n *netcat) together(b *broker.Broker, atEnd func(silent bool)) func(context.Context, *client) error {
	var once sync.Once
	return func(ctx context.Context, cl *client) error {
		defer n.tellClosed(cl)()
		return b.Serve(ctx, cl.conn, cl.peer.String(), func() {
			// Told only when it is in: who reads that may count on hearing the others.
			n.tellReceived(ctx, cl.conn)
			if !n.c.NoStdin && !n.c.RecvOnly {
				once.Do(func() {
					go func() {
						said, err := n.tellAll(b)
						if err != nil {
							n.r.Fail(err)
						}
						atEnd(!said)
					}()
				})
			}
		})
	}
}

// tellAll sends the input to all clients until it ends, and says whether there was any. It ends with the process: nothing waits
// for it.
func (n *netcat) tellAll(b *broker.Broker) (said bool, err error) {
	buf := make([]byte, 32<<10)
	var lines crlf.Maker
	for {
		k, err := n.in.Read(buf, nil)
		if k > 0 {
			said = true
			p := bytes.Clone(buf[:k])
			if n.c.CRLF {
				p = lines.Append(nil, p)
			}
			if n.taps != nil {
				if err := n.taps.sentBytes(p); err != nil {
					return said, err
				}
			}
			b.Tell(p)
		}
		switch {
		case err == io.EOF:
			return said, nil
		case err != nil:
			return said, report.Bare(err)
		}
	}
}

// tellClosed counts what passes over the client's connection, for the event that what it returns makes.
func (n *netcat) tellClosed(cl *client) func() {
	if !n.r.JSON {
		return func() {}
	}
	start, c := time.Now(), &counted{Conn: cl.conn}
	cl.conn = c
	return func() {
		n.r.Event("closed", "remote", cl.peer.String(), "sent", c.sent.Load(), "received", c.got.Load(), "seconds", time.Since(start).Seconds())
	}
}

// counted is a connection that counts.
type counted struct {
	net.Conn
	sent, got atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

func (c *counted) CloseWrite() error { return relay.CloseWrite(c.Conn) }

// NetConn returns the connection below TLS.
func (c *counted) NetConn() net.Conn { return unwrapTLS(c.Conn) }
