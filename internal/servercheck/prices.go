package servercheck

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

var pricesChecks = []check{
	{Info{"connect", "Something listens at the address."}, checkConnect},
	{Info{"empty", "A sum over no prices is answered with 12 bytes of zero."}, pricesEmpty},
	{Info{"sum", "Numbers are big-endian: the first byte is the most significant."}, pricesSum},
	{Info{"pieces", "A message of 12 bytes may arrive in pieces."}, pricesPieces},
	{Info{"glued", "Several messages may arrive at once, and part of the next with them."}, pricesGlued},
	{Info{"crowd", "Ten clients are served at the same time, in any order."}, pricesCrowd},
	{Info{"own", "What a client stores is its own: another connection does not see it."}, pricesOwn},
	{Info{"signed", "Minutes and prices are signed: both may be below zero."}, pricesSigned},
	{Info{"range", "Both ends of a range belong to it, and a range that ends before it begins is empty."}, pricesRange},
	{Info{"replace", "A second price for the same minute replaces the first."}, pricesReplace},
	{Info{"wide", "A sum may need 64 bits."}, pricesWide},
	{Info{"partial", "Half a message at the end of the stream is nothing: no answer, then the server's own FIN."}, pricesPartial},
	{Info{"unknown", "A message of an unknown kind ends its connection, and no other."}, pricesUnknown},
}

const priceLen = 12 // bytes of every message, both ways

func priceMessage(kind byte, a, b int32) []byte {
	m := make([]byte, priceLen)
	m[0] = kind
	binary.BigEndian.PutUint32(m[4:], uint32(a))
	binary.BigEndian.PutUint32(m[8:], uint32(b))
	return m
}

func sumAnswer(count uint32, sum int64) []byte {
	m := make([]byte, priceLen)
	binary.BigEndian.PutUint32(m, count)
	binary.BigEndian.PutUint64(m[4:], uint64(sum))
	return m
}

// book is what a server should know of one connection.
type book map[int32]int32

// sum adds the prices from minute from to minute to, with the ends or without.
func (b book) sum(from, to int32, first, last bool) (count uint32, sum int64) {
	for m, price := range b {
		if m < from || m > to || m == from && !first || m == to && !last {
			continue
		}
		count++
		sum += int64(price)
	}
	return count, sum
}

// distinct is sum as a server gets it that keeps a set of prices.
func (b book) distinct(from, to int32) (count uint32, sum int64) {
	seen := map[int32]bool{}
	for minute, price := range b {
		if minute >= from && minute <= to && !seen[price] {
			seen[price] = true
			count, sum = count+1, sum+int64(price)
		}
	}
	return count, sum
}

func (b book) answer(from, to int32) []byte { return sumAnswer(b.sum(from, to, true, true)) }

// trader is a connection and what was stored through it.
type trader struct {
	*wire
	book  book
	times []int32 // the minutes in the order in which they were stored, with repetitions
	first book    // the price that a minute had first
}

func (p *player) trader(ctx context.Context) (*trader, error) {
	w, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &trader{wire: w, book: book{}, first: book{}}, nil
}

// put remembers a price and returns the message that stores it.
func (t *trader) put(minute, price int32) []byte {
	if _, ok := t.book[minute]; !ok {
		t.first[minute] = price
	}
	t.book[minute] = price
	t.times = append(t.times, minute)
	return priceMessage('P', minute, price)
}

// cause knows the classic wrong answers for a sum.
func (t *trader) cause(from, to int32) explain {
	count, sum := t.book.sum(from, to, true, true)
	return func(got []byte, e ending) string {
		if len(got) != priceLen {
			switch {
			case e == timeout && len(got) > 0:
				return fmt.Sprintf("Only %d bytes of the answer came: an answer is 12 bytes, 4 of the count and 8 of the sum.", len(got))
			case e == other && len(got) > priceLen:
				return fmt.Sprintf("%d bytes came instead of 12: a price is not answered, and a sum only once.", len(got))
			}
			return ""
		}
		gotCount, gotSum := binary.BigEndian.Uint32(got), int64(binary.BigEndian.Uint64(got[4:]))
		is := func(count uint32, sum int64) bool { return gotCount == count && gotSum == sum }
		swapped := slices.Concat(reversed(sumAnswer(count, sum)[:4]), reversed(sumAnswer(count, sum)[4:]))
		noFirst, noFirstSum := t.book.sum(from, to, false, true)
		noLast, noLastSum := t.book.sum(from, to, true, false)
		neither, neitherSum := t.book.sum(from, to, false, false)
		old, oldSum := t.first.sum(from, to, true, true)
		once, onceSum := t.book.distinct(from, to)
		switch {
		case once != count && is(once, onceSum):
			return "The same price at two minutes was counted once: prices are kept by their minutes."
		case bytes.Equal(got, swapped):
			return "The answer's numbers have their bytes the wrong way round: it was sent little-endian, and the network's order is big-endian."
		case count > 0 && t.misread(from, to, got):
			return "The answer is what comes of reading the minutes and prices little-endian: the network's order is big-endian."
		case is(noLast, noLastSum):
			return fmt.Sprintf("The price at minute %d is missing: the last minute of a range belongs to it.", to)
		case is(noFirst, noFirstSum):
			return fmt.Sprintf("The price at minute %d is missing: the first minute of a range belongs to it.", from)
		case is(neither, neitherSum):
			return "The prices at both ends of the range are missing: they belong to it."
		case gotCount > count && is(t.appended(from, to)):
			return "A minute was counted twice: a second price for the same minute replaces the first."
		case is(old, oldSum):
			return "The first price of a minute was kept: a second price for the same minute replaces the first."
		case is(t.unsigned(from, to)):
			return "The answer is what comes of reading the minutes and prices as unsigned numbers: they are signed, two's complement."
		case gotCount == count && gotSum == int64(int32(sum)):
			return fmt.Sprintf("The sum is %d and was answered as %d: it went through 32 bits, and needs 64.", sum, gotSum)
		case gotCount == count && gotSum == int64(uint32(sum)):
			return fmt.Sprintf("The sum is %d and was answered as %d: only its lower 32 bits were sent, without their sign.", sum, gotSum)
		}
		return fmt.Sprintf("The answer is %d prices with the sum %d; right is %d with the sum %d.", gotCount, gotSum, count, sum)
	}
}

