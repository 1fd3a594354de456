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
//
// The one who runs the broker may speak too (Tell), and with Heard is the only one who is spoken to.
package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/visible"
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
	// Heard, if set, is given what the connections send, in place of the others, one call at a time; its error ends the
	// connection it is about. Tell then waits for slow readers, but not where others wait too and one takes nothing for [Stalled].
	Heard func(p []byte) error

	mu     sync.Mutex
	last   int
	all    map[*member]struct{}
	ended  bool       // End was called
	heard  sync.Mutex // held while Heard runs
	spoken []byte     // what was told of a chat's line that is not whole yet
}

// member is one connection; a goroutine writes what its queue holds.
type member struct {
	id    int
	conn  net.Conn
	queue chan []byte   // nil in it: nothing more comes
	gone  chan struct{} // closed when it has ended
	heard atomic.Int64  // when something was written to it, Unix nanoseconds
}

// Serve takes a connection in, passes on what it sends, and returns when it has
// ended or ctx is done; the connection is then closed. peer is where a chat says
// it comes from, empty for nowhere, and joined, which may be nil, is called when it is among the others.
// Its error is Heard's. Serve may be called by many at once.
func (b *Broker) Serve(ctx context.Context, conn net.Conn, peer string, joined func()) error {
	b.mu.Lock()
	b.last++
	m := &member{id: b.last, conn: conn, queue: make(chan []byte, Backlog), gone: make(chan struct{})}
	if b.all == nil {
		b.all = make(map[*member]struct{})
	}
	b.all[m] = struct{}{}
	if b.ended {
		m.queue <- nil
	}
	b.mu.Unlock()
	if joined != nil {
		joined()
	}
	unhook := context.AfterFunc(ctx, func() { conn.Close() })
	defer unhook()
	if b.Chat {
		from := ""
		if peer != "" {
			from = " from " + peer
		}
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has come%s\n", m.id, from))
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		m.write()
	}()
	err := b.read(m)
	b.mu.Lock()
	delete(b.all, m)
	close(m.gone)
	b.mu.Unlock()
	if b.Chat {
		b.pass(m, fmt.Appendf(nil, "<announce> user%d has left\n", m.id))
	}
	// Who has finished sending may still take what was said before, not for ever.
	conn.SetWriteDeadline(time.Now().Add(lastWrites))
	<-written
	conn.Close()
	return err
}

// write sends what the queue holds, until the member has ended and the queue is empty.
func (m *member) write() {
	for {
		var p []byte
		select {
		case p = <-m.queue:
		default:
			select {
			case p = <-m.queue:
			case <-m.gone:
				return
			}
		}
		if half, ok := m.conn.(interface{ CloseWrite() error }); p == nil && ok {
			half.CloseWrite()
			continue
		}
		if _, err := m.conn.Write(p); err != nil {
			m.cut()
		}
		m.heard.Store(time.Now().UnixNano())
	}
}

// Tell sends p to all; in a chat, when its line is whole. p is the broker's from then on.
func (b *Broker) Tell(p []byte) {
	switch {
	case b.Chat:
		b.spoken = b.passLines(&member{}, append(b.spoken, p...), false)
	case b.Heard == nil:
		b.pass(nil, p)
	default:
		b.each(p)
	}
}

// End tells all that nothing more will be told, also those who come later. It is for who has Heard.
func (b *Broker) End() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.each(nil)
}

// each puts p into every queue, and waits for those that are full. Where others wait too, one that takes nothing for long is cut off.
func (b *Broker) each(p []byte) {
	b.mu.Lock()
	all := slices.Collect(maps.Keys(b.all))
	b.mu.Unlock()
	for _, m := range all {
		if b.await(m, p) {
			continue
		}
		b.mu.Lock()
		delete(b.all, m)
		b.mu.Unlock()
		m.cut()
		if b.Cut != nil {
			b.Cut(m.id)
		}
	}
}

// Stalled is how long a connection may take nothing while others wait for it.
const Stalled = 10 * time.Second

// await puts p into m's queue when there is room. It is false when m has taken nothing for too long, and is not alone.
func (b *Broker) await(m *member, p []byte) bool {
	select {
	case m.queue <- p:
		return true
	default:
	}
	look := time.NewTicker(Stalled / 10)
	defer look.Stop()
	for since := time.Now(); ; {
		select {
		case m.queue <- p:
			return true
		case <-m.gone:
			return true
		case <-look.C:
		}
		b.mu.Lock()
		alone := len(b.all) < 2
		b.mu.Unlock()
		if alone {
			since = time.Now()
		} else if time.Since(m.lastMoved(since)) >= Stalled {
			return false
		}
	}
}

// lastWrites is how long a connection that has finished sending may take for what its queue holds.
const lastWrites = 10 * time.Second

// read passes on what the member sends, until it ends: the end of one member is
// no failure of the broker, only that nobody hears it.
func (b *Broker) read(m *member) error {
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
		case b.Heard != nil && n > 0:
			b.heard.Lock()
			herr := b.Heard(buf[:n])
			b.heard.Unlock()
			if herr != nil {
				return herr
			}
		case b.Heard != nil:
		case b.Chat:
			line = b.passLines(m, append(line, buf[:n]...), err != nil)
		case n > 0:
			b.pass(m, bytes.Clone(buf[:n]))
		}
		if err != nil {
			return nil
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
		b.pass(m, fmt.Appendf(nil, "<user%d> %s", m.id, harmless(p[:i])))
		p = p[i:]
	}
}

// harmless is a line without what would do something to the others' terminals. Its end stays as it is.
func harmless(line []byte) string {
	end := len(line) - 1
	if end > 0 && line[end-1] == '\r' {
		end--
	}
	return visible.Lines(string(line[:end])) + string(line[end:])
}

func (b *Broker) pass(from *member, p []byte) {
	for _, m := range b.queueAll(from, p) {
		m.cut()
		if b.Cut != nil {
			b.Cut(m.id)
		}
	}
}

// queueAll puts p into the queues of all but one, and returns those who have no room for it. Their readers end when they are
// cut; until then nobody else cuts them.
func (b *Broker) queueAll(from *member, p []byte) (slow []*member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range b.all {
		if m == from {
			continue
		}
		select {
		case m.queue <- p:
		default:
			slow = append(slow, m)
			delete(b.all, m)
		}
	}
	return slow
}

// cut closes the connection below TLS: its good-bye would wait for the one who does not read.
func (m *member) cut() {
	if t, ok := m.conn.(interface{ NetConn() net.Conn }); ok {
		t.NetConn().Close()
		return
	}
	m.conn.Close()
}
