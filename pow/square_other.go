//go:build purego || !(amd64 || arm64)

package pow

// square sets z = z^(2^n).
func square(z *element, n uint64) { squareGeneric(z, n) }
