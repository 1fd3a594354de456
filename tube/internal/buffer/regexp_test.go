package buffer

import (
	"bytes"
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestFindRegexp searches in windows of a few bytes, and in all there is at once: no match may be missed, cut or made by where a window, or a
// chunk, ends.
func TestFindRegexp(t *testing.T) {
	t.Parallel()
	const window = 8
	exprs := []*regexp.Regexp{ // with matches of at most a window
		regexp.MustCompile(`ab`), regexp.MustCompile(`a{1,5}b`), regexp.MustCompile(`\bab?`), regexp.MustCompile(`(?m)^b(a?)`),
		regexp.MustCompile(`(?m)a$`), regexp.MustCompile(`\Aa`), regexp.MustCompile(`b\z`), regexp.MustCompile(`éa|b\Bé`), regexp.MustCompile(`(a)|(b)`),
		regexp.MustCompile(`a[^b]?b`), regexp.MustCompile(`\B`), regexp.MustCompile(`b{3,6}?`), regexp.MustCompile(`.é.`),
	}
	rapid.Check(t, func(t *rapid.T) {
		var b Buffer
		var text []byte
		for _, p := range rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "\n", " ", "é"}), 1, 9), 1, 12).Draw(t, "pieces") {
			var piece []byte
			for _, s := range p {
				piece = append(piece, s...)
			}
			b.Packet(piece)
			text = append(text, piece...)
		}
		res := rapid.SliceOfN(rapid.SampledFrom(exprs), 1, 3).Draw(t, "expressions")
		which, want := 0, []int(nil)
		for i, re := range res {
			if l := re.FindSubmatchIndex(text); l != nil && (want == nil || l[0] < want[0]) {
				which, want = i, l
			}
		}
		at, got, loc := b.FindRegexp(res, 0, window)
		if (loc == nil) != (want == nil) {
			t.Fatalf("%q in %q: got %v, want %v", res, text, loc, want)
		}
		for i := range loc {
			if loc[i] >= 0 {
				loc[i] += at
			}
		}
		if loc != nil && (got != which || !bytes.Equal(text[loc[0]:loc[1]], text[want[0]:want[1]]) || loc[0] != want[0]) {
			t.Fatalf("%q in %q: got %v of %d, want %v of %d", res, text, loc, got, want, which)
		}
	})
}
