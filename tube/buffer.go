package tube

import (
	"slices"
	"strings"
	"sync"
)

// Sizes of the pieces the unread bytes are kept in. Small pieces keep a
// thousand short dialogues cheap; large ones keep a long stream cheap. They
// are never joined, so that a long wait costs hardly more than its bytes.
const (
	smallChunk = 4 << 10
	largeChunk = 64 << 10
	hugeChunk  = 512 << 10
)

// leastRoom is how much free space a chunk must have to be read into: with
// less, a system call brings too little.
const leastRoom = 512

var (
	smallPool = sync.Pool{New: func() any { return new([smallChunk]byte) }}
	largePool = sync.Pool{New: func() any { return new([largeChunk]byte) }}
)

// chunk is one piece: b[r:] is unread, cap(b)-len(b) is room for more.
type chunk struct {
	b []byte
	r int
}

func (c *chunk) unread() []byte { return c.b[c.r:] }

func newChunk(size int) chunk {
	switch size {
	case smallChunk:
		return chunk{b: smallPool.Get().(*[smallChunk]byte)[:0]}
	case largeChunk:
		return chunk{b: largePool.Get().(*[largeChunk]byte)[:0]}
	}
	return chunk{b: make([]byte, 0, size)}
}

func (c *chunk) free() {
	switch cap(c.b) {
	case smallChunk:
		smallPool.Put((*[smallChunk]byte)(c.b[:smallChunk]))
	case largeChunk:
		largePool.Put((*[largeChunk]byte)(c.b[:largeChunk]))
	}
	c.b = nil
}

// buffer holds the bytes that came and were not yet read, in order.
// It is guarded by the stream's receive gate.
//
// Of a stream's chunks only the last may be empty: it is kept for its room.
// Datagrams are chunks without room, and may be empty wherever they are.
type buffer struct {
	all   []chunk // all[head:] is in use
	head  int
	size  int   // unread bytes in all chunks
	base  int64 // how many bytes of the stream were taken before the first unread one
	marks []mark
	full  bool // the last read filled all the room it was given
	work  int  // bytes searched and chunks walked past: tests hold it linear
}

func (b *buffer) live() []chunk { return b.all[b.head:] }

// add appends a chunk. Places that were freed in front are used again before
// the array grows, so both ends cost a constant time a chunk.
func (b *buffer) add(c chunk) {
	if len(b.all) == cap(b.all) && b.head > len(b.all)/2 {
		n := copy(b.all, b.live())
		clear(b.all[n:])
		b.all, b.head = b.all[:n], 0
	}
	b.all = append(b.all, c)
}

// drop removes the first n chunks.
func (b *buffer) drop(n int) {
	for i := range b.live()[:n] {
		b.all[b.head+i].free()
	}
	b.head += n
	if b.head == len(b.all) {
		b.all, b.head = b.all[:0], 0
	}
}

// first returns the unread bytes of the first chunk.
func (b *buffer) first() []byte {
	if b.head == len(b.all) {
		return nil
	}
	return b.all[b.head].unread()
}

// room returns where the next bytes are to be read to.
func (b *buffer) room() []byte {
	if n := len(b.all); n > b.head {
		last := &b.all[n-1]
		if n-b.head == 1 && last.r >= cap(last.b)/2 && (!b.full || cap(last.b) > smallChunk) {
			// The unread rest, of a line mostly, is less than what was read
			// before it: moved to the front, it will be whole in one piece.
			last.b = last.b[:copy(last.b, last.unread())]
			last.r = 0
		}
		if cap(last.b)-len(last.b) >= leastRoom {
			return last.b[len(last.b):cap(last.b)]
		}
	}
	size := smallChunk
	switch {
	case b.size >= 1<<20:
		size = hugeChunk
	case b.full:
		size = largeChunk
	}
	b.add(newChunk(size))
	c := &b.all[len(b.all)-1]
	return c.b[:cap(c.b)]
}

// commit counts n bytes, just read into room, as unread.
func (b *buffer) commit(n int) {
	last := &b.all[len(b.all)-1]
	last.b = last.b[:len(last.b)+n]
	b.full = len(last.b) == cap(last.b)
	b.size += n
}

// idle gives memory back while there is nothing unread.
func (b *buffer) idle() {
	if b.size == 0 {
		b.drop(len(b.live()))
	}
}

// packet appends one datagram as a chunk of its own, so that its borders stay.
func (b *buffer) packet(p []byte) {
	b.add(chunk{b: append(make([]byte, 0, len(p)), p...)})
	b.size += len(p)
}

// discard takes n unread bytes from the front.
func (b *buffer) discard(n int) {
	b.base += int64(n)
	b.size -= n
	live := b.live()
	if len(live) > 0 && n < len(live[0].b)-live[0].r {
		live[0].r += n
		return
	}
	if b.size == 0 {
		b.marks = b.marks[:0]
	}
	for i := range live {
		c := &live[i]
		have := len(c.b) - c.r
		if n < have {
			c.r += n
			b.drop(i)
			return
		}
		if n == have && i == len(live)-1 && cap(c.b)-len(c.b) >= leastRoom {
			// All is read and the chunk has room left: keep it for the next read.
			c.b, c.r = c.b[:0], 0
			b.drop(i)
			return
		}
		if n -= have; n == 0 {
			b.drop(i + 1)
			return
		}
	}
}

