package main

import "fmt"

// The frame of squareARM64, in bytes above the saved return address: the operand,
// the limbs of its double, the halves of the product, how many squarings are left.
var frameARM = map[string]int{"a": 8, "d": 168, "l": 328, "h": 488}

const (
	frameARMLeft = 648
	frameARMSize = 664
)

func slotARM(array string, limb int) string {
	return fmt.Sprintf("%d(RSP)", frameARM[array]+8*limb)
}

// arm writes rows of products. Columns that are not finished are in window, and the
// limbs of the double that the rows of a block share in double, by number.
type arm struct {
	text
	free   []string
	window []string
	double map[int]string
}

func (x *arm) take() string {
	r := x.free[0]
	x.free = x.free[1:]
	return r
}

func (x *arm) give(r ...string) { x.free = append(x.free, r...) }

func (x *arm) load(array string, limb int, r string) {
	x.f("\tMOVD %s, %s", slotARM(array, limb), r)
}

// loadDoubles keeps the limbs of 2A from first to last in registers.
func (x *arm) loadDoubles(first, last int) {
	x.double = map[int]string{}
	for j := first; j <= last; j++ {
		x.double[j] = x.take()
		x.load("d", j, x.double[j])
	}
}

// forget frees the register of limb j of 2A.
func (x *arm) forget(j int) {
	if r, ok := x.double[j]; ok {
		x.give(r)
		delete(x.double, j)
	}
}

// store puts the lowest column of the window away.
func (x *arm) store(to string) {
	x.f("\tMOVD %s, %s", x.window[0], to)
	x.give(x.window[0])
	x.window = x.window[1:]
}

// row adds a[i] times the limbs from first to last to the window, which has a
// register for each of them, and gains one: first the low words, then the high
// words, since there is one carry flag. On an empty window the low words begin it.
func (x *arm) row(i, first, last int) {
	x.f("\n\t// a[%d] times limbs %d to %d", i, first, last)
	m := x.take()
	x.load("a", i, m)
	factor, own := map[int]string{}, ""
	for j := first; j <= last; j++ {
		switch j {
		case i:
			factor[j] = m
		case i + 1:
			x.forget(j)
			own = x.take()
			x.load("a", j, own)
			x.f("\tLSL $1, %s, %s", own, own)
			factor[j] = own
		default:
			factor[j] = x.double[j]
		}
	}
	begin := len(x.window) == 0
	word := ""
	if !begin {
		word = x.take()
	}
	for j := first; j <= last; j++ {
		if begin {
			x.window = append(x.window, x.take())
			x.f("\tMUL %s, %s, %s", factor[j], m, x.window[j-first])
			continue
		}
		x.f("\tMUL %s, %s, %s", factor[j], m, word)
		x.f("\t%s %s, %s, %s", carrying(j == first), word, x.window[j-first], x.window[j-first])
	}
	top := x.take()
	if begin {
		word = x.take()
		x.f("\tMOVD ZR, %s", top)
	} else {
		x.f("\tADC ZR, ZR, %s", top)
	}
	x.window = append(x.window, top)
	for j := first; j <= last; j++ {
		x.f("\tUMULH %s, %s, %s", factor[j], m, word)
		op := carrying(j == first)
		if j == last { // the sum fits
			op = op[:3]
		}
		x.f("\t%s %s, %s, %s", op, word, x.window[j-first+1], x.window[j-first+1])
	}
	x.give(m, word)
	if own != "" {
		x.give(own)
	}
}

func carrying(first bool) string {
	if first {
		return "ADDS"
	}
	return "ADCS"
}

// arm64 returns squareARM64.
func arm64() []byte {
	x := new(arm)
	// R16 to R18 and R27 to R30 belong to the linker, the platform and Go.
	for r := range 27 {
		if r < 16 || r > 18 {
			x.give(fmt.Sprintf("R%d", r))
		}
	}
	x.WriteString(header)
	x.f("//go:build !purego\n")
	x.f("#include \"textflag.h\"\n")
	x.f("// func squareARM64(z *element, n uint64)")
	x.f("// z = z^(2^n), n > 0.")
	x.f("TEXT ·squareARM64(SB), 0, $%d-16", frameARMSize)
	x.f("\tMOVD z+0(FP), R0")
	x.f("\tMOVD n+8(FP), R1")
	x.f("\tADD $1, R1, R1 // the way in passes the count")
	x.f("\tMOVD R1, %d(RSP)", frameARMLeft)
	for k := range limbs {
		x.f("\tMOVD %d(R0), R1", 8*k)
		x.f("\tMOVD R1, %s", slotARM("a", k))
	}
	x.f("\tJMP doubles\n")
	x.f("loop:")
	x.products()
	x.fold()
	return x.Bytes()
}

