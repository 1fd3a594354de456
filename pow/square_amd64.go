//go:build !purego

package pow

// squareADX sets z = z^(2^n) for n > 0.
//
//go:noescape
func squareADX(z *element, n uint64)

// cpuid executes CPUID.
//
//go:noescape
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// hasADX says whether this processor has MULX, ADCX and ADOX.
var hasADX = func() bool {
	const bmi2, adx = 1 << 8, 1 << 19
	most, _, _, _ := cpuid(0, 0)
	if most < 7 {
		return false
	}
	_, ebx, _, _ := cpuid(7, 0)
	return ebx&bmi2 != 0 && ebx&adx != 0
}()

// square sets z = z^(2^n).
func square(z *element, n uint64) {
	switch {
	case n == 0:
	case hasADX:
		squareADX(z, n)
	default:
		squareGeneric(z, n)
	}
}
