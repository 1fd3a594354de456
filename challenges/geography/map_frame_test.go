package geography

import (
	"math/rand/v2"
	"testing"
)

// A map shows no latitudes that the Earth does not have.
func TestMapsEndAtThePoles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	countries := askMap()
	for range 20_000 {
		f, ok := frameFor(r, pick(r, countries))
		if !ok {
			continue
		}
		if bottom := f.top - f.step*dotRows; f.top > 90 || bottom < -90-1e-9 {
			t.Fatalf("a map from %g to %g", f.top, bottom)
		}
	}
}
