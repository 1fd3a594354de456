// Package hexdump formats a byte stream as the traditional netcat's -o does:
// direction, offset, sixteen bytes, and the characters they are.
//
//	> 00000000 68 65 6c 6c 6f 0a                               # hello.
package hexdump

// A Dumper formats one direction. Offsets count that direction's bytes; each
// chunk begins a line, so that what was sent together stands together.
type Dumper struct {
	Mark   byte // in front of each line: '>' sent, '<' received
	offset uint64
}

const digits = "0123456789abcdef"

// Dump appends the lines for p to dst.
func (d *Dumper) Dump(dst, p []byte) []byte {
	for len(p) > 0 {
		n := min(16, len(p))
		dst = append(dst, d.Mark, ' ')
		for shift := 28; shift >= 0; shift -= 4 {
			dst = append(dst, digits[d.offset>>shift&15])
		}
		dst = append(dst, ' ')
		for i := range 16 {
			if i < n {
				dst = append(dst, digits[p[i]>>4], digits[p[i]&15], ' ')
			} else {
				dst = append(dst, ' ', ' ', ' ')
			}
		}
		dst = append(dst, '#', ' ')
		for _, b := range p[:n] {
			if b < 0x20 || b > 0x7e {
				b = '.'
			}
			dst = append(dst, b)
		}
		dst = append(dst, '\n')
		d.offset += uint64(n)
		p = p[n:]
	}
	return dst
}
