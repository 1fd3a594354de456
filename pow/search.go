package pow

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// search goes through the words of a length over an alphabet, and hashes each
// between prefix and suffix.
type search struct {
	prefix, suffix string
	alphabet       string
	length         int
	hash           func(dst *[64]byte, b []byte) int
	match          func(sum []byte) bool

	words    uint64 // how many there are, or maxTries
	expected uint64 // tries
}

// chunk is how many words a goroutine takes at a time: about a millisecond.
const chunk = 1 << 13

// within returns s, and the searches to go on with, that stay within reach of a
// digest of which some bits are known; or ErrTooHard.
func (s search) within(knownBits int, wider ...search) ([]*search, error) {
	var all []*search
	for _, one := range append([]search{s}, wider...) {
		words := math.Pow(float64(len(one.alphabet)), float64(one.length))
		// Half of the words if just one of them is right, else as chance has it.
		tries := min(words/2, math.Exp2(float64(knownBits)))
		if tries > maxTries {
			continue
		}
		one.words, one.expected = uint64(min(words, 2*maxTries)), uint64(max(tries, 1))
		all = append(all, &one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %d bits are known, %d characters are not", ErrTooHard, knownBits, s.length)
	}
	return all, nil
}

// randomText returns a few characters that nobody else has.
func randomText() string { return rand.Text()[:16] }

// run returns a word that fits, nil when there is none, or ctx's error.
func (s *search) run(ctx context.Context, progress func(Progress)) ([]byte, error) {
	var (
		next  atomic.Uint64
		found atomic.Pointer[[]byte]
		say   sync.Mutex
		wg    sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			w := s.walker()
			for found.Load() == nil && ctx.Err() == nil {
				end := next.Add(chunk)
				if end-chunk >= s.words {
					return
				}
				if word := w.try(end-chunk, min(end, s.words)); word != nil {
					found.CompareAndSwap(nil, &word)
					return
				}
				// One that cannot speak at once has nothing to add.
				if progress != nil && say.TryLock() {
					progress(Progress{min(next.Load(), s.words), s.expected})
					say.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if word := found.Load(); word != nil {
		return *word, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, nil
}

// estimate measures a part of a chunk.
func (s *search) estimate() time.Duration {
	const part = chunk / 4
	w := s.walker()
	start := time.Now()
	w.try(0, min(part, s.words))
	each := float64(time.Since(start)) / part / float64(runtime.GOMAXPROCS(0))
	return time.Duration(max(1, min(each*float64(s.expected), math.MaxInt64/2))) // the first word may fit
}

// walker is one goroutine's place in a search.
type walker struct {
	*search
	text  []byte // prefix, word, suffix
	word  []byte // in text
	digit []int  // of word, lowest first
	sum   [64]byte
}

func (s *search) walker() *walker {
	w := &walker{search: s, text: []byte(s.prefix), digit: make([]int, s.length)}
	w.text = append(w.text, make([]byte, s.length)...)
	w.text = append(w.text, s.suffix...)
	w.word = w.text[len(s.prefix) : len(s.prefix)+s.length]
	return w
}

// set makes the word number n.
func (w *walker) set(n uint64) {
	base := uint64(len(w.alphabet))
	for i := range w.word {
		w.digit[i] = int(n % base)
		w.word[i] = w.alphabet[n%base]
		n /= base
	}
}

// step makes the next word.
func (w *walker) step() {
	for i := range w.word {
		w.digit[i]++
		if w.digit[i] < len(w.alphabet) {
			w.word[i] = w.alphabet[w.digit[i]]
			return
		}
		w.digit[i], w.word[i] = 0, w.alphabet[0]
	}
}

// try returns the first word from number from to before to that fits, or nil.
func (w *walker) try(from, to uint64) []byte {
	w.set(from)
	for ; from < to; from++ {
		n := w.hash(&w.sum, w.text)
		if w.match(w.sum[:n]) {
			return append([]byte(nil), w.word...)
		}
		w.step()
	}
	return nil
}
