package geo

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Normalise reduces an answer to what two people mean when they say they wrote
// the same name. Two answers are equal when their normal forms are.
//
// In order: apostrophes of all kinds are dropped; the text is decomposed (NFKD)
// and its case folded; marks are stripped after Latin, Greek and Cyrillic letters
// only (they carry meaning elsewhere: Devanagari vowels are marks); letters that
// do not decompose are spelled out (ß ss, æ ae, œ oe, ø o, ł l, đ d, ð d, þ th, ħ h,
// ı i, ə e, ŋ n) and & is and; everything that is neither letter, digit nor mark becomes one
// space; the word "the" and a leading "city of" are dropped unless nothing would remain:
// "Bahamas (the)" is the Bahamas; the words st, ste and sainte become saint, except
// alone: ST is a code. The result is NFC.
//
// Normalise is idempotent and accepts any bytes: what is not UTF-8 counts as
// punctuation.
func Normalise(s string) string {
	// What folds or decomposes once may do so again, in a handful of characters;
	// the bound makes termination obvious, and the fuzz test looks for a string
	// that would need more.
	for range 4 {
		next := normaliseOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func normaliseOnce(s string) string {
	s = dropApostrophes(strings.ToValidUTF8(s, " ")) // first: ´ decomposes to a space and a mark
	if isASCII(s) {
		s = strings.ToLower(s)
	} else {
		s = cases.Fold().String(stripMarks(norm.NFKD.String(s)))
		s = dropApostrophes(stripMarks(norm.NFKD.String(s)))
	}
	s = spell(s)

	words := strings.Fields(s)
	if rest := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "the" }); len(rest) > 0 {
		words = rest
	} else if len(words) > 1 {
		words = words[:1]
	}
	for len(words) > 2 && words[0] == "city" && words[1] == "of" {
		words = words[2:]
	}
	for i, w := range words {
		switch w {
		case "st", "ste", "sainte":
			if len(words) > 1 {
				words[i] = "saint"
			}
		}
	}
	return norm.NFC.String(strings.Join(words, " "))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// dropApostrophes also drops what looks like one: the ʻokina of Nukuʻalofa, the
// grave and acute accents typed for want of one.
func dropApostrophes(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\'', '`', '´', '‘', '’', '‛', '′', '＇',
			'ʹ', 'ʻ', 'ʼ', 'ʽ', 'ʾ', 'ʿ', 'ˈ', 'ꞌ', '׳':
			return -1
		}
		return r
	}, s)
}

// stripMarks drops the marks that follow Latin, Greek and Cyrillic letters, and
// marks that follow nothing.
func stripMarks(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	strip := true
	for _, r := range s {
		if unicode.IsMark(r) {
			if !strip {
				b.WriteRune(r)
			}
			continue
		}
		strip = !unicode.IsLetter(r) || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		b.WriteRune(r)
	}
	return b.String()
}

var spelled = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d",
	'þ': "th", 'ħ': "h", 'ı': "i", 'ə': "e", 'ŋ': "n",
}

// spell writes out the letters that have no decomposition, and turns what is
// not part of a word into spaces.
func spell(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
				b.WriteByte(byte(r))
			} else if r == '&' {
				b.WriteString(" and ")
			} else {
				b.WriteByte(' ')
			}
		case spelled[r] != "":
			b.WriteString(spelled[r])
		case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Cf, r):
			// Joiners, direction marks and soft hyphens are not seen: no gap.
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
