package main

// generic returns squareGeneric: the same products by columns, in three words.
func generic() []byte {
	t := new(text)
	t.WriteString(header)
	t.f("package pow\n")
	t.f("import \"math/bits\"\n")
	t.f("// squareGeneric sets z = z^(2^n).")
	t.f("func squareGeneric(z *element, n uint64) {")
	t.f("var a, d, e, l, h element")
	t.f("a = *z")
	t.f("for ; n > 0; n-- {")
	t.f("for k := 1; k < len(a); k++ { e[k] = a[k] << 1; d[k] = e[k] | a[k-1]>>63 }")
	t.f("var c0, c1, c2, hi, lo, c uint64")
	for k := range 2*limbs - 2 {
		t.f("// column %d", k)
		for i := max(0, k-limbs+1); i <= k-i; i++ {
			array, j := operand(i, k-i)
			t.f("hi, lo = bits.Mul64(a[%d], %s[%d])", i, array, j)
			t.f("c0, c = bits.Add64(c0, lo, 0)")
			t.f("c1, c = bits.Add64(c1, hi, c)")
			t.f("c2 += c")
		}
		if k < limbs {
			t.f("l[%d], c0, c1, c2 = c0, c1, c2, 0", k)
		} else {
			t.f("h[%d], c0, c1, c2 = c0, c1, c2, 0", k-limbs)
		}
	}
	t.f("// columns %d and %d", 2*limbs-2, 2*limbs-1)
	t.f("hi, lo = bits.Mul64(a[%d], a[%d])", limbs-1, limbs-1)
	t.f("h[%d], c = bits.Add64(c0, lo, 0)", limbs-2)
	t.f("h[%d], _ = bits.Add64(c1, hi, c)", limbs-1)
	t.f("a.fold(&l, &h)")
	t.f("}")
	t.f("*z = a")
	t.f("}")
	return t.Bytes()
}
