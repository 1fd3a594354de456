package main

import "fmt"

// The frame of squareADX, in bytes: the operand and its doubles, the lower and
// the upper half of the product, and how many squarings are left.
var frame = map[string]int{"a": 0, "d": 160, "e": 320, "l": 480, "h": 640}

const (
	frameLeft = 800
	frameSize = 808
)

func slot(array string, limb int) string {
	return fmt.Sprintf("%d(SP)", frame[array]+8*limb)
}

// x86 writes rows of products. DX holds the row's limb, zero is 0, and the
// registers of window hold the columns that are not finished yet.
type x86 struct {
	text
	free   []string
	window []string
	zero   string
}

func (x *x86) take() string {
	r := x.free[0]
	x.free = x.free[1:]
	return r
}

// store puts the lowest column of the window away.
func (x *x86) store(to string) {
	x.f("\tMOVQ %s, %s", x.window[0], to)
	x.free = append(x.free, x.window[0])
	x.window = x.window[1:]
}

// row adds a[i] times the limbs from first to last to the window, which has a
// register for each of them, and gains one. The low words are added along the
// carry flag and the high words along the overflow flag, so that the two chains
// do not wait for each other.
func (x *x86) row(i, first, last int) {
	x.f("\n\t// a[%d] times limbs %d to %d", i, first, last)
	x.f("\tMOVQ %s, DX", slot("a", i))
	x.f("\tXORL %s, %s", x.zero, x.zero)
	lo, hi := x.take(), x.take()
	for t, j := 0, first; j < last; t, j = t+1, j+1 {
		x.f("\tMULXQ %s, %s, %s", slot(operand(i, j)), lo, hi)
		x.f("\tADCXQ %s, %s", lo, x.window[t])
		x.f("\tADOXQ %s, %s", hi, x.window[t+1])
	}
	// The sum fits: the last high word takes both carries.
	x.f("\tMULXQ %s, %s, %s", slot(operand(i, last)), lo, hi)
	x.f("\tADCXQ %s, %s", lo, x.window[last-first])
	x.f("\tADCXQ %s, %s", x.zero, hi)
	x.f("\tADOXQ %s, %s", x.zero, hi)
	x.window = append(x.window, hi)
	x.free = append(x.free, lo)
}

// amd64 returns squareADX.
func amd64() []byte {
	x := &x86{
		free: []string{"AX", "BX", "CX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14"},
		zero: "R15",
	}
	x.WriteString(header)
	x.f("//go:build !purego\n")
	x.f("#include \"textflag.h\"\n")
	x.f("// func squareADX(z *element, n uint64)")
	x.f("// z = z^(2^n), n > 0. Requires MULX (BMI2), ADCX and ADOX (ADX).")
	x.f("TEXT ·squareADX(SB), 0, $%d-16", frameSize)
	x.f("\tMOVQ z+0(FP), SI")
	x.f("\tMOVQ n+8(FP), AX")
	x.f("\tINCQ AX // the way in passes the count")
	x.f("\tMOVQ AX, %d(SP)", frameLeft)
	for k := range limbs {
		x.f("\tMOVQ %d(SI), AX", 8*k)
		x.f("\tMOVQ AX, %s", slot("a", k))
	}
	x.f("\tJMP doubles\n")
	x.f("loop:")
	x.products()
	x.fold()
	x.rare()
	return x.Bytes()
}

// products writes A² to l and h, in three parts: the squares of the lower limbs,
// lower times upper, the squares of the upper limbs. Ten columns at a time are
// in registers.
func (x *x86) products() {
	const half = limbs / 2
	x.f("\t// a[0] times limbs 0 to 9, which begins the sum")
	x.f("\tMOVQ %s, DX", slot("a", 0))
	low, top := x.take(), x.take()
	x.f("\tMULXQ DX, %s, %s", low, top)
	x.window = []string{low, top}
	lo := x.take()
	for j := 1; j < half; j++ {
		hi := x.take()
		x.f("\tMULXQ %s, %s, %s", slot(operand(0, j)), lo, hi)
		op := "ADCQ"
		if j == 1 {
			op = "ADDQ"
		}
		x.f("\t%s %s, %s", op, lo, x.window[j])
		x.window = append(x.window, hi)
	}
	x.f("\tADCQ $0, %s", x.window[half])
	x.free = append(x.free, lo)
	for i := 1; ; i++ {
		x.store(slot("l", 2*i-2))
		x.store(slot("l", 2*i-1))
		if i == half {
			break
		}
		x.row(i, i, half-1)
	}
	x.f("\n\t// Columns 10 to 19 so far")
	for k := half; k < limbs; k++ {
		x.window = append(x.window, x.take())
		x.f("\tMOVQ %s, %s", slot("l", k), x.window[k-half])
	}
	for i := range half {
		x.row(i, half, limbs-1)
		x.store(slot("l", half+i))
	}
	for i := half; i < limbs; i++ {
		x.row(i, i, limbs-1)
		x.store(slot("h", 2*(i-half)))
		x.store(slot("h", 2*(i-half)+1))
	}
}

