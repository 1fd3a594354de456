package geo

import (
	"image"
	"image/color"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// Flag gives the country's flag as a picture of 48 x 36 pixels (all flags are
// drawn 4:3) with 12 colours at most: with two pixels a character cell it fills 48
// columns and 18 lines. The picture is shared: do not draw on it. Flags that cannot
// be told apart are in [Country.LookAlikes].
func (c *Country) Flag() *image.Paletted { return flags()[c] }

var flags = sync.OnceValue(func() map[*Country]*image.Paletted {
	out := map[*Country]*image.Paletted{}
	for _, f := range section(world.SectionFlags, world.DecodeFlags) {
		img := &image.Paletted{Pix: f.Pixels, Stride: f.Width, Rect: image.Rect(0, 0, f.Width, f.Height)}
		for _, rgb := range f.Palette {
			img.Palette = append(img.Palette, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
		out[ByCode(f.Country)] = img
	}
	return out
})
