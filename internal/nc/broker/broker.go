// Package broker passes what each connection sends to all the others.
//
//	b := broker.Broker{Chat: true}
//	for {
//		conn, err := ln.Accept()
//		…
//		go b.Serve(ctx, conn, conn.RemoteAddr().String(), nil)
//	}
//
// Nobody is held up by a connection that reads slowly: it has a queue of its
// own, and is cut off when that is full. What one connection sends reaches each
// other in order; there is no order between two senders. What was said before a
// connection joined is not told to it.
package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Backlog is how many chunks may wait for a slow reader before it is cut off:
// it must not hold the others up, nor fill the memory.
const Backlog = 256

// maxLine is where a chat breaks a line that does not end.
const maxLine = 64 << 10

// A Broker serves connections together. The zero value is ready; its fields are
// not changed once it is used.
type Broker struct {
	// Chat passes whole lines, with the sender's number in front, and tells
	// who comes and goes.
	Chat bool
	// Idle ends a connection that has neither sent nor been sent anything for so
	// long; 0 never does.
	Idle time.Duration
	// Cut is told the number of a connection that was cut off; it may be nil.
	Cut func(id int)

	mu   sync.Mutex
	last int
	all  map[*member]struct{}
}

// member is one connection; a goroutine writes what its queue holds.
type member struct {
	id    int
	conn  net.Conn
	queue chan []byte
	heard atomic.Int64 // when something was written to it, Unix nanoseconds
}

// Serve takes a connection in, passes on what it sends, and returns when it has
// ended or ctx is done; the connection is then closed. peer is what a chat calls
// it, and joined, which may be nil, is called when it is among the others.
// Serve may be called by many at once.
func (b *Broker) Serve(ctx context.Context, conn net.Conn, peer string, joined func()) {
	b.mu.Lock()
	b.last++
	m := &member{id: b.last, conn: conn, queue: make(chan []byte, Backlog)}
	if b.all == nil {
		b.all = make(map[*member]struct{})
	}
	b.all[m] = struct{}{}
	b.mu.Unlock()
	if joined != nil {
		joined()
	}
	unhook := context.AfterFunc(ctx, func() { conn.Close() })
	defer unhook()
	if b.Chat {
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has come from %s\n", m.id, peer))
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for p := range m.queue {
			if _, err := conn.Write(p); err != nil {
				conn.Close()
			}
			m.heard.Store(time.Now().UnixNano())
		}
	}()
	b.read(m)
	b.mu.Lock()
	delete(b.all, m)
	close(m.queue)
	b.mu.Unlock()
	if b.Chat {
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has left\n", m.id))
	}
	// Who has finished sending may still take what was said before, not for ever.
	conn.SetWriteDeadline(time.Now().Add(lastWrites))
	<-written
	conn.Close()
}

// lastWrites is how long a connection that has finished sending may take for what its queue holds.
const lastWrites = 10 * time.Second

// read passes on what the member sends, until it ends: the end of one member is
// no failure of the broker.
func (b *Broker) read(m *member) {
	buf := make([]byte, 32<<10)
	var line []byte
	spoke := time.Now()
	for {
		if b.Idle > 0 {
			m.conn.SetReadDeadline(m.lastMoved(spoke).Add(b.Idle))
		}
		n, err := m.conn.Read(buf)
		if n > 0 {
			spoke = time.Now()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(m.lastMoved(spoke)) < b.Idle {
			err = nil // it has only listened
		}
		switch {
		case b.Chat:
			line = b.passLines(m, append(line, buf[:n]...), err != nil)
		case n > 0:
			b.pass(m, bytes.Clone(buf[:n]))
		}
		if err != nil {
			return
		}
	}
}

func (m *member) lastMoved(spoke time.Time) time.Time {
	if heard := time.Unix(0, m.heard.Load()); heard.After(spoke) {
		return heard
	}
	return spoke
}

// passLines passes the whole lines, at the end what there is, and returns the rest.
func (b *Broker) passLines(m *member, p []byte, end bool) []byte {
	for {
		i := bytes.IndexByte(p, '\n') + 1
		if i == 0 && (end && len(p) > 0 || len(p) > maxLine) {
			p = append(p, '\n')
			i = len(p)
		}
		if i == 0 {
			return p
		}
		b.pass(m, append(fmt.Appendf(nil, "<user%d> ", m.id), p[:i]...))
		p = p[i:]
	}
}

func (b *Broker) pass(from *member, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range b.all {
		if m == from {
			continue
		}
		select {
		case m.queue <- p:
		default:
			m.conn.Close()
			if b.Cut != nil {
				b.Cut(m.id)
			}
			// Its reader ends now and takes it out; until then it is cut only once.
			delete(b.all, m)
		}
	}
}
