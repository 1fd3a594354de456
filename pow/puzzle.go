package pow

import (
	"bytes"
	"context"
	"time"
)

// Progress is how far a solver has come.
type Progress struct {
	Done uint64
	// Total is how much there is to do; for puzzles on hashes, how much is to be
	// expected: luck may need more or less.
	Total uint64
}

// Puzzle is what a server asks for: a [Challenge], a [Hash] or a [Stamp].
type Puzzle interface {
	// Solve returns the line to send, without its end. It returns ctx's error when
	// that ends first. It calls progress, unless nil, often, and never twice at the
	// same time.
	Solve(ctx context.Context, progress func(Progress)) (string, error)
	// Estimate returns about how long Solve takes on this machine; to know, it
	// works for about a millisecond. A client asks before it lets a server use it.
	Estimate() time.Duration
	// Describe says what it is, for people, in a few words.
	Describe() string
}

var (
	_ Puzzle = Challenge{}
	_ Puzzle = Hash{}
	_ Puzzle = Stamp{}
)

// near is how many bytes before a challenge its announcement is looked for.
const near = 256

var (
	challengeRE = lazy(`(?:^|[^0-9A-Za-z_./+=-])(s\.[0-9A-Za-z+/]{4,12}={0,2}\.[0-9A-Za-z+/]{2,216}={0,2})`)
	announceRE  = lazy(`(?i)\bpow\b|kctf-pow|proof.of.work|\bsolve\b`)
)

// Find returns the first puzzle in what a server has said so far, and the offset
// just after it. It knows the challenges of kctf and redpwn, announced as such;
// sha256(XXXX+"suffix") == "…" and its kind, also with zero bits to begin or end
// with; and hashcash -mbBITS RESOURCE; also in colours. A puzzle at the very end of the text, or in
// words on its last line, may be cut off, and is not taken yet.
func Find(text []byte) (puzzle Puzzle, end int, ok bool) {
	return find(text, false)
}

// find is Find; whole says that nothing follows the text.
func find(text []byte, whole bool) (first Puzzle, end int, ok bool) {
	if !bytes.Contains(text, []byte("s.")) && !hashNameRE().Match(text) {
		return nil, 0, false
	}
	if bytes.IndexByte(text, '\x1b') >= 0 {
		plain, at := colourless(text)
		if len(plain) < len(text) {
			first, end, ok = find(plain, whole)
			return first, at[end], ok
		}
	}
	begin := len(text) + 1
	for _, look := range []func([]byte) (Puzzle, int, int){findChallenge, findHash, findStamp} {
		p, from, to := look(text)
		if p == nil || from >= begin || to == len(text) && !whole {
			continue
		}
		// "20 zero" may go on with " bits".
		if _, words := p.(Hash); words && !whole && bytes.IndexByte(text[to:], '\n') < 0 {
			continue
		}
		first, begin, end = p, from, to
	}
	return first, end, first != nil
}

// findChallenge finds a kctf or redpwn challenge that is announced before it.
func findChallenge(text []byte) (p Puzzle, from, to int) {
	for at := 0; at < len(text); {
		m := challengeRE().FindSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		from, to = at+m[2], at+m[3]
		at = to
		c, err := Parse(string(text[from:to]))
		if err == nil && c.difficulty > 0 && announceRE().Match(text[max(0, from-near):from]) {
			return c, from, to
		}
	}
	return nil, 0, 0
}

// Finder finds puzzles in a stream, in whatever pieces it arrives. It keeps at most
// 4 KiB, and looks at 64 KiB from the beginning or after the last puzzle: proof of
// work stands at the door. The zero value is ready. One goroutine may use it.
type Finder struct {
	text []byte
	seen int
}

const (
	finderKeeps = 4 << 10
	finderLooks = 64 << 10
)

// Feed takes what arrived, and returns a puzzle as soon as it is complete; the prompt
// for the answer may still be on its way, which servers do not mind. What follows the
// puzzle is kept: Feed(nil) looks there.
func (f *Finder) Feed(b []byte) (Puzzle, bool) {
	for {
		n := min(len(b), finderKeeps/2, finderLooks-f.seen)
		if n <= 0 && len(b) > 0 {
			f.text = nil
			return nil, false
		}
		f.seen += n
		f.text = append(f.text, b[:n]...)
		b = b[n:]
		if p, end, ok := find(f.text, false); ok {
			f.text = append(f.text[:0:0], f.text[end:]...)
			f.text = append(f.text, b[:min(len(b), finderKeeps-len(f.text))]...)
			f.seen = len(f.text)
			return p, true
		}
		if over := len(f.text) - finderKeeps/2; over > 0 {
			f.text = append(f.text[:0], f.text[over:]...)
		}
		if len(b) == 0 {
			return nil, false
		}
	}
}

// Flush returns a puzzle that stands at the end of what arrived, for when the
// stream has been silent for a while or has ended.
func (f *Finder) Flush() (Puzzle, bool) {
	p, end, ok := find(f.text, true)
	if ok {
		f.text = append(f.text[:0], f.text[end:]...)
		f.seen = len(f.text)
	}
	return p, ok
}

var colourRE = lazy(`\x1b\[[0-9;?]*[A-Za-z]`)

// colourless is the text without the escapes that colour it, and where each byte of that, and the end, stood.
func colourless(text []byte) (plain []byte, at []int) {
	begin := 0
	for _, m := range append(colourRE().FindAllIndex(text, -1), []int{len(text), len(text)}) {
		plain = append(plain, text[begin:m[0]]...)
		for ; begin < m[0]; begin++ {
			at = append(at, begin)
		}
		begin = m[1]
	}
	return plain, append(at, len(text))
}
