package pow

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxAnswer is the number of bytes an answer may have, without its line end. The
// longest right one has 218.
const MaxAnswer = 256

// maxChallenge is the number of bytes a challenge may have.
const maxChallenge = 512

var (
	// ErrChallenge says that a text is no challenge.
	ErrChallenge = errors.New("not a proof-of-work challenge")
	// ErrTooLong says that an answer has more than MaxAnswer bytes.
	ErrTooLong = errors.New("the answer is too long")
	// ErrEncoding says that an answer is not "s." and base64.
	ErrEncoding = errors.New("the answer is not s. and base64")
	// ErrRange says that the number of an answer is not less than 2^1279 - 1.
	ErrRange = errors.New("the answer is not less than 2^1279 - 1")
	// ErrWrong says that an answer is well formed and does not solve the challenge:
	// that of another challenge or difficulty, for instance.
	ErrWrong = errors.New("the answer does not solve the challenge")
)

// Challenge is a challenge of the kctf scheme. It is a value: it may be copied,
// compared and used by many goroutines. The zero value is solved by 0.
type Challenge struct {
	difficulty uint32
	x          element
}

// New returns a random challenge: x has 128 bits.
func New(difficulty uint32) Challenge {
	var b [16]byte
	rand.Read(b[:]) // never fails
	c := Challenge{difficulty: difficulty}
	c.x[1], c.x[0] = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	return c
}

// Parse reads a challenge, "s.DIFFICULTY.X", in either encoding, with or without
// white space around it. Its errors are ErrChallenge with the reason.
func Parse(s string) (Challenge, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxChallenge {
		return Challenge{}, fmt.Errorf("%w: %d bytes, and %d are the most", ErrChallenge, len(s), maxChallenge)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "s" {
		return Challenge{}, fmt.Errorf("%w: it has the form s.DIFFICULTY.X", ErrChallenge)
	}
	difficulty, err := decode(parts[1])
	if err != nil {
		return Challenge{}, fmt.Errorf("%w: difficulty: %w", ErrChallenge, err)
	}
	if len(difficulty) > 4 {
		return Challenge{}, fmt.Errorf("%w: the difficulty is not less than 2^32", ErrChallenge)
	}
	x, err := decode(parts[2])
	if err != nil {
		return Challenge{}, fmt.Errorf("%w: x: %w", ErrChallenge, err)
	}
	var c Challenge
	if !c.x.setBytes(x) {
		return Challenge{}, fmt.Errorf("%w: x is not less than 2^1279 - 1", ErrChallenge)
	}
	for _, b := range difficulty {
		c.difficulty = c.difficulty<<8 | uint32(b)
	}
	return c, nil
}

// Difficulty returns how many roots a solver takes, one after the other.
func (c Challenge) Difficulty() uint32 { return c.difficulty }

// String returns the challenge as kctf writes it: c.Encode(KCTF).
func (c Challenge) String() string { return c.Encode(KCTF) }

// Encode returns the challenge, "s.DIFFICULTY.X".
func (c Challenge) Encode(e Encoding) string {
	return "s." + e.encodeDifficulty(c.difficulty) + "." + e.encode(trimZeros(c.x.bytes()))
}

// Describe says what it is, for people.
func (c Challenge) Describe() string {
	return fmt.Sprintf("kctf proof of work, difficulty %d", c.difficulty)
}

// Prompt returns what a server of that kind says before it reads the answer. It
// ends in "Solution? " or "solution: ", without a line end.
func (c Challenge) Prompt(e Encoding) string {
	if e == Redpwn {
		return "proof of work:\ncurl -sSfL https://pwn.red/pow | sh -s " + c.Encode(e) + "\nsolution: "
	}
	return "== proof-of-work: enabled ==\nplease solve a pow first\nYou can run the solver with:\n" +
		"    python3 <(curl -sSL https://goo.gle/kctf-pow) solve " + c.Encode(e) +
		"\n===================\n\nSolution? "
}

// squarings is how many of them make a root: x^((p+1)/4) = x^(2^1277).
const squarings = 1277

// Solve returns the answer, "s.Y", which servers of either encoding accept. It takes
// one processor for about 0.1 to 0.2 ms times the difficulty, or until ctx ends;
// then it returns ctx's error. It calls progress, unless nil, after each root.
func (c Challenge) Solve(ctx context.Context, progress func(Progress)) (string, error) {
	y := c.x
	for i := range c.difficulty {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		square(&y, squarings)
		y.reduce()
		// A root is a square itself, p-1 is none: the result is less than p.
		y[0] ^= 1
		if progress != nil {
			progress(Progress{uint64(i) + 1, uint64(c.difficulty)})
		}
	}
	return "s." + KCTF.encode(trimZeros(y.bytes())), nil
}

// Estimate returns about how long Solve takes on this machine. It takes less than
// a millisecond.
func (c Challenge) Estimate() time.Duration {
	y, best := c.x, time.Duration(1<<63-1)
	for range 3 {
		start := time.Now()
		square(&y, squarings)
		best = min(best, time.Since(start))
	}
	return best * time.Duration(c.difficulty)
}

// Verify returns nil if the answer is right, in either encoding, with or without
// white space around it; else an error that wraps ErrTooLong, ErrEncoding, ErrRange
// or ErrWrong. Only to tell right from ErrWrong does it compute: about 0.1 to 0.2 µs
// times the difficulty. A server bounds that with a [Verifier].
func (c Challenge) Verify(answer string) error {
	y, err := parseAnswer(answer)
	if err != nil {
		return err
	}
	return c.verify(context.Background(), y)
}

// parseAnswer reads "s.Y".
func parseAnswer(s string) (element, error) {
	var y element
	if len(s) > MaxAnswer {
		return y, fmt.Errorf("%w: %d bytes, and %d are the most", ErrTooLong, len(s), MaxAnswer)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(s), "s.")
	if !ok {
		return y, ErrEncoding
	}
	b, err := decode(digits)
	if err != nil {
		return y, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	if !y.setBytes(b) {
		return y, ErrRange
	}
	return y, nil
}

// verify says whether y is a solution. It looks at ctx now and then.
func (c Challenge) verify(ctx context.Context, y element) error {
	const look = 1 << 12 // about every 0.5 ms
	for i := range c.difficulty {
		if i%look == look-1 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		y[0] ^= 1
		square(&y, 1)
		y.reduce()
	}
	if y == c.x {
		return nil
	}
	y.negate()
	y.reduce() // -0 = p
	if y == c.x {
		return nil
	}
	return ErrWrong
}
