package geography

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// A flag is shown through a window of flagCols x flagRows cells, a cell being one pixel wide and two
// high. The window moves, so that the same flag is not the same text each time.
const (
	flagCols, flagRows = 44, 16
	flagSame           = 10 // cells in which flags may differ that are taken for alike
)

var askFlag = askable(geo.AskFlag)

var flagKind = kind{
	name: "flag", tier: 3,
	asks: "whose flag is shown, a letter for each color",
	form: "a country. " + flagLegend,

	draw: func(r *rand.Rand) question {
		for {
			c := pick(r, askFlag())
			w := window{x: r.IntN(49 - flagCols), y: 2 * r.IntN(19-flagRows)}
			alike := flagsLike(w.letters(flagImage(c)))
			if alike = append(alike, c.LookAlikes()...); len(alike) > 6 {
				continue
			}
			return question{
				key:     c.Alpha2(),
				prompt:  say("Which country has this flag? (a part of it)"),
				block:   func(v view) []string { return w.draw(flagImage(c), v) },
				accepts: func(answer string) bool { return anyAccepts(alike, answer) },
				answer:  c.String(),
				also:    others(func() []string { return namesOf(alike) }, c.String()),
				why:     "flags that look alike here are all right",
				sources: []string{"flag-icons"},
			}
		}
	},

	solve: func(_ string, block []string) string {
		for _, c := range flagsLike(block) {
			return code(c)
		}
		return ""
	},
}

// window is where the upper left corner of the shown part is, in pixels.
type window struct{ x, y int }

// letters draws the part as letters.
func (w window) letters(img *image.Paletted) []string {
	letter := paletteLetters(img)
	out := make([]string, flagRows)
	for row := range out {
		line := make([]byte, flagCols)
		for col := range line {
			line[col] = letter[img.ColorIndexAt(w.x+col, w.y+2*row)]
		}
		out[row] = string(line)
	}
	return out
}

// draw is letters, or with color the picture itself in half blocks.
func (w window) draw(img *image.Paletted, v view) []string {
	if !v.color {
		return w.letters(img)
	}
	out := make([]string, flagRows)
	for row := range out {
		var b strings.Builder
		for col := range flagCols {
			up, down := rgb(img, w.x+col, w.y+2*row), rgb(img, w.x+col, w.y+2*row+1)
			if v.ascii {
				fmt.Fprintf(&b, "\x1b[48;2;%sm ", up)
			} else {
				fmt.Fprintf(&b, "\x1b[38;2;%s;48;2;%sm▀", up, down)
			}
		}
		out[row] = b.String() + "\x1b[0m"
	}
	return out
}

func rgb(img *image.Paletted, x, y int) string {
	r, g, b, _ := img.At(x, y).RGBA()
	return fmt.Sprintf("%d;%d;%d", r>>8, g>>8, b>>8)
}

// flagImages are the pictures of all countries, territories too: they can look like a country's.
var flagImages = sync.OnceValue(func() map[*geo.Country]*image.Paletted {
	out := map[*geo.Country]*image.Paletted{}
	for _, c := range geo.Countries() {
		if img := c.Flag(); img != nil {
			out[c] = img
		}
	}
	return out
})

func flagImage(c *geo.Country) *image.Paletted { return flagImages()[c] }

// flagsLike lists the countries some part of whose flag looks like this one, the most alike first.
func flagsLike(shown []string) []*geo.Country {
	type match struct {
		c      *geo.Country
		differ int
	}
	var found []match
	const most = flagSame
	for _, c := range geo.Countries() {
		img := flagImage(c)
		if img == nil {
			continue
		}
		best := most + 1
		for y := 0; y+2*flagRows <= img.Rect.Dy(); y += 2 {
			for x := 0; x+flagCols <= img.Rect.Dx(); x++ {
				best = min(best, difference(shown, img, x, y, best))
			}
		}
		if best <= most {
			found = append(found, match{c, best})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.differ - b.differ })
	out := make([]*geo.Country, len(found))
	for i, m := range found {
		out[i] = m.c
	}
	return out
}

// difference counts the cells that differ, up to most.
func difference(shown []string, img *image.Paletted, x, y, most int) int {
	letter := paletteLetters(img)
	n := 0
	for row, line := range shown {
		pix := img.Pix[(y+2*row)*img.Stride+x:]
		for col := range len(line) {
			if line[col] != letter[pix[col]] {
				if n++; n >= most {
					return n
				}
			}
		}
	}
	return n
}

const flagLegend = "W white, K black, R red, M maroon, O orange, Y yellow, G green, B blue, N navy, C cyan, P purple, T brown, S grey"

var flagColors = []struct {
	letter byte
	at     color.RGBA
}{
	{'W', color.RGBA{255, 255, 255, 255}},
	{'K', color.RGBA{0, 0, 0, 255}},
	{'R', color.RGBA{215, 20, 30, 255}},
	{'M', color.RGBA{130, 20, 40, 255}},
	{'O', color.RGBA{245, 130, 30, 255}},
	{'Y', color.RGBA{252, 215, 20, 255}},
	{'G', color.RGBA{0, 130, 60, 255}},
	{'B', color.RGBA{0, 75, 180, 255}},
	{'N', color.RGBA{0, 25, 100, 255}},
	{'C', color.RGBA{100, 180, 230, 255}},
	{'P', color.RGBA{110, 50, 130, 255}},
	{'T', color.RGBA{140, 95, 45, 255}},
	{'S', color.RGBA{150, 150, 150, 255}},
}

var flagLetters sync.Map // *image.Paletted to []byte

// paletteLetters names each color of a picture by the nearest one of flagColors.
func paletteLetters(img *image.Paletted) []byte {
	if l, ok := flagLetters.Load(img); ok {
		return l.([]byte)
	}
	out := make([]byte, len(img.Palette))
	for i, c := range img.Palette {
		best := -1
		for _, named := range flagColors {
			if d := colorDistance(c, named.at); best < 0 || d < best {
				best, out[i] = d, named.letter
			}
		}
	}
	flagLetters.Store(img, out)
	return out
}

func colorDistance(a, b color.Color) int {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	d := func(x, y uint32) int { return (int(x>>8) - int(y>>8)) * (int(x>>8) - int(y>>8)) }
	return 2*d(ar, br) + 4*d(ag, bg) + 3*d(ab, bb)
}