// misread says whether got is the answer of a server that reads little-endian,
// whichever way it writes.
func (t *trader) misread(from, to int32, got []byte) bool {
	swap := func(v int32) int32 {
		return int32(binary.LittleEndian.Uint32(binary.BigEndian.AppendUint32(nil, uint32(v))))
	}
	wrong := book{}
	for m, v := range t.book {
		wrong[swap(m)] = swap(v)
	}
	a := wrong.answer(swap(from), swap(to))
	return bytes.Equal(got, a) || bytes.Equal(got, slices.Concat(reversed(a[:4]), reversed(a[4:])))
}

// appended is the sum of a server that keeps every price it was sent.
func (t *trader) appended(from, to int32) (count uint32, sum int64) {
	count, sum = t.book.sum(from, to, true, true)
	for m := range t.book {
		if t.first[m] != t.book[m] && m >= from && m <= to {
			count++
			sum += int64(t.first[m])
		}
	}
	return count, sum
}

// unsigned is the sum of a server that takes minutes and prices for unsigned.
func (t *trader) unsigned(from, to int32) (count uint32, sum int64) {
	for m, v := range t.book {
		if uint32(m) >= uint32(from) && uint32(m) <= uint32(to) {
			count++
			sum += int64(uint32(v))
		}
	}
	return count, sum
}

func reversed(b []byte) []byte {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return b
}

// ask asks for a sum and expects it.
func (t *trader) ask(from, to int32) error {
	if err := t.send(string(priceMessage('S', from, to))); err != nil {
		return err
	}
	return t.expect(from, to)
}

func (t *trader) expect(from, to int32) error {
	return t.want(t.book.answer(from, to), fmt.Sprintf("the sum from minute %d to %d", from, to), t.cause(from, to))
}

func pricesEmpty(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	return t.ask(0, 1000)
}

func pricesSum(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	for _, m := range []int32{100, 700} {
		if err := t.send(string(t.put(m+p.rng.Int32N(100), p.rng.Int32N(100_000)))); err != nil {
			return err
		}
		p.pause(ctx) // what comes glued is another check's
	}
	if err := t.ask(0, 1000); err != nil {
		return err
	}
	for _, m := range []int32{850, 950} {
		if err := t.send(string(t.put(m, 4242))); err != nil {
			return err
		}
		p.pause(ctx)
	}
	return t.ask(820, 1000)
}

func pricesSigned(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	for _, m := range []int32{-50, -1, 0, 1, 50} {
		if err := t.send(string(t.put(m, -1-p.rng.Int32N(1000)))); err != nil {
			return err
		}
	}
	for _, r := range [][2]int32{{-60, -40}, {-60, 60}, {40, 60}, {math.MinInt32, math.MaxInt32}} {
		if err := t.ask(r[0], r[1]); err != nil {
			return err
		}
	}
	return nil
}

func pricesRange(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	for _, m := range []int32{10, 20, 30, 40} {
		if err := t.send(string(t.put(m, 100+p.rng.Int32N(1000)))); err != nil {
			return err
		}
	}
	for _, r := range [][2]int32{{10, 40}, {20, 30}, {11, 39}, {20, 20}, {5, 10}, {40, 45}, {21, 29}, {30, 20}} {
		if err := t.ask(r[0], r[1]); err != nil {
			return err
		}
	}
	return nil
}

func pricesReplace(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	for _, price := range []int32{500, 700} {
		if err := t.send(string(t.put(60, price+p.rng.Int32N(100)))); err != nil {
			return err
		}
	}
	return t.ask(0, 100)
}

func pricesWide(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	for _, sign := range []int32{1, -1} {
		base := 1000 * sign
		for i := range int32(5) {
			if err := t.send(string(t.put(base+i, sign*(math.MaxInt32-p.rng.Int32N(1000))))); err != nil {
				return err
			}
		}
		if err := t.ask(base, base+5); err != nil {
			return err
		}
	}
	return nil
}