// pushFront puts p back before the first unread byte.
func (b *buffer) pushFront(p []byte) {
	b.marks = b.marks[:0]
	b.base -= int64(len(p))
	b.size += len(p)
	if live := b.live(); len(live) > 0 && live[0].r >= len(p) {
		c := &live[0]
		c.r -= len(p)
		copy(c.b[c.r:], p)
		return
	}
	// p goes to the end of a new chunk: what is put back next finds room
	// before it.
	size := smallChunk
	if len(p) > smallChunk {
		size = len(p) + smallChunk
	}
	c := newChunk(size)
	c.b = c.b[:size]
	c.r = size - len(p)
	copy(c.b[c.r:], p)
	if b.head == 0 {
		b.head = len(b.all) + 4
		b.all = append(make([]chunk, b.head, 2*b.head), b.all...)
	}
	b.head--
	b.all[b.head] = c
}

// locate returns the index in live of the chunk that holds the unread byte at
// offset off, and the offset at which that chunk starts. It walks from the
// nearer end, since waits look mostly at what came last.
func (b *buffer) locate(off int) (i, start int) {
	live := b.live()
	if off < b.size/2 {
		for i < len(live) && off >= start+len(live[i].unread()) {
			start += len(live[i].unread())
			i++
		}
		b.work += i
		return i, start
	}
	i, start = len(live), b.size
	for i > 0 && start > off {
		i--
		start -= len(live[i].unread())
	}
	b.work += len(live) - i
	return i, start
}

// copyAt fills dst with unread bytes from offset from on and says how many.
func (b *buffer) copyAt(dst []byte, from int) int {
	i, start := b.locate(from)
	return copyChunks(dst, b.live()[i:], from-start)
}

// copyChunks fills dst from the given chunks, passing over the first skip bytes.
func copyChunks(dst []byte, chunks []chunk, skip int) (n int) {
	for i := 0; i < len(chunks) && n < len(dst); i++ {
		data := chunks[i].unread()
		if skip >= len(data) {
			skip -= len(data)
			continue
		}
		n += copy(dst[n:], data[skip:])
		skip = 0
	}
	return n
}

// byteAt returns the unread byte at offset i.
func (b *buffer) byteAt(i int) byte {
	k, start := b.locate(i)
	return b.live()[k].unread()[i-start]
}

// text returns the unread bytes [from, from+n) as a string.
func (b *buffer) text(from, n int) string {
	i, start := b.locate(from)
	chunks := b.live()[i:]
	from -= start
	if len(chunks) > 0 {
		if data := chunks[0].unread(); from+n <= len(data) {
			return string(data[from : from+n])
		}
	}
	var s strings.Builder
	s.Grow(n)
	for i := 0; s.Len() < n; i++ {
		data := chunks[i].unread()[from:]
		s.Write(data[:min(len(data), n-s.Len())])
		from = 0
	}
	return s.String()
}

// bytes returns a copy of the unread bytes [from, from+n), never nil.
func (b *buffer) bytes(from, n int) []byte {
	p := make([]byte, n)
	b.copyAt(p, from)
	return p
}

// window returns the unread bytes [from, to) in one piece; it copies only
// when they lie in several chunks.
func (b *buffer) window(from, to int) []byte {
	i, start := b.locate(from)
	if live := b.live(); i < len(live) {
		if data := live[i].unread(); to-start <= len(data) {
			return data[from-start : to-start]
		}
	}
	return b.bytes(from, to-from)
}

// tail returns a copy of the last n unread bytes at most.
func (b *buffer) tail(n int) []byte {
	n = min(n, b.size)
	return b.bytes(b.size-n, n)
}

// mark remembers how far a failed wait has already searched, so that the
// same wait, repeated, does not search those bytes again.
type mark struct {
	key  string
	upto int64 // no match starts before this offset of the stream
	base int64 // where the unread bytes began then
}

// maxMarks is how many different failed waits are remembered; a program that
// tries more in turn pays with searching again.
const maxMarks = 8

// searched returns the offset from which a wait for key must search, and
// whether the unread bytes still begin where they began at the last search.
func (b *buffer) searched(key string) (from int, same bool) {
	for i := range b.marks {
		if m := &b.marks[i]; m.key == key {
			return int(max(m.upto-b.base, 0)), m.base == b.base
		}
	}
	return 0, true
}

// mark remembers that no match for key starts before offset upto.
func (b *buffer) mark(key string, upto int) {
	b.marks = slices.DeleteFunc(b.marks, func(m mark) bool { return m.key == key })
	if len(b.marks) == maxMarks {
		b.marks = slices.Delete(b.marks, 0, 1)
	}
	b.marks = append(b.marks, mark{key, b.base + int64(upto), b.base})
}
