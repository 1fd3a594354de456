package nc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// broker passes what each connection sends to all the others.
type broker struct {
	n    *netcat
	mu   sync.Mutex
	last int
	all  map[*member]struct{}
}

// member is one connection; a goroutine writes what its queue holds.
type member struct {
	id    int
	conn  net.Conn
	queue chan []byte
}

// backlog is how many chunks may wait for a slow reader before it is cut off:
// it must not hold the others up, nor fill the memory.
const backlog = 256

func newBroker(n *netcat) *broker { return &broker{n: n, all: make(map[*member]struct{})} }

func (b *broker) serve(ctx context.Context, cl *client) error {
	b.mu.Lock()
	b.last++
	m := &member{b.last, cl.conn, make(chan []byte, backlog)}
	b.all[m] = struct{}{}
	b.mu.Unlock()
	unhook := context.AfterFunc(ctx, func() { m.conn.Close() })
	defer unhook()
	if b.n.c.chat {
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has come from %s\n", m.id, cl.peer))
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for p := range m.queue {
			if _, err := m.conn.Write(p); err != nil {
				m.conn.Close()
			}
		}
	}()
	err := b.read(m)
	b.mu.Lock()
	delete(b.all, m)
	close(m.queue)
	b.mu.Unlock()
	if b.n.c.chat {
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has left\n", m.id))
	}
	<-written
	m.conn.Close()
	return err
}

// read passes on what the member sends; a chat passes whole lines.
func (b *broker) read(m *member) error {
	limit := b.n.c.timeout
	if limit == 0 || b.n.c.idleTimeout > 0 && b.n.c.idleTimeout < limit {
		limit = b.n.c.idleTimeout
	}
	buf := make([]byte, 32<<10)
	var line []byte
	for {
		if limit > 0 {
			m.conn.SetReadDeadline(time.Now().Add(limit))
		}
		n, err := m.conn.Read(buf)
		if !b.n.c.chat && n > 0 {
			b.pass(m, bytes.Clone(buf[:n]))
		}
		if b.n.c.chat {
			line = append(line, buf[:n]...)
			for {
				i := bytes.IndexByte(line, '\n') + 1
				if i == 0 && (err != nil && len(line) > 0 || len(line) > 64<<10) {
					line = append(line, '\n')
					i = len(line)
				}
				if i == 0 {
					break
				}
				b.pass(m, append(fmt.Appendf(nil, "<user%d> ", m.id), line[:i]...))
				line = line[i:]
			}
		}
		if err != nil {
			return nil // the end of one member is no failure of the broker
		}
	}
}

func (b *broker) pass(from *member, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range b.all {
		if m == from {
			continue
		}
		select {
		case m.queue <- p:
		default:
			b.n.r.say("%s: user%d reads too slowly and is cut off", b.n.c.name, m.id)
			m.conn.Close()
		}
	}
}
