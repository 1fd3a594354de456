package pow

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// ErrTooHard says that a puzzle on a hash needs more than 2^44 tries, or that every
// answer of its form was tried.
var ErrTooHard = errors.New("the puzzle has no answer within reach")

// maxTries is where a search gives up: days on an ordinary machine.
const maxTries = 1 << 44

// Hash is a puzzle on a hash: find an answer such that
//
//	Algorithm(Prefix + answer + Suffix)
//
// begins or ends with something known.
type Hash struct {
	// Algorithm is "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-224", "sha3-256", "sha3-384" or "sha3-512".
	Algorithm      string
	Prefix, Suffix string
	// Length is how many characters the answer has. They are letters and digits, and
	// only if none of these is right any printable ASCII characters. 0: a number,
	// without the digit 0, which servers take that ask for a text or for an integer.
	Length int
	// Hex says that Prefix, answer and Suffix together are hexadecimal digits of
	// the bytes that are hashed.
	Hex bool
	// Digest is the digest in hexadecimal, or the part of it that is known.
	Digest string
	// ZeroBits is how many bits must be zero, when Digest is "".
	ZeroBits int
	// Trailing says that Digest or the zero bits stand at the end of the digest,
	// not at its beginning.
	Trailing bool
}

// Stamp is a hashcash stamp, version 1: what hashcash -mbBITS RESOURCE prints.
type Stamp struct {
	Bits     int // leading zero bits of its SHA-1
	Resource string
}

const (
	digits       = "0123456789"
	hexDigits    = digits + "abcdef"
	lettersEtc   = digits + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	stampLength  = 11 // letters and digits: 2^65 answers
	freeDigits   = "123456789"
	freeLength   = 15 // of freeDigits: 2^47 answers, all exact in a float64
	freeHexBytes = 8
)

// printable returns the printable ASCII characters.
func printable() string {
	var b []byte
	for c := byte(' '); c <= '~'; c++ {
		b = append(b, c)
	}
	return string(b)
}

// hashers compute a digest into dst and return how many bytes it has.
var hashers = map[string]func(dst *[64]byte, b []byte) int{
	"md5":    func(dst *[64]byte, b []byte) int { d := md5.Sum(b); return copy(dst[:], d[:]) },
	"sha1":   func(dst *[64]byte, b []byte) int { d := sha1.Sum(b); return copy(dst[:], d[:]) },
	"sha224": func(dst *[64]byte, b []byte) int { d := sha256.Sum224(b); return copy(dst[:], d[:]) },
	"sha256": func(dst *[64]byte, b []byte) int { d := sha256.Sum256(b); return copy(dst[:], d[:]) },
	"sha384": func(dst *[64]byte, b []byte) int { d := sha512.Sum384(b); return copy(dst[:], d[:]) },
	"sha512": func(dst *[64]byte, b []byte) int { d := sha512.Sum512(b); return copy(dst[:], d[:]) },

	"sha3-224": func(dst *[64]byte, b []byte) int { d := sha3.Sum224(b); return copy(dst[:], d[:]) },
	"sha3-256": func(dst *[64]byte, b []byte) int { d := sha3.Sum256(b); return copy(dst[:], d[:]) },
	"sha3-384": func(dst *[64]byte, b []byte) int { d := sha3.Sum384(b); return copy(dst[:], d[:]) },
	"sha3-512": func(dst *[64]byte, b []byte) int { d := sha3.Sum512(b); return copy(dst[:], d[:]) },
}

// digestSize returns the length of the algorithm's digest in bytes, or 0.
func digestSize(algorithm string) int {
	sum, ok := hashers[algorithm]
	if !ok {
		return 0
	}
	return sum(new([64]byte), nil)
}

// Describe says what it is, for people.
func (h Hash) Describe() string {
	part := "begins"
	if h.Trailing {
		part = "ends"
	}
	switch {
	case h.Digest == "":
		return fmt.Sprintf("%s that %s with %d zero bits", h.Algorithm, part, h.ZeroBits)
	case len(h.Digest) == 2*digestSize(h.Algorithm):
		return fmt.Sprintf("%s that is known, %d characters unknown", h.Algorithm, h.Length)
	}
	return fmt.Sprintf("%s that %s with %s", h.Algorithm, part, h.Digest)
}

// bits returns how many bits of the digest are known.
func (h Hash) bits() int {
	if h.Digest != "" {
		return 4 * len(h.Digest)
	}
	return h.ZeroBits
}

// searches returns what to search through, one after the other.
func (h Hash) searches() ([]*search, error) {
	sum, ok := hashers[h.Algorithm]
	if !ok {
		return nil, fmt.Errorf("there is no hash %q", h.Algorithm)
	}
	if h.bits() <= 0 || h.bits() > 8*digestSize(h.Algorithm) || h.Length < 0 {
		return nil, fmt.Errorf("%w: %d bits of %s", ErrTooHard, h.bits(), h.Algorithm)
	}
	match, err := h.match()
	if err != nil {
		return nil, err
	}
	s := search{prefix: h.Prefix, suffix: h.Suffix, alphabet: lettersEtc, length: h.Length, hash: sum, match: match}
	if h.Hex {
		return h.hexSearches(s)
	}
	if s.length == 0 {
		s.alphabet, s.length = freeDigits, freeLength
		return s.within(h.bits())
	}
	wider := s
	wider.alphabet = printable()
	return s.within(h.bits(), wider)
}

