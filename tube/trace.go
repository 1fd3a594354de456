package tube

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// traceSink is the writer WithTrace was given; several tubes may share it.
type traceSink struct {
	mu sync.Mutex
	w  io.Writer
}

// tracer writes the hexdump of one stream.
type tracer struct {
	sink *traceSink
	off  [2]int64 // bytes dumped so far: received, sent; guarded by the two gates
}

// dump writes p, received ('<') or sent ('>'), sixteen bytes a line: the
// direction, the offset in that direction, the bytes, the printable text.
func (t *tracer) dump(dir byte, p []byte) {
	off := &t.off[0]
	if dir == '>' {
		off = &t.off[1]
	}
	var b strings.Builder
	for len(p) > 0 {
		n := min(16, len(p))
		fmt.Fprintf(&b, "%c %08x ", dir, *off)
		for i := range 16 {
			if i%8 == 0 {
				b.WriteByte(' ')
			}
			if i < n {
				fmt.Fprintf(&b, "%02x ", p[i])
			} else {
				b.WriteString("   ")
			}
		}
		b.WriteString(" |")
		for _, c := range p[:n] {
			if c < ' ' || c > '~' {
				c = '.'
			}
			b.WriteByte(c)
		}
		b.WriteString("|\n")
		p = p[n:]
		*off += int64(n)
	}
	t.sink.mu.Lock()
	defer t.sink.mu.Unlock()
	io.WriteString(t.sink.w, b.String())
}
