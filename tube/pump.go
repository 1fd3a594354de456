package tube

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pumpChunk is how much a pump reads at once.
const pumpChunk = 16 << 10

// pump gives deadlines to a stream that has none. One goroutine reads ahead,
// a chunk at most; one writes. Both start when first needed and end when the
// stream is closed, if closing it ends its Read and Write.
type pump struct {
	rwc io.ReadWriteCloser

	readOnce, writeOnce, closeOnce sync.Once

	chunks chan []byte // what was read, handed over
	rest   []byte      // of the chunk last handed over
	rerr   error       // set before chunks is closed

	writes  chan []byte
	results chan writeResult
	pending bool // a write whose caller gave up is still under way

	rd, wd deadline
	done   chan struct{}
}

type writeResult struct {
	n   int
	err error
}

func newPump(rwc io.ReadWriteCloser) *pump {
	return &pump{
		rwc: rwc, chunks: make(chan []byte), writes: make(chan []byte),
		results: make(chan writeResult, 1), done: make(chan struct{}),
	}
}

func (p *pump) readLoop() {
	defer close(p.chunks)
	// Two buffers in turn: one is handed over only when Read has used up the
	// one before, which is then free.
	var buffers [2][pumpChunk]byte
	empty := 0
	for turn := 0; ; turn = 1 - turn {
		b := buffers[turn][:]
		n, err := p.rwc.Read(b)
		if n > 0 {
			select {
			case p.chunks <- b[:n]:
			case <-p.done:
				p.rerr = net.ErrClosed
				return
			}
		}
		if err != nil {
			p.rerr = err
			return
		}
		if n == 0 {
			if empty++; empty == maxEmptyReads {
				p.rerr = io.ErrNoProgress
				return
			}
			continue
		}
		empty = 0
	}
}

// Read is called by one goroutine at a time: the receive gate sees to it.
func (p *pump) Read(b []byte) (int, error) {
	p.readOnce.Do(func() { go p.readLoop() })
	for len(p.rest) == 0 {
		past, expire, moved := p.rd.wait()
		if past {
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case chunk, ok := <-p.chunks:
			if !ok {
				return 0, p.rerr
			}
			p.rest = chunk
		case <-expire:
		case <-moved:
		case <-p.done:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pump) writeLoop() {
	for {
		select {
		case b := <-p.writes:
			n, err := p.rwc.Write(b)
			p.results <- writeResult{n, err}
		case <-p.done:
			return
		}
	}
}

// Write is called by one goroutine at a time: the send gate sees to it. A
// write whose deadline passes counts as not sent, though the stream below may
// still take it; the next write waits for it first.
func (p *pump) Write(b []byte) (int, error) {
	p.writeOnce.Do(func() { go p.writeLoop() })
	if p.pending {
		if _, err := p.result(); err != nil {
			return 0, err
		}
	}
	own := append([]byte(nil), b...) // the caller may reuse b when a deadline has passed
	for {
		past, expire, moved := p.wd.wait()
		if past {
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case p.writes <- own:
			p.pending = true
			return p.result()
		case <-expire:
		case <-moved:
		case <-p.done:
			return 0, net.ErrClosed
		}
	}
}

// result waits for the outcome of the write under way.
func (p *pump) result() (int, error) {
	for {
		past, expire, moved := p.wd.wait()
		if past {
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case r := <-p.results:
			p.pending = false
			return r.n, r.err
		case <-expire:
		case <-moved:
		case <-p.done:
			return 0, net.ErrClosed
		}
	}
}

func (p *pump) Close() (err error) {
	p.closeOnce.Do(func() {
		close(p.done)
		err = p.rwc.Close()
	})
	return err
}

// CloseWrite is, like Write, called by one goroutine at a time.
func (p *pump) CloseWrite() error {
	c, ok := p.rwc.(closeWriter)
	if !ok {
		return noHalf("close write", p)
	}
	if p.pending {
		if _, err := p.result(); err != nil {
			return err
		}
	}
	return c.CloseWrite()
}

func (p *pump) LocalAddr() net.Addr  { return streamAddr{} }
func (p *pump) RemoteAddr() net.Addr { return streamAddr{} }

func (p *pump) SetDeadline(t time.Time) error {
	p.rd.set(t)
	p.wd.set(t)
	return nil
}
func (p *pump) SetReadDeadline(t time.Time) error  { p.rd.set(t); return nil }
func (p *pump) SetWriteDeadline(t time.Time) error { p.wd.set(t); return nil }

// streamAddr is the address of what has none.
type streamAddr struct{}

func (streamAddr) Network() string { return "stream" }
func (streamAddr) String() string  { return "stream" }

// deadline is a settable point in time that a select can wait for.
type deadline struct {
	mu    sync.Mutex
	at    time.Time
	moved chan struct{} // closed by set; made when somebody waits
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	if d.moved != nil {
		close(d.moved)
		d.moved = nil
	}
}

// wait says whether the time has passed, and else when to ask again: when
// expire or moved delivers.
func (d *deadline) wait() (past bool, expire <-chan time.Time, moved <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.IsZero() {
		left := time.Until(d.at)
		if left <= 0 {
			return true, nil, nil
		}
		expire = time.NewTimer(left).C
	}
	if d.moved == nil {
		d.moved = make(chan struct{})
	}
	return false, expire, d.moved
}
