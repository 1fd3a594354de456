package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

const (
	drawnWidth, drawnHeight = 192, 144 // what rasterise.mjs draws
	flagWidth, flagHeight   = 48, 36   // what is kept: fits 80x24 with two pixels a cell
	flagColours             = 12
)

// makeFlags draws every flag large, finds its few colours, and keeps for each
// small pixel the colour that most of its area has: edges stay crisp, and a
// palette index takes less than a colour.
func (m *maker) makeFlags() ([]world.Flag, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("draw flags: node is needed: %w", err)
	}
	modules, err := filepath.Abs(m.modules)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(filepath.Dir(modules), "rasterise.mjs")
	cmd := exec.Command(node, append([]string{script, modules}, m.codes2...)...)
	cmd.Stderr = os.Stderr
	all, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("draw flags: %w", err)
	}
	const size = drawnWidth * drawnHeight * 4
	if len(all) != size*len(m.codes2) {
		return nil, fmt.Errorf("draw flags: %d bytes instead of %d", len(all), size*len(m.codes2))
	}
	var out []world.Flag
	for i, code := range m.codes2 {
		out = append(out, reduce(code, all[i*size:(i+1)*size]))
	}
	m.lookAlikes(out)
	return out, nil
}

// reduce makes a small flag with a palette of a large RGBA drawing.
func reduce(code string, rgba []byte) world.Flag {
	palette := colours(rgba)
	index := map[[3]byte]byte{}
	last, lastIndex := palette[0], byte(0) // most pixels are like the one before
	nearest := func(c [3]byte) byte {
		if c == last {
			return lastIndex
		}
		i, ok := index[c]
		if !ok {
			i = 0
			for k := range palette {
				if apart(palette[k], c) < apart(palette[i], c) {
					i = byte(k)
				}
			}
			index[c] = i
		}
		last, lastIndex = c, i
		return i
	}
	f := world.Flag{Country: code, Width: flagWidth, Height: flagHeight}
	const step = drawnWidth / flagWidth
	used := make([]int, len(palette))
	for y := range flagHeight {
		for x := range flagWidth {
			var votes [flagColours]int
			for dy := range step {
				for dx := range step {
					votes[nearest(pixel(rgba, x*step+dx, y*step+dy))]++
				}
			}
			best := byte(0)
			for k, v := range votes {
				if v > votes[best] {
					best = byte(k)
				}
			}
			f.Pixels = append(f.Pixels, best)
			used[best]++
		}
	}
	// A palette holds only colours that are seen.
	renumbered := make([]byte, len(palette))
	for k, n := range used {
		if n > 0 {
			renumbered[k] = byte(len(f.Palette))
			f.Palette = append(f.Palette, palette[k])
		}
	}
	for i, p := range f.Pixels {
		f.Pixels[i] = renumbered[p]
	}
	return f
}

// pixel gives a colour over white: Nepal's flag leaves its background open.
func pixel(rgba []byte, x, y int) [3]byte {
	p := rgba[(y*drawnWidth+x)*4:]
	a := int(p[3]) // resvg gives premultiplied colours
	return [3]byte{byte(int(p[0]) + 255 - a), byte(int(p[1]) + 255 - a), byte(int(p[2]) + 255 - a)}
}

// colours picks the most frequent colours that differ visibly from each other.
func colours(rgba []byte) [][3]byte {
	count := map[[3]byte]int{}
	last, run := pixel(rgba, 0, 0), 0
	for y := range drawnHeight {
		for x := range drawnWidth {
			c := pixel(rgba, x, y)
			if c != last {
				count[last] += run
				last, run = c, 0
			}
			run++
		}
	}
	count[last] += run
	list := make([][3]byte, 0, len(count))
	for c := range count {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b [3]byte) int {
		return cmp.Or(count[b]-count[a], bytes.Compare(a[:], b[:]))
	})
	palette := list[:1:1]
	for _, c := range list[1:] {
		if len(palette) == flagColours || count[c] < 12 {
			break
		}
		if !slices.ContainsFunc(palette, func(p [3]byte) bool { return apart(p, c) < 48*48 }) {
			palette = append(palette, c)
		}
	}
	return palette
}

func apart(a, b [3]byte) int {
	dr, dg, db := int(a[0])-int(b[0]), int(a[1])-int(b[1]), int(a[2])-int(b[2])
	return dr*dr + dg*dg + db*db
}

// alike is how far two flags' pixels may be apart on average (squared, of 195,075
// at most) for a person in front of a terminal to take one for the other. Chad and
// Romania are 1,886 apart; from 3,000 on a whole stripe has another colour, and
// whether that is seen depends on the colours: those are decisions.
const alike = 2500

// lookAlikes writes to each country the flags that cannot be told from its own.
func (m *maker) lookAlikes(flags []world.Flag) {
	for i, f := range flags {
		for _, g := range flags[i+1:] {
			sum := 0
			for k := range f.Pixels {
				sum += apart(f.Palette[f.Pixels[k]], g.Palette[g.Pixels[k]])
			}
			if mean := sum / len(f.Pixels); mean <= alike {
				m.pair(f.Country, g.Country, fmt.Sprintf("their pixels differ by %d", mean))
			}
		}
	}
	for _, d := range m.over.Alike {
		for i, a := range d.Countries {
			for _, b := range d.Countries[i+1:] {
				m.pair(min(a, b), max(a, b), d.Reason)
			}
		}
	}
	for _, c := range m.countries {
		slices.Sort(c.LookAlikes)
	}
}

func (m *maker) pair(a, b, why string) {
	x, y := m.countries[a], m.countries[b]
	if slices.Contains(x.LookAlikes, b) {
		return
	}
	x.LookAlikes = append(x.LookAlikes, b)
	y.LookAlikes = append(y.LookAlikes, a)
	m.report.add(secFlag, a+"-"+b, "either is accepted for the other: %s", why)
}