// hexSearches goes through the bytes of the answer.
func (h Hash) hexSearches(s search) ([]*search, error) {
	prefix, err := hex.DecodeString(h.Prefix)
	if err != nil {
		return nil, fmt.Errorf("prefix of the answer: %w", err)
	}
	suffix, err := hex.DecodeString(h.Suffix)
	if err != nil {
		return nil, fmt.Errorf("suffix of the answer: %w", err)
	}
	if h.Length%2 != 0 {
		return nil, fmt.Errorf("%d hexadecimal digits are no bytes", h.Length)
	}
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	s.prefix, s.suffix, s.alphabet, s.length = string(prefix), string(suffix), string(all), h.Length/2
	if s.length == 0 {
		s.length = freeHexBytes
	}
	return s.within(h.bits())
}

// match returns what tells a right digest.
func (h Hash) match() (func(sum []byte) bool, error) {
	if h.Digest == "" {
		want, zeros := h.ZeroBits, leadingZeros
		if h.Trailing {
			zeros = trailingZeros
		}
		return func(sum []byte) bool { return zeros(sum) >= want }, nil
	}
	want := strings.ToLower(h.Digest)
	if strings.Trim(want, hexDigits) != "" {
		return nil, fmt.Errorf("digest %q is not hexadecimal", h.Digest)
	}
	// An odd number of digits leaves half a byte, compared last.
	whole, half, odd := want, byte(0), len(want)%2 != 0
	if odd && h.Trailing {
		half, whole = byte(strings.IndexByte(hexDigits, want[0])), want[1:]
	} else if odd {
		half, whole = byte(strings.IndexByte(hexDigits, want[len(want)-1])), want[:len(want)-1]
	}
	b, err := hex.DecodeString(whole)
	if err != nil {
		return nil, err
	}
	known := string(b)
	if h.Trailing {
		return func(sum []byte) bool {
			at := len(sum) - len(known)
			return string(sum[at:]) == known && (!odd || sum[at-1]&15 == half)
		}, nil
	}
	return func(sum []byte) bool {
		return string(sum[:len(known)]) == known && (!odd || sum[len(known)]>>4 == half)
	}, nil
}

func leadingZeros(sum []byte) (n int) {
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

func trailingZeros(sum []byte) (n int) {
	for i := len(sum) - 1; i >= 0; i-- {
		n += bits.TrailingZeros8(sum[i])
		if sum[i] != 0 {
			break
		}
	}
	return n
}

// Solve tries answers on all processors. It returns ErrTooHard when none is right
// or too many would have to be tried, and ctx's error when that ends first.
func (h Hash) Solve(ctx context.Context, progress func(Progress)) (string, error) {
	searches, err := h.searches()
	if err != nil {
		return "", err
	}
	for _, s := range searches {
		answer, err := s.run(ctx, progress)
		if err != nil {
			return "", err
		}
		if answer != nil && h.Hex {
			return hex.EncodeToString(answer), nil
		}
		if answer != nil {
			return string(answer), nil
		}
	}
	return "", fmt.Errorf("%w: every answer of %d characters was tried", ErrTooHard, h.Length)
}

// Estimate returns about how long Solve takes on this machine, by luck less or
// more; 0 when Solve would refuse the puzzle.
func (h Hash) Estimate() time.Duration {
	searches, err := h.searches()
	if err != nil {
		return 0
	}
	return searches[0].estimate()
}

// Describe says what it is, for people.
func (s Stamp) Describe() string {
	return fmt.Sprintf("hashcash stamp, %d bits", s.Bits)
}

func (s Stamp) search(now time.Time) (*search, error) {
	if s.Bits <= 0 || s.Bits > 8*sha1.Size || s.Resource == "" || strings.ContainsAny(s.Resource, ":\r\n") {
		return nil, fmt.Errorf("%w: %d bits for %q", ErrTooHard, s.Bits, s.Resource)
	}
	date := now.UTC().Format("060102")
	one := search{
		prefix: fmt.Sprintf("1:%d:%s:%s::%s:", s.Bits, date, s.Resource, randomText()), alphabet: lettersEtc, length: stampLength,
		hash: hashers["sha1"], match: func(sum []byte) bool { return leadingZeros(sum) >= s.Bits },
	}
	all, err := one.within(s.Bits)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Solve mints the stamp on all processors, dated today. It returns ErrTooHard when
// that would take too long, and ctx's error when that ends first.
func (s Stamp) Solve(ctx context.Context, progress func(Progress)) (string, error) {
	one, err := s.search(time.Now())
	if err != nil {
		return "", err
	}
	counter, err := one.run(ctx, progress)
	if err == nil && counter == nil {
		err = ErrTooHard
	}
	if err != nil {
		return "", err
	}
	return one.prefix + string(counter), nil
}

// Estimate returns about how long Solve takes on this machine, by luck less or
// more; 0 when Solve would refuse it.
func (s Stamp) Estimate() time.Duration {
	one, err := s.search(time.Now())
	if err != nil {
		return 0
	}
	return one.estimate()
}
