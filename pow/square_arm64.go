//go:build !purego

package pow

// squareARM64 sets z = z^(2^n) for n > 0.
//
//go:noescape
func squareARM64(z *element, n uint64)

// square sets z = z^(2^n).
func square(z *element, n uint64) {
	if n > 0 {
		squareARM64(z, n)
	}
}
