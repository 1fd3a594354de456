package geography

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// The map is an equirectangular window on the world, 72 x 18 cells of 2 x 4 braille dots, with
// latitudes at the left and longitudes below: with the question and the prompt it fits into 80x24.
const (
	mapCols, mapRows = 72, 18
	dotCols, dotRows = 2 * mapCols, 4 * mapRows
	worldStep        = 2.5 // degrees a dot when the whole world is shown
	labelWidth       = 5
	tickCols         = 8 // columns between longitudes
)

// frame says which part of the world a map shows.
type frame struct {
	top, left float64 // degrees of the upper left corner
	step      float64 // degrees a dot
}

// atlas is the one with as much detail as the frame can show.
func (f frame) atlas() *geo.Atlas {
	if f.step >= worldStep {
		return geo.Atlas110()
	}
	return geo.Atlas50()
}

// grid says for each dot whose land is there: an index of its owners, 0 is sea.
type grid struct {
	cell    [dotRows * dotCols]uint16
	owners  []*geo.Country // owners[0] is the sea, nil among others is disputed land
	borders bool           // are drawn, not coasts alone
}

// rasterise finds the owner of every dot, polygon by polygon and row by row.
func (f frame) rasterise(a *geo.Atlas) *grid {
	g := &grid{owners: []*geo.Country{nil}, borders: f.step < worldStep}
	east := f.left + dotCols*f.step
	var rows [dotRows][]float64 // kept from polygon to polygon
	for _, area := range a.Areas() {
		g.owners = append(g.owners, area.Country)
		for i := range area.Polygons {
			p := &area.Polygons[i]
			for _, turn := range [...]float64{-360, 0, 360} {
				if p.NorthEast.Lon+turn < f.left || p.SouthWest.Lon+turn > east {
					continue
				}
				f.fill(g, p, turn, uint16(len(g.owners)-1), &rows)
			}
		}
	}
	return g
}

// fill gives the dots inside a polygon their owner. It goes through the edges once and notes where each
// crosses the middles of rows, which is what keeps a map under a millisecond.
func (f frame) fill(g *grid, p *geo.Polygon, turn float64, owner uint16, rows *[dotRows][]float64) {
	first := max(0, int(math.Ceil((f.top-p.NorthEast.Lat)/f.step-0.5)))
	last := min(dotRows-1, int(math.Floor((f.top-p.SouthWest.Lat)/f.step-0.5)))
	if first > last {
		return
	}
	for y := first; y <= last; y++ {
		rows[y] = rows[y][:0]
	}
	perDegree := 1 / f.step
	for _, ring := range p.Rings {
		y1 := (f.top-ring[0].Lat)*perDegree - 0.5
		c1 := int(math.Ceil(y1))
		for i := 1; i < len(ring); i++ {
			y0, c0 := y1, c1
			y1 = (f.top-ring[i].Lat)*perDegree - 0.5
			c1 = int(math.Ceil(y1))
			if c0 == c1 {
				continue // most edges are shorter than a dot
			}
			for y := max(first, min(c0, c1)); y <= min(last, max(c0, c1)-1); y++ {
				t := (float64(y) - y0) / (y1 - y0)
				lon := ring[i-1].Lon + t*(ring[i].Lon-ring[i-1].Lon) + turn
				rows[y] = append(rows[y], (lon-f.left)/f.step-0.5)
			}
		}
	}
	for y := first; y <= last; y++ {
		slices.Sort(rows[y])
		line := g.cell[y*dotCols : (y+1)*dotCols]
		for i := 0; i+1 < len(rows[y]); i += 2 {
			for x := max(0, int(math.Ceil(rows[y][i]))); x < min(dotCols, int(math.Ceil(rows[y][i+1]))); x++ {
				line[x] = owner
			}
		}
	}
}

// outline says whether a dot is on a coast or border: its owner is not that of the dot to the right or
// of the one below. On the map of the whole world only coasts are drawn: borders would fill Europe.
func (g *grid) outline(x, y int) bool {
	here := g.cell[y*dotCols+x]
	return x+1 < dotCols && g.line(here, g.cell[y*dotCols+x+1]) || y+1 < dotRows && g.line(here, g.cell[(y+1)*dotCols+x])
}

func (g *grid) line(a, b uint16) bool { return a != b && (g.borders || a == 0 || b == 0) }

// cells counts, in the cell of a character, the dots of c's land and those of outlines, as bits in the
// order of braille.
func (g *grid) cells(c *geo.Country, col, row int) (land, lines byte) {
	for dy := range 4 {
		for dx := range 2 {
			x, y := 2*col+dx, 4*row+dy
			if o := g.owners[g.cell[y*dotCols+x]]; o != nil && o == c {
				land |= brailleBit[dy][dx]
			} else if g.outline(x, y) {
				lines |= brailleBit[dy][dx]
			}
		}
	}
	return land, lines
}

// brailleBit are the bits of a braille character (Unicode, U+2800 on) by row and column.
var brailleBit = [4][2]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// draw is the map with c filled.
func (f frame) draw(g *grid, c *geo.Country, v view) []string {
	out := make([]string, 0, mapRows+1)
	var line strings.Builder
	for row := range mapRows {
		line.Reset()
		line.WriteString(f.latitude(row))
		for col := range mapCols {
			land, lines := g.cells(c, col, row)
			cell := cellText(land, lines, v.ascii)
			if v.color && land != 0 {
				line.WriteString("\x1b[1;32m" + string(cell) + "\x1b[0m")
				continue
			}
			line.WriteRune(cell)
		}
		out = append(out, strings.TrimRight(line.String(), " "))
	}
	return append(out, f.longitudes())
}

// cellText draws a cell: braille dots, or in ASCII # for land, + for some land, . for an outline.
func cellText(land, lines byte, ascii bool) rune {
	switch {
	case !ascii && land|lines == 0:
		return ' '
	case !ascii:
		return 0x2800 + rune(land|lines)
	case bits.OnesCount8(land) >= 4:
		return '#'
	case land != 0:
		return '+'
	case lines != 0:
		return '.'
	}
	return ' '
}

// latitude labels the upper edge of a row where it is a whole number of degrees.
func (f frame) latitude(row int) string {
	lat := f.top - float64(4*row)*f.step
	if lat != math.Trunc(lat) {
		return strings.Repeat(" ", labelWidth)
	}
	return fmt.Sprintf("%3s- ", degrees(lat, "N", "S"))
}

// longitudes is the axis below: each | stands under the left edge of its column.
func (f frame) longitudes() string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", labelWidth))
	for col := 0; col < mapCols; col += tickCols {
		lon := f.left + float64(2*col)*f.step
		fmt.Fprintf(&b, "%-*s", tickCols, "|"+degrees(math.Remainder(lon, 360), "E", "W"))
	}
	return strings.TrimRight(b.String(), " ")
}

func degrees(x float64, plus, minus string) string {
	switch {
	case x > 0 && x != 180:
		return strconv.FormatFloat(x, 'f', -1, 64) + plus
	case x < 0 && x != -180:
		return strconv.FormatFloat(-x, 'f', -1, 64) + minus
	}
	return strconv.FormatFloat(math.Abs(x), 'f', -1, 64)
}