// products writes A² to l and h as on amd64.
func (x *arm) products() {
	const half = limbs / 2
	x.loadDoubles(2, half-1)
	for i := range half {
		x.row(i, i, half-1)
		x.store(slotARM("l", 2*i))
		x.store(slotARM("l", 2*i+1))
	}
	x.f("\n\t// Columns 10 to 19 so far")
	for k := half; k < limbs; k++ {
		x.window = append(x.window, x.take())
		x.load("l", k, x.window[k-half])
	}
	x.loadDoubles(half, limbs-1)
	for i := range half {
		x.row(i, half, limbs-1)
		x.store(slotARM("l", half+i))
	}
	for i := half; i < limbs; i++ {
		x.row(i, i, limbs-1)
		x.store(slotARM("h", 2*(i-half)))
		x.store(slotARM("h", 2*(i-half)+1))
	}
}

// fold writes a = l + 2h with the carries out of bit 1279 brought round, and d; and
// what one squaring in 2^62 needs.
func (x *arm) fold() {
	x.f("\n\t// 2^1280 = 2 modulo p: a = l + 2h. R0 is limb 0.")
	below := "ZR" // of h
	for k := range limbs {
		h, sum := "R"+fmt.Sprint(3+k%2), "R"+fmt.Sprint(5+k%2)
		if k == 0 {
			sum = "R0"
		}
		x.load("h", k, h)
		x.load("l", k, "R2")
		x.f("\tEXTR $63, %s, %s, R1", below, h)
		x.f("\t%s R2, R1, %s", carrying(k == 0), sum)
		if k >= 2 {
			x.f("\tEXTR $63, R%d, %s, R1", 5+(k+1)%2, sum)
			x.f("\tMOVD R1, %s", slotARM("d", k))
		}
		if k > 0 && k < limbs-1 {
			x.f("\tMOVD %s, %s", sum, slotARM("a", k))
		}
		below = h
	}
	top := fmt.Sprintf("R%d", 5+(limbs-1)%2)
	x.f("\n\t// The carry weighs 2^1280 = 2, bit 1279 weighs 1.")
	x.f("\tADC ZR, ZR, R1")
	x.f("\tEXTR $63, %s, R1, R1", top)
	x.f("\tAND $0x7fffffffffffffff, %s, %s", top, top)
	x.f("\tMOVD %s, %s", top, slotARM("a", limbs-1))
	x.f("\tADDS R1, R0, R0")
	x.f("\tMOVD R0, %s", slotARM("a", 0))
	x.f("\tBCS carry")
	x.f("\nnext:")
	x.f("\tMOVD %d(RSP), R1", frameARMLeft)
	x.f("\tSUBS $1, R1, R1")
	x.f("\tMOVD R1, %d(RSP)", frameARMLeft)
	x.f("\tBNE loop")
	x.f("\tMOVD z+0(FP), R0")
	for k := range limbs {
		x.load("a", k, "R1")
		x.f("\tMOVD R1, %d(R0)", 8*k)
	}
	x.f("\tRET")
	x.f("\n// A carry out of limb 0 stops before bit 1279: else A² were 1 or 2 modulo p,")
	x.f("// and none of the four roots of those gives such a sum.")
	x.f("carry:")
	for k := 1; k < limbs; k++ {
		x.load("a", k, "R1")
		x.f("\tADCS ZR, R1, R1")
		x.f("\tMOVD R1, %s", slotARM("a", k))
	}
	x.f("\n// d from a.")
	x.f("doubles:")
	x.load("a", 0, "R1") // and then in turns
	for k := 1; k < limbs; k++ {
		r, below := fmt.Sprintf("R%d", 1+k%2), fmt.Sprintf("R%d", 1+(k+1)%2)
		x.load("a", k, r)
		x.f("\tEXTR $63, %s, %s, R3", below, r)
		x.f("\tMOVD R3, %s", slotARM("d", k))
	}
	x.f("\tJMP next")
}
