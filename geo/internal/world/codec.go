package world

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The binary sections are columns of varints: each column holds one kind of
// number, which compresses better than records do.

// EncodeCities writes the cities section. Cities must be sorted by falling
// population.
func EncodeCities(cities []City) []byte {
	b := binary.AppendUvarint(nil, uint64(len(cities)))
	for _, c := range cities {
		b = appendString(b, c.Name)
	}
	for _, c := range cities {
		b = append(b, c.Country...)
	}
	last := 0
	for _, c := range cities {
		b = binary.AppendVarint(b, int64(last-c.Population))
		last = c.Population
	}
	for _, c := range cities {
		b = binary.AppendVarint(b, int64(c.Lat))
	}
	for _, c := range cities {
		b = binary.AppendVarint(b, int64(c.Lon))
	}
	return b
}

// DecodeCities reads the cities section.
func DecodeCities(b []byte) ([]City, error) {
	r := &reader{b: b}
	cities := make([]City, r.count())
	for i := range cities {
		cities[i].Name = r.string()
	}
	for i := range cities {
		cities[i].Country = string(r.bytes(2))
	}
	last := 0
	for i := range cities {
		last -= r.signed()
		cities[i].Population = last
	}
	for i := range cities {
		cities[i].Lat = r.signed()
	}
	for i := range cities {
		cities[i].Lon = r.signed()
	}
	return cities, r.done("cities")
}

// EncodeAtlas writes an atlas section.
func EncodeAtlas(a Atlas) []byte {
	b := binary.AppendUvarint(nil, uint64(a.Scale))
	b = binary.AppendUvarint(b, uint64(len(a.Arcs)))
	for _, arc := range a.Arcs {
		b = binary.AppendUvarint(b, uint64(len(arc)))
	}
	for axis := range 2 {
		for _, arc := range a.Arcs {
			last := 0
			for _, p := range arc {
				b = binary.AppendVarint(b, int64(p[axis]-last))
				last = p[axis]
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(a.Areas)))
	for _, area := range a.Areas {
		b = appendString(b, area.Code)
		b = binary.AppendUvarint(b, uint64(len(area.Polygons)))
		for _, rings := range area.Polygons {
			b = binary.AppendUvarint(b, uint64(len(rings)))
			for _, ring := range rings {
				b = binary.AppendUvarint(b, uint64(len(ring)))
				last := 0
				for _, n := range ring {
					b = binary.AppendVarint(b, int64(n-last))
					last = n
				}
			}
		}
	}
	return b
}

// DecodeAtlas reads an atlas section.
func DecodeAtlas(b []byte) (Atlas, error) {
	r := &reader{b: b}
	a := Atlas{Scale: r.int()}
	a.Arcs = make([][][2]int, r.count())
	for i := range a.Arcs {
		a.Arcs[i] = make([][2]int, r.count())
	}
	for axis := range 2 {
		for _, arc := range a.Arcs {
			last := 0
			for k := range arc {
				last += r.signed()
				arc[k][axis] = last
			}
		}
	}
	a.Areas = make([]Area, r.count())
	for i := range a.Areas {
		area := Area{Code: r.string()}
		area.Polygons = make([][][]int, r.count())
		for p := range area.Polygons {
			rings := make([][]int, r.count())
			for k := range rings {
				ring := make([]int, r.count())
				last := 0
				for n := range ring {
					last += r.signed()
					ring[n] = last
					if arc := max(last, ^last); arc >= len(a.Arcs) {
						return Atlas{}, fmt.Errorf("read geo atlas: no arc %d", arc)
					}
				}
				rings[k] = ring
			}
			area.Polygons[p] = rings
		}
		a.Areas[i] = area
	}
	return a, r.done("atlas")
}

// EncodeFlags writes the flags section.
func EncodeFlags(flags []Flag) []byte {
	b := binary.AppendUvarint(nil, uint64(len(flags)))
	for _, f := range flags {
		b = append(b, f.Country...)
		b = binary.AppendUvarint(b, uint64(f.Width))
		b = binary.AppendUvarint(b, uint64(f.Height))
		b = binary.AppendUvarint(b, uint64(len(f.Palette)))
		for _, c := range f.Palette {
			b = append(b, c[:]...)
		}
		b = append(b, f.Pixels...)
	}
	return b
}

// DecodeFlags reads the flags section.
func DecodeFlags(b []byte) ([]Flag, error) {
	r := &reader{b: b}
	flags := make([]Flag, r.count())
	for i := range flags {
		f := Flag{Country: string(r.bytes(2)), Width: r.int(), Height: r.int()}
		f.Palette = make([][3]byte, r.count())
		for k := range f.Palette {
			copy(f.Palette[k][:], r.bytes(3))
		}
		if f.Width > 1000 || f.Height > 1000 {
			return nil, errors.New("read geo flags: raster too large")
		}
		f.Pixels = append([]byte(nil), r.bytes(f.Width*f.Height)...)
		for _, p := range f.Pixels {
			if int(p) >= len(f.Palette) {
				return nil, errors.New("read geo flags: no such colour")
			}
		}
		flags[i] = f
	}
	return flags, r.done("flags")
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader keeps the first error, so that a decoder reads straight through and
// asks once at its end.
type reader struct {
	b   []byte
	err error
}

var errShort = errors.New("data ends too early")

func (r *reader) int() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > maxSection {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// count reads a length; each element takes at least one byte, so a length
// beyond the data is damage.
func (r *reader) count() int {
	n := r.int()
	if n > len(r.b) {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) signed() int {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) string() string { return string(r.bytes(r.int())) }

func (r *reader) fail() {
	if r.err == nil {
		r.err = errShort
	}
	r.b = nil
}

func (r *reader) done(what string) error {
	if r.err != nil {
		return fmt.Errorf("read geo %s: %w", what, r.err)
	}
	if len(r.b) > 0 {
		return fmt.Errorf("read geo %s: %d bytes left over", what, len(r.b))
	}
	return nil
}
