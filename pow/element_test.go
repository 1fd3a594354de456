package pow

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// prime is p for the oracle, math/big.
var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1279), big.NewInt(1))

func (z *element) big() *big.Int { return new(big.Int).SetBytes(z.bytes()) }

// elementOf returns n modulo 2^1279.
func elementOf(n *big.Int) (z element) {
	b := n.FillBytes(make([]byte, 8*limbs))
	b[0] &= 0x7f
	if !z.setBytes(trimZeros(b)) {
		z = element{}
		z.negate() // p
	}
	return z
}

// ways are all the ways of squaring that run on this processor.
func ways() map[string]func(z *element, n uint64) {
	return map[string]func(z *element, n uint64){"generic": squareGeneric, "default": square}
}

// checkSquare compares z^(2^n) with math/big.
func checkSquare(t interface{ Fatalf(string, ...any) }, a element, n uint64) {
	want := a.big()
	for range n {
		want.Mul(want, want).Mod(want, prime)
	}
	for name, f := range ways() {
		got := a
		f(&got, n)
		if got[limbs-1] > topMask {
			t.Fatalf("%s: %x squared %d times is %x: more than 1279 bits", name, a.big(), n, got)
		}
		got.reduce()
		if got.big().Cmp(want) != 0 {
			t.Fatalf("%s: %x squared %d times is %x, want %x", name, a.big(), n, got.big(), want)
		}
	}
}

// elements draws numbers at random, and such as make long carries: mostly limbs of
// zeros and ones, and sums of a few powers of 2.
func elements() *rapid.Generator[element] {
	limb := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 2, 1 << 63, 1<<63 - 1, ^uint64(0), ^uint64(1)}))
	dense := rapid.Custom(func(t *rapid.T) (z element) {
		copy(z[:], rapid.SliceOfN(limb, limbs, limbs).Draw(t, "limbs"))
		z[limbs-1] &= topMask
		return z
	})
	sparse := rapid.Custom(func(t *rapid.T) element {
		sum := new(big.Int)
		for _, bit := range rapid.SliceOfN(rapid.IntRange(-1278, 1278), 1, 5).Draw(t, "bits") {
			if bit < 0 {
				sum.Sub(sum, new(big.Int).Lsh(big.NewInt(1), uint(-bit)))
			} else {
				sum.Add(sum, new(big.Int).Lsh(big.NewInt(1), uint(bit)))
			}
		}
		return elementOf(sum.Mod(sum, prime))
	})
	return rapid.OneOf(dense, sparse)
}

func TestSquareAgreesWithBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkSquare(t, elements().Draw(t, "a"), rapid.Uint64Range(0, 5).Draw(t, "n"))
	})
}

// TestSquareCarries squares the numbers for which bringing the carries round makes
// another carry out of limb 0, which no random number does, and that reach far.
func TestSquareCarries(t *testing.T) {
	one := big.NewInt(1)
	for low := uint(1); low < 1278; low++ {
		// (2^1278 + 2^low - 1)²: the low limbs of the folded sum are all ones.
		n := new(big.Int).Lsh(one, low)
		n.Sub(n, one).SetBit(n, 1278, 1)
		checkSquare(t, elementOf(n), 1)
		checkSquare(t, elementOf(n), 3)
		checkSquare(t, elementOf(n.Sub(prime, n)), 2)
	}
	rare := element{^uint64(0)}
	rare[limbs-1] = 1 << 62
	l, h := new(element), new(element)
	product := new(big.Int).Mul(rare.big(), rare.big())
	*l, *h = split(product)
	if sum := l[0] + h[0]<<1; sum != ^uint64(0) {
		t.Errorf("limb 0 of the folded sum is %x: the case that is rare is not among the tested", sum)
	}
}

// split returns the lower and the upper 1280 bits.
func split(n *big.Int) (l, h element) {
	for k := range 2 * limbs {
		word := new(big.Int).Rsh(n, uint(64*k))
		word.And(word, new(big.Int).SetUint64(^uint64(0)))
		if k < limbs {
			l[k] = word.Uint64()
		} else {
			h[k-limbs] = word.Uint64()
		}
	}
	return l, h
}

func TestSquareEdges(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 3} {
		small, large := elementOf(big.NewInt(n)), elementOf(new(big.Int).Sub(prime, big.NewInt(n)))
		checkSquare(t, small, 1)
		checkSquare(t, large, 1) // p itself is a valid input
		checkSquare(t, large, 2)
	}
	for bit := range uint(1279) {
		checkSquare(t, elementOf(new(big.Int).Lsh(big.NewInt(1), bit)), 1)
	}
}

func TestSquareManyTimes(t *testing.T) {
	a := elementOf(new(big.Int).Rsh(prime, 1150))
	checkSquare(t, a, squarings)
}

func TestNegate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := elements().Draw(t, "a")
		want := new(big.Int).Sub(prime, a.big())
		b := a
		b.negate()
		if b.big().Cmp(want) != 0 {
			t.Fatalf("-%x is %x, want %x", a.big(), b.big(), want)
		}
	})
}

func FuzzSquare(f *testing.F) {
	f.Add([]byte{1}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		checkSquare(t, elementOf(new(big.Int).Mod(new(big.Int).SetBytes(b), prime)), uint64(n%8))
	})
}
