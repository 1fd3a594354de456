package pow

import (
	"encoding/binary"
	"math/bits"
)

// limbs is the number of 64-bit words of an element.
const limbs = 20

// topMask keeps the 63 bits that the highest limb has.
const topMask = 1<<63 - 1

// element is a number modulo p = 2^1279 - 1, lowest limb first, and less than
// 2^1279. 0 and p are the same residue; [element.reduce] makes it 0.
type element [limbs]uint64

// reduce makes p 0. Everything else is its own residue.
func (z *element) reduce() {
	if z.isP() {
		*z = element{}
	}
}

// isP says whether z is p, all ones.
func (z *element) isP() bool {
	if z[limbs-1] != topMask {
		return false
	}
	for _, limb := range z[:limbs-1] {
		if limb != ^uint64(0) {
			return false
		}
	}
	return true
}

// fold sets z = l + 2h modulo p, since 2^1280 = 2, for a product l + 2^1280 h of
// two elements.
func (z *element) fold(l, h *element) {
	var twice, carry uint64 // twice: the bit shifted out of the limb below
	for k := range z {
		z[k], carry = bits.Add64(l[k], h[k]<<1|twice, carry)
		twice = h[k] >> 63
	}
	// The carry weighs 2^1280 = 2, and bit 1279 weighs 1.
	c := carry<<1 + z[limbs-1]>>63
	z[limbs-1] &= topMask
	for k := 0; c != 0; k++ {
		// It stops before bit 1279: else the product were 1 or 2 modulo p, and
		// none of the four roots of those gives such a sum.
		z[k], c = bits.Add64(z[k], c, 0)
	}
}

// negate sets z = -z, which flips every bit.
func (z *element) negate() {
	for k := range z {
		z[k] = ^z[k]
	}
	z[limbs-1] &= topMask
}

// bytes returns z as 160 bytes, highest first.
func (z *element) bytes() []byte {
	b := make([]byte, 0, 8*limbs)
	for k := limbs - 1; k >= 0; k-- {
		b = binary.BigEndian.AppendUint64(b, z[k])
	}
	return b
}

// setBytes sets z to a number, highest byte first, without leading zeros. It
// reports false, and leaves z undefined, when the number is not less than p.
func (z *element) setBytes(b []byte) bool {
	if len(b) > 8*limbs {
		return false
	}
	var full [8 * limbs]byte
	copy(full[len(full)-len(b):], b)
	for k := range z {
		z[k] = binary.BigEndian.Uint64(full[8*(limbs-1-k):])
	}
	return z[limbs-1] <= topMask && !z.isP()
}
