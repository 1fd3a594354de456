package buffer

import (
	"strings"
	"sync"
)

// Sizes of chunks, in bytes. Small ones keep a thousand short dialogues cheap; large ones keep a long stream cheap.
const (
	Small = 4 << 10
	Large = 64 << 10
	huge  = 512 << 10
)

// leastRoom is how much free space a chunk must have to be read into: with
// less, a system call brings too little.
const leastRoom = 512

var (
	smallPool = sync.Pool{New: func() any { return new([Small]byte) }}
	largePool = sync.Pool{New: func() any { return new([Large]byte) }}
)

// chunk is a piece of what came: b[r:] is unread, cap(b)-len(b) is room for more.
type chunk struct {
	b []byte
	r int
}

func (c *chunk) unread() []byte { return c.b[c.r:] }

func newChunk(size int) chunk {
	switch size {
	case Small:
		return chunk{b: smallPool.Get().(*[Small]byte)[:0]}
	case Large:
		return chunk{b: largePool.Get().(*[Large]byte)[:0]}
	}
	return chunk{b: make([]byte, 0, size)}
}

func (c *chunk) free() {
	switch cap(c.b) {
	case Small:
		smallPool.Put((*[Small]byte)(c.b[:Small]))
	case Large:
		largePool.Put((*[Large]byte)(c.b[:Large]))
	}
	c.b = nil
}

// Buffer holds the bytes that came and were not yet read, in order. Its zero value is empty. Its methods may not be called at the
// same time; offsets are counted from the first unread byte.
//
// Of a stream's chunks only the last may be empty: it is kept for its room.
// Datagrams are chunks without room, and may be empty wherever they are.
type Buffer struct {
	all   []chunk // all[head:] is in use
	head  int
	size  int   // unread bytes in all chunks
	base  int64 // how many bytes of the stream were taken before the first unread one
	marks []mark
	full  bool // the last read filled all the room it was given

	Work int // bytes searched and chunks walked past: tests hold it linear
}

// Size is how many bytes are unread.
func (b *Buffer) Size() int { return b.size }

// Chunks is how many chunks there are; each datagram is one.
func (b *Buffer) Chunks() int { return len(b.all) - b.head }

func (b *Buffer) live() []chunk { return b.all[b.head:] }

// add appends a chunk. Places that were freed in front are used again before
// the array grows, so both ends cost a constant time a chunk.
func (b *Buffer) add(c chunk) {
	if len(b.all) == cap(b.all) && b.head > len(b.all)/2 {
		n := copy(b.all, b.live())
		clear(b.all[n:])
		b.all, b.head = b.all[:n], 0
	}
	b.all = append(b.all, c)
}

// drop removes the first n chunks.
func (b *Buffer) drop(n int) {
	for i := range b.live()[:n] {
		b.all[b.head+i].free()
	}
	b.head += n
	if b.head == len(b.all) {
		b.all, b.head = b.all[:0], 0
	}
}

// DropFirst removes the first chunk, a datagram or an empty one.
func (b *Buffer) DropFirst() { b.drop(1) }

// Free gives back all there is.
func (b *Buffer) Free() {
	b.drop(b.Chunks())
	*b = Buffer{}
}

// First returns the unread bytes of the first chunk.
func (b *Buffer) First() []byte {
	if b.head == len(b.all) {
		return nil
	}
	return b.all[b.head].unread()
}

// Room returns where the next bytes are to be read to.
func (b *Buffer) Room() []byte {
	if n := len(b.all); n > b.head {
		last := &b.all[n-1]
		if n-b.head == 1 && last.r >= cap(last.b)/2 && (!b.full || cap(last.b) > Small) {
			// The unread rest, of a line mostly, is less than what was read
			// before it: moved to the front, it will be whole in one piece.
			last.b = last.b[:copy(last.b, last.unread())]
			last.r = 0
		}
		if cap(last.b)-len(last.b) >= leastRoom {
			return last.b[len(last.b):cap(last.b)]
		}
	}
	size := Small
	switch {
	case b.size >= 1<<20:
		size = huge
	case b.full:
		size = Large
	}
	b.add(newChunk(size))
	c := &b.all[len(b.all)-1]
	return c.b[:cap(c.b)]
}

// Commit counts n bytes, just read into room, as unread.
func (b *Buffer) Commit(n int) {
	last := &b.all[len(b.all)-1]
	last.b = last.b[:len(last.b)+n]
	b.full = len(last.b) == cap(last.b)
	b.size += n
}

// Idle gives memory back while there is nothing unread.
func (b *Buffer) Idle() {
	if b.size == 0 {
		b.drop(len(b.live()))
	}
}

// Packet appends one datagram as a chunk of its own, so that its borders stay.
func (b *Buffer) Packet(p []byte) {
	b.add(chunk{b: append(make([]byte, 0, len(p)), p...)})
	b.size += len(p)
}

// Discard takes n unread bytes from the front.
func (b *Buffer) Discard(n int) {
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

// Passed counts n bytes of the stream that were read past the empty buffer.
func (b *Buffer) Passed(n int) { b.base += int64(n) }

// PushFront puts p back before the first unread byte.
func (b *Buffer) PushFront(p []byte) {
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
	size := Small
	if len(p) > Small {
		size = len(p) + Small
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
func (b *Buffer) locate(off int) (i, start int) {
	live := b.live()
	if off < b.size/2 {
		for i < len(live) && off >= start+len(live[i].unread()) {
			start += len(live[i].unread())
			i++
		}
		b.Work += i
		return i, start
	}
	i, start = len(live), b.size
	for i > 0 && start > off {
		i--
		start -= len(live[i].unread())
	}
	b.Work += len(live) - i
	return i, start
}

// CopyAt fills dst with unread bytes from offset from on and says how many.
func (b *Buffer) CopyAt(dst []byte, from int) int {
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

// ByteAt returns the unread byte at offset i.
func (b *Buffer) ByteAt(i int) byte {
	k, start := b.locate(i)
	return b.live()[k].unread()[i-start]
}

// Text returns the unread bytes [from, from+n) as a string.
func (b *Buffer) Text(from, n int) string {
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

// Bytes returns a copy of the unread bytes [from, from+n), never nil.
func (b *Buffer) Bytes(from, n int) []byte {
	p := make([]byte, n)
	b.CopyAt(p, from)
	return p
}

// window returns the unread bytes [from, to) in one piece; it copies only
// when they lie in several chunks.
func (b *Buffer) window(from, to int) []byte {
	i, start := b.locate(from)
	if live := b.live(); i < len(live) {
		if data := live[i].unread(); to-start <= len(data) {
			return data[from-start : to-start]
		}
	}
	return b.Bytes(from, to-from)
}

// Tail returns a copy of the last n unread bytes at most.
func (b *Buffer) Tail(n int) []byte {
	n = min(n, b.size)
	return b.Bytes(b.size-n, n)
}
