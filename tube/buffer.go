package tube

import (
	"bytes"
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
type buffer struct {
	chunks []chunk
	size   int   // unread bytes in all chunks
	base   int64 // how many bytes of the stream were taken before the first unread one
	marks  []mark
	full   bool // the last read filled all the room it was given
}

// mark remembers how far a failed wait has already searched, so that the
// same wait, repeated, does not search those bytes again.
type mark struct {
	key  string
	upto int64 // no match starts before this offset of the stream
}

const maxMarks = 8

// room returns where the next bytes are to be read to.
func (b *buffer) room() []byte {
	if n := len(b.chunks); n > 0 {
		last := &b.chunks[n-1]
		if free := cap(last.b) - len(last.b); free >= 512 || free > 0 && len(last.b) == 0 {
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
	b.chunks = append(b.chunks, newChunk(size))
	c := b.chunks[len(b.chunks)-1]
	return c.b[:cap(c.b)]
}

// commit counts n bytes, just read into room, as unread.
func (b *buffer) commit(n int) {
	last := &b.chunks[len(b.chunks)-1]
	last.b = last.b[:len(last.b)+n]
	b.full = len(last.b) == cap(last.b)
	b.size += n
}

// idle gives memory back while there is nothing unread.
func (b *buffer) idle() {
	if b.size == 0 && len(b.chunks) > 0 {
		for i := range b.chunks {
			b.chunks[i].free()
		}
		b.chunks = b.chunks[:0]
	}
}

// packet appends one datagram as a chunk of its own, so that its borders stay.
func (b *buffer) packet(p []byte) {
	b.chunks = append(b.chunks, chunk{b: bytes.Clone(p)})
	b.size += len(p)
}

// discard takes n unread bytes from the front.
func (b *buffer) discard(n int) {
	b.base += int64(n)
	b.size -= n
	i := 0
	for i < len(b.chunks) {
		c := &b.chunks[i]
		have := len(c.b) - c.r
		if n < have {
			c.r += n
			break
		}
		if n == have && i == len(b.chunks)-1 && cap(c.b)-len(c.b) >= 512 {
			// All is read and the chunk has room left: keep it for the next read.
			c.b, c.r = c.b[:0], 0
			break
		}
		n -= have
		c.free()
		i++
		if n == 0 {
			break
		}
	}
	if i > 0 {
		rest := copy(b.chunks, b.chunks[i:])
		clear(b.chunks[rest:])
		b.chunks = b.chunks[:rest]
	}
}

// pushFront puts p back before the first unread byte.
func (b *buffer) pushFront(p []byte) {
	b.marks = b.marks[:0]
	b.base -= int64(len(p))
	b.size += len(p)
	if len(b.chunks) > 0 && b.chunks[0].r >= len(p) {
		c := &b.chunks[0]
		c.r -= len(p)
		copy(c.b[c.r:], p)
		return
	}
	b.chunks = append([]chunk{{b: bytes.Clone(p)}}, b.chunks...)
}

// copyAt fills dst with unread bytes from offset from on and says how many.
func (b *buffer) copyAt(dst []byte, from int) int {
	n := 0
	for i := range b.chunks {
		data := b.chunks[i].unread()
		if from >= len(data) {
			from -= len(data)
			continue
		}
		n += copy(dst[n:], data[from:])
		from = 0
		if n == len(dst) {
			break
		}
	}
	return n
}

// text returns the unread bytes [from, from+n) as a string.
func (b *buffer) text(from, n int) string {
	if len(b.chunks) > 0 {
		if data := b.chunks[0].unread(); from+n <= len(data) {
			return string(data[from : from+n])
		}
	}
	var s strings.Builder
	s.Grow(n)
	for i := range b.chunks {
		data := b.chunks[i].unread()
		if from >= len(data) {
			from -= len(data)
			continue
		}
		data = data[from:min(len(data), from+n)]
		s.Write(data)
		from = 0
		if n -= len(data); n == 0 {
			break
		}
	}
	return s.String()
}

// window returns the unread bytes [from, to) in one piece; it copies only
// when they lie in several chunks.
func (b *buffer) window(from, to int) []byte {
	if len(b.chunks) > 0 {
		if data := b.chunks[0].unread(); to <= len(data) {
			return data[from:to]
		}
	}
	w := make([]byte, to-from)
	b.copyAt(w, from)
	return w
}

// tail returns a copy of the last n unread bytes at most.
func (b *buffer) tail(n int) []byte {
	n = min(n, b.size)
	t := make([]byte, n)
	b.copyAt(t, b.size-n)
	return t
}

// index returns the first offset in [from, to) where delim starts, or -1.
func (b *buffer) index(delim []byte, from, to int) int {
	to = min(to, b.size)
	m := len(delim)
	pos := 0 // offset of the chunk's first unread byte
	for i := range b.chunks {
		if pos >= to {
			break
		}
		data := b.chunks[i].unread()
		end := pos + len(data)
		if end > from {
			lo := max(from, pos)
			hi := min(end, to+m-1)
			if k := bytes.Index(data[lo-pos:hi-pos], delim); k >= 0 {
				return lo + k
			}
			if m > 1 && end < b.size {
				if k := b.indexAcross(delim, max(lo, end-m+1), end, to); k >= 0 {
					return k
				}
			}
		}
		pos = end
	}
	return -1
}

// indexAcross looks for a delim that starts in [lo, end) and crosses the
// border between two chunks at end.
func (b *buffer) indexAcross(delim []byte, lo, end, to int) int {
	var small [128]byte
	stitched := small[:]
	if need := end - lo + len(delim) - 1; need > len(small) {
		stitched = make([]byte, need)
	} else {
		stitched = small[:need]
	}
	n := b.copyAt(stitched, lo)
	if k := bytes.Index(stitched[:n], delim); k >= 0 && lo+k < to {
		return lo + k
	}
	return -1
}

// partialAt says whether the unread bytes from offset at on are a proper
// prefix of delim: more bytes could complete it.
func (b *buffer) partialAt(delim []byte, at int) bool {
	rest := b.size - at
	if rest >= len(delim) {
		return false
	}
	var small [128]byte
	w := small[:]
	if rest > len(small) {
		w = make([]byte, rest)
	}
	n := b.copyAt(w[:rest], at)
	return bytes.Equal(w[:n], delim[:n])
}

// searched returns the offset from which a wait for key must search.
func (b *buffer) searched(key string) int {
	for i := range b.marks {
		if b.marks[i].key == key {
			return int(max(b.marks[i].upto-b.base, 0))
		}
	}
	return 0
}

// mark remembers that no match for key starts before offset upto.
func (b *buffer) mark(key string, upto int) {
	for i := range b.marks {
		if b.marks[i].key == key {
			b.marks[i].upto = b.base + int64(upto)
			return
		}
	}
	if len(b.marks) == maxMarks {
		b.marks = append(b.marks[:0], b.marks[1:]...)
	}
	b.marks = append(b.marks, mark{key, b.base + int64(upto)})
}
