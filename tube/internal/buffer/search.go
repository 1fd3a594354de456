package buffer

import "bytes"

// Match is where a delimiter was found in the unread bytes.
type Match struct{ Start, Len, Which int }

// End is the offset behind it.
func (m Match) End() int { return m.Start + m.Len }

// Index returns the first offset in [from, to) where delim starts, or -1.
// delim may end after to.
func (b *Buffer) Index(delim []byte, from, to int) int {
	to = min(to, b.size)
	if from >= to {
		return -1
	}
	m := len(delim)
	live := b.live()
	for i, pos := b.locate(from); i < len(live) && pos < to; i++ {
		data := live[i].unread()
		end := pos + len(data)
		lo := max(from, pos)
		if lo < end {
			hi := min(end, to+m-1)
			b.Work += hi - lo
			if k := bytes.Index(data[lo-pos:hi-pos], delim); k >= 0 {
				return lo + k
			}
			if m > 1 && end < b.size {
				lo = max(lo, end-m+1)
				b.Work += end - lo + m
				if k := indexAcross(live[i:], lo-pos, end-lo, delim); k >= 0 && lo+k < to {
					return lo + k
				}
			}
		}
		pos = end
	}
	return -1
}

// indexAcross looks for a delim that starts in the last n bytes of the first
// chunk, from its offset skip on, and ends in a later one.
func indexAcross(chunks []chunk, skip, n int, delim []byte) int {
	var small [128]byte // on the stack, for all but very long delimiters
	var stitched []byte
	if need := n + len(delim) - 1; need <= len(small) {
		stitched = small[:need]
	} else {
		stitched = make([]byte, need)
	}
	return bytes.Index(stitched[:copyChunks(stitched, chunks, skip)], delim)
}

// partialAt says whether the unread bytes from offset at on are a proper
// prefix of delim: more bytes could complete it.
func (b *Buffer) partialAt(delim []byte, at int) bool {
	if b.size-at >= len(delim) {
		return false
	}
	i, start := b.locate(at)
	at -= start
	for live := b.live(); i < len(live); i++ {
		data := live[i].unread()[at:]
		if !bytes.Equal(data, delim[:len(data)]) {
			return false
		}
		delim, at = delim[len(data):], 0
	}
	return true
}

// Earliest finds the delimiter that starts earliest at or after from and ends
// at limit at the latest; of two that start together, the shorter. It looks
// ahead in growing steps, so that a delimiter that never comes is not searched
// for in all that is unread each time another one is found soon.
func (b *Buffer) Earliest(delims [][]byte, from, limit int) (Match, bool) {
	limit = min(limit, b.size)
	if len(delims) == 1 {
		n := len(delims[0])
		i := b.Index(delims[0], from, limit-n+1)
		return Match{i, n, 0}, i >= 0
	}
	for step := 256; from < limit; step *= 2 {
		var best Match
		found := false
		to := from + step // only what starts before can still be the best
		for which, d := range delims {
			i := b.Index(d, from, min(to, limit-len(d)+1))
			if i < 0 || found && i == best.Start && len(d) >= best.Len {
				continue
			}
			best, found = Match{i, len(d), which}, true
			to = i + 1
		}
		if found {
			return best, true
		}
		from += step
	}
	return Match{}, false
}

// Undecided returns the offset of the first delimiter that starts before
// offset found and may still be completed, within limit, by bytes to come.
func (b *Buffer) Undecided(delims [][]byte, found, limit int) (at int, ok bool) {
	if len(delims) == 1 {
		return 0, false
	}
	at = found
	for _, d := range delims {
		for i := max(0, b.size-len(d)+1); i < at && i <= limit-len(d); i++ {
			if b.partialAt(d, i) {
				at = i
			}
		}
	}
	return at, at < found
}