func pricesPieces(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	// Two messages in pieces none of which is a message.
	all := slices.Concat(t.put(7, 70), priceMessage('S', 0, 10))
	for _, end := range [][2]int{{0, 1}, {1, 11}, {11, 14}, {14, 23}, {23, 24}} {
		if err = t.send(string(all[end[0]:end[1]])); err != nil {
			break
		}
		p.pause(ctx)
	}
	if err == nil {
		err = t.expect(0, 10)
	}
	if err != nil {
		f := err.(*failure)
		f.cause = "Two messages that arrived in five pieces were not understood: what one recv returns is not a message. " + f.cause
		f.hint = "receive until all 12 bytes of a message are there (Python: a loop, or makefile('rb').read(12); Go: io.ReadFull)"
		return f
	}
	return nil
}

func pricesGlued(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	var all []byte
	for m := range int32(50) {
		all = append(all, t.put(2000+2*m, p.rng.Int32N(1000))...)
	}
	all = append(all, priceMessage('S', 1999, 2049)...)
	all = append(all, priceMessage('S', 2049, 2201)...)
	if err := t.send(string(all[:len(all)-5])); err != nil {
		return err
	}
	why := "Fifty-one messages and a half were sent at once, and not all were understood: what one recv returns may hold several messages, and a part of one. "
	if err := t.expect(1999, 2049); err != nil {
		f := err.(*failure)
		f.cause = why + f.cause
		return f
	}
	if err := t.send(string(all[len(all)-5:])); err != nil {
		return err
	}
	if err := t.expect(2049, 2201); err != nil {
		f := err.(*failure)
		f.cause = why + f.cause
		return f
	}
	return nil
}

func pricesPartial(ctx context.Context, p *player) error {
	t, err := p.trader(ctx)
	if err != nil {
		return err
	}
	half := priceMessage('S', 0, 100)[:7]
	if err := t.send(string(t.put(5, 50)) + string(priceMessage('S', 0, 100)) + string(half)); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if err := t.expect(0, 100); err != nil {
		return err
	}
	b := make([]byte, 1)
	if n, _ := t.t.Read(b); n > 0 {
		t.rest(grace)
		return t.fail("Half a message, 7 bytes of 12, was answered at the end of the stream: what is cut off is not a message.")
	}
	return t.eof("the server")
}

// ownBase is a minute that no other check stores prices near.
const ownBase = 5_000_000

func pricesOwn(ctx context.Context, p *player) error {
	a, err := p.trader(ctx)
	if err != nil {
		return err
	}
	b, err := p.trader(ctx)
	if err != nil {
		return err
	}
	if err := a.send(string(a.put(ownBase+1, 11))); err != nil {
		return err
	}
	if err := a.ask(ownBase, ownBase+10); err != nil {
		return err
	}
	if err := b.send(string(b.put(ownBase+2, 22))); err != nil {
		return err
	}
	for _, t := range []*trader{b, a} {
		if err := t.ask(ownBase, ownBase+10); err != nil {
			f := err.(*failure)
			if bytes.Equal(f.got.b, sumAnswer(2, 33)) || bytes.HasSuffix(f.got.b, sumAnswer(2, 33)) {
				f.cause = "The sum has another connection's price in it: what a client stores must be kept for each connection, not in a variable of the whole server."
			}
			return f
		}
	}
	return nil
}

func pricesUnknown(ctx context.Context, p *player) error {
	quiet, err := p.trader(ctx)
	if err != nil {
		return err
	}
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	if err := w.send(string(priceMessage('X', 1, 2))); err != nil {
		return err
	}
	b := make([]byte, 1)
	switch n, err := w.t.Read(b); {
	case n > 0:
		w.rest(grace)
		return w.fail("A message of the unknown kind 'X' was answered; it should have ended the connection.")
	case endingOf(err) == timeout:
		return w.fail(fmt.Sprintf("In %v, a message of the unknown kind 'X' did not end the connection.", p.timeout))
	}
	if err := p.alive(ctx, "a message of an unknown kind"); err != nil {
		return err
	}
	if err := quiet.ask(0, 10); err != nil {
		f := err.(*failure)
		f.cause = "After a message of an unknown kind on one connection another one no longer answers. " + f.cause
		return f
	}
	return nil
}

func pricesCrowd(ctx context.Context, p *player) error {
	var crowd []*trader
	for range 10 {
		t, err := p.trader(ctx)
		if err != nil {
			return err
		}
		crowd = append(crowd, t)
	}
	for i := len(crowd) - 1; i >= 0; i-- {
		t := crowd[i]
		from := int32(1_000_000 + 1000*i)
		if err := t.send(string(t.put(from, p.rng.Int32N(1000))) + string(priceMessage('S', from-5, from+100))); err != nil {
			return err
		}
		if err := t.want(t.book.answer(from-5, from+100), "the sum", oneAtATime(i, t.cause(from-5, from+100))); err != nil {
			return err
		}
	}
	return nil
}
