package geography

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

func BenchmarkMap(b *testing.B) {
	c := geo.ByCode("BR")
	geo.Atlas50()
	geo.Atlas110()
	for name, f := range map[string]frame{
		"world":     {top: 90, left: -180, step: worldStep},
		"continent": {top: 50, left: -20, step: worldStep / 4},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.draw(f.rasterise(f.atlas()), c, view{})
			}
		})
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			r := rand.New(rand.NewChaCha8(seeded(1)))
			k.draw(r)
			for b.Loop() {
				k.draw(r)
			}
		})
	}
}

func TestMapOfTheWorld(t *testing.T) {
	f := frame{top: 90, left: -180, step: worldStep}
	c := geo.ByCode("BR")
	for _, v := range []view{{}, {ascii: true}} {
		block := f.draw(f.rasterise(geo.Atlas50()), c, v)
		if readMap(block, geo.Atlas110()) != c {
			t.Errorf("not solved:\n%s", strings.Join(block, "\n"))
		}
		if got, ok := readFrame(block); !ok || got != f {
			t.Errorf("the axes say %+v, want %+v:\n%s", got, f, strings.Join(block, "\n"))
		}
		t.Logf("\n%s", strings.Join(block, "\n"))
	}
}

// TestMapsAreRemembered: that a map can be read is found out once, whatever the number of players who are shown it.
func TestMapsAreRemembered(t *testing.T) {
	f, c := frame{top: 90, left: -180, step: worldStep}, geo.ByCode("BR")
	if !solvable(f, c) {
		t.Fatal("Brazil is not found on a map of the world")
	}
	if n := testing.AllocsPerRun(10, func() { solvable(f, c) }); n > 5 {
		t.Errorf("to look up a map takes %v allocations, as if it were drawn", n)
	}
}