// fold writes a = l + 2h with the carries out of bit 1279 brought round, e and d.
func (x *x86) fold() {
	r := []string{"BX", "SI"} // a limb and the one below it
	x.f("\n\t// 2^1280 = 2 modulo p: a = l + 2h. R8 is limb 0.")
	x.f("\tMOVQ $63, CX")
	x.f("\tXORL %s, %s", x.zero, x.zero)
	x.f("\tMOVQ %s, R8", slot("h", 0))
	x.f("\tADCXQ R8, R8")
	x.f("\tADOXQ %s, R8", slot("l", 0))
	for k := 1; k < limbs; k++ {
		cur, below := r[k%2], r[(k+1)%2]
		x.f("\tMOVQ %s, %s", slot("h", k), cur)
		x.f("\tADCXQ %s, %s", cur, cur)
		x.f("\tADOXQ %s, %s", slot("l", k), cur)
		if k < limbs-1 {
			x.f("\tMOVQ %s, %s", cur, slot("a", k))
		}
		x.f("\tLEAQ (%s)(%s*1), AX", cur, cur)
		x.f("\tMOVQ AX, %s", slot("e", k))
		if k >= 2 {
			x.f("\tSHRXQ CX, %s, DI", below)
			x.f("\tLEAQ (DI)(%s*2), AX", cur)
			x.f("\tMOVQ AX, %s", slot("d", k))
		}
	}
	top := r[(limbs-1)%2]
	x.f("\n\t// The carry weighs 2^1280 = 2, bit 1279 weighs 1. The carry of 2h is 0.")
	x.f("\tMOVQ $0, AX")
	x.f("\tADOXQ AX, AX")
	x.f("\tSHRXQ CX, %s, DI", top)
	x.f("\tLEAQ (DI)(AX*2), AX")
	x.f("\tBTRQ $63, %s", top)
	x.f("\tMOVQ %s, %s", top, slot("a", limbs-1))
	x.f("\tADDQ AX, R8")
	x.f("\tMOVQ R8, %s", slot("a", 0))
	x.f("\tJCS carry")
	x.f("\nnext:")
	x.f("\tDECQ %d(SP)", frameLeft)
	x.f("\tJNZ loop")
	x.f("\tMOVQ z+0(FP), SI")
	for k := range limbs {
		x.f("\tMOVQ %s, AX", slot("a", k))
		x.f("\tMOVQ AX, %d(SI)", 8*k)
	}
	x.f("\tRET")
}

// rare writes what one squaring in 2^62 needs, and the first: the carry out of
// limb 0, and e and d from a.
func (x *x86) rare() {
	x.f("\n// A carry out of limb 0 stops before bit 1279: else A² were 1 or 2 modulo p,")
	x.f("// and none of the four roots of those gives such a sum.")
	x.f("carry:")
	x.f("\tMOVQ $1, CX")
	x.f("more:")
	x.f("\tADDQ $1, (SP)(CX*8)")
	x.f("\tJCC doubles")
	x.f("\tINCQ CX")
	x.f("\tJMP more")
	x.f("\n// e and d from a.")
	x.f("doubles:")
	x.f("\tMOVQ $1, CX")
	x.f("double:")
	x.f("\tMOVQ %d(SP)(CX*8), BX", frame["a"]-8)
	x.f("\tMOVQ %d(SP)(CX*8), AX", frame["a"])
	x.f("\tSHRQ $63, BX")
	x.f("\tADDQ AX, AX")
	x.f("\tMOVQ AX, %d(SP)(CX*8)", frame["e"])
	x.f("\tORQ BX, AX")
	x.f("\tMOVQ AX, %d(SP)(CX*8)", frame["d"])
	x.f("\tINCQ CX")
	x.f("\tCMPQ CX, $%d", limbs)
	x.f("\tJNE double")
	x.f("\tJMP next")
}
