package geography

import (
	"math"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// readMap finds the filled country of a map from its text alone, comparing with the outlines of an
// atlas; nil when no country fits clearly. It solves the maps of players' and the reference solver, and
// no map is asked that it cannot solve with both atlases.
func readMap(block []string, a *geo.Atlas) *geo.Country {
	f, ok := readFrame(block)
	if !ok {
		return nil
	}
	return f.rasterise(a).read(block)
}

// read is readMap for a map whose frame is known.
func (g *grid) read(block []string) *geo.Country {
	score := make([]int, len(g.owners))
	for row := range mapRows {
		cells := []rune(block[row])
		for col := range mapCols {
			shown := ' '
			if labelWidth+col < len(cells) {
				shown = cells[labelWidth+col]
			}
			g.score(score, col, row, shown)
		}
	}
	best, second := 0, 0
	for i := 1; i < len(score); i++ {
		switch {
		case g.owners[i] == nil:
		case best == 0 || score[i] > score[best]:
			best, second = i, best
		case second == 0 || score[i] > score[second]:
			second = i
		}
	}
	if score[best] < minScore || second > 0 && score[second] > score[best]/2 {
		return nil
	}
	return g.owners[best]
}

// minScore is how many dots must speak for a country.
const minScore = 6

// score adds up, for the owners of a cell's dots, what speaks for them being the filled country and
// what against. A dot on an outline would be there in any case and says nothing; ASCII tells land from
// outlines.
func (g *grid) score(score []int, col, row int, shown rune) {
	for dy := range 4 {
		for dx := range 2 {
			x, y := 2*col+dx, 4*row+dy
			owner := g.cell[y*dotCols+x]
			switch {
			case owner == 0:
			case shown == '#':
				score[owner]++
			case shown == '+':
			case shown >= 0x2800 && shown <= 0x28ff:
				switch {
				case g.outline(x, y):
				case byte(shown-0x2800)&brailleBit[dy][dx] != 0:
					score[owner]++
				default:
					score[owner]--
				}
			case shown == '.' || !g.outline(x, y):
				score[owner]--
			}
		}
	}
}

// readFrame reads the axes: two latitudes at the left, two longitudes below.
func readFrame(block []string) (frame, bool) {
	if len(block) != mapRows+1 {
		return frame{}, false
	}
	var lats, rows []float64
	for row, line := range block[:mapRows] {
		if label, _, ok := strings.Cut(line, "-"); ok && len(label) < labelWidth {
			if lat, ok := readDegrees(strings.TrimSpace(label), "N", "S"); ok {
				lats, rows = append(lats, lat), append(rows, float64(row))
			}
		}
	}
	ticks := strings.Fields(strings.ReplaceAll(block[mapRows], "|", " "))
	if len(lats) < 2 || len(ticks) < 2 {
		return frame{}, false
	}
	n := len(lats) - 1
	f := frame{step: (lats[0] - lats[n]) / (4 * (rows[n] - rows[0]))}
	f.top = lats[0] + 4*rows[0]*f.step
	var ok bool
	f.left, ok = readDegrees(ticks[0], "E", "W")
	f.left = westOf(f.left)
	return f, ok && f.step > 0 && !math.IsInf(f.step, 0)
}

// westOf writes a longitude as -180 up to but not 180.
func westOf(lon float64) float64 {
	if lon >= 180 {
		return lon - 360
	}
	return lon
}

func readDegrees(s, plus, minus string) (float64, bool) {
	sign := 1.0
	if rest, ok := strings.CutSuffix(s, minus); ok {
		s, sign = rest, -1
	}
	x, ok := parseNumber(strings.TrimSuffix(s, plus))
	return sign * x, ok
}
