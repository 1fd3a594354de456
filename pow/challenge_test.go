package pow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// vector is a challenge and its answers, from testdata/vectors.py.
type vector struct {
	Difficulty   uint32
	KCTF         string `json:"kctf"`
	Redpwn       string `json:"redpwn"`
	Answer       string `json:"answer"`
	RedpwnAnswer string `json:"redpwn_answer"`
	Negative     string `json:"negative"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Fatalf("got %d vectors, want 33", len(all))
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		c, err := Parse(v.KCTF)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Parse(" " + v.Redpwn + "\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if c != other {
			t.Errorf("%s and %s are read as different challenges", v.KCTF, v.Redpwn)
		}
		if c.Difficulty() != v.Difficulty {
			t.Errorf("difficulty of %s: got %d, want %d", v.KCTF, c.Difficulty(), v.Difficulty)
		}
		if got := c.String(); got != v.KCTF {
			t.Errorf("String: got %s, want %s", got, v.KCTF)
		}
		if got := c.Encode(Redpwn); got != v.Redpwn {
			t.Errorf("Encode(Redpwn): got %s, want %s", got, v.Redpwn)
		}
		got, err := c.Solve(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got != v.Answer {
			t.Errorf("Solve %s: got %s, want %s", v.KCTF, got, v.Answer)
		}
		for _, answer := range []string{v.Answer, v.RedpwnAnswer, v.Negative, v.Answer + "\r"} {
			if err := c.Verify(answer); err != nil {
				t.Errorf("Verify %s, %s: %v", v.KCTF, answer, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tooLarge := base64.StdEncoding.EncodeToString(append([]byte{0x80}, make([]byte, 159)...))
	for _, s := range []string{
		"", "s", "s.", "s..", "s.AAU5", "s.AAU5.", "s..AAAA", "t.AAU5.AAAA", "s.AAU5.AAAA.AAAA",
		"s.AA\nU5.AAAA", "s.AAU5.AA\r\nAA", "s.A.AAAA", "s.AAU5.AAA=A", "s.AAU5.====", "s.AAU5.a-_a",
		"s.AQAAAAA=.AAAA", // 2^32
		"s.AAU5." + tooLarge,
		"s.AAU5." + base64.StdEncoding.EncodeToString(prime.Bytes()),
		"s.AAU5." + strings.Repeat("A", 217),
		"s." + strings.Repeat("A", 100_000) + ".AAAA",
	} {
		if c, err := Parse(s); !errors.Is(err, ErrChallenge) {
			t.Errorf("Parse(%.40q): got %v, %v, want ErrChallenge", s, c, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	all := vectors(t)
	c, err := Parse(all[len(all)-1].KCTF)
	if err != nil {
		t.Fatal(err)
	}
	right := all[len(all)-1].Answer
	harder, easier := c, c
	harder.difficulty++
	easier.difficulty--
	otherAnswer, err := easier.Solve(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		name, answer string
		c            Challenge
		want         error
	}{
		{"empty", "", c, ErrEncoding},
		{"no version", "AAAA", c, ErrEncoding},
		{"other version", "b.AAAA", c, ErrEncoding},
		{"no number", "s.", c, ErrEncoding},
		{"a challenge", c.String(), c, ErrEncoding},
		{"not base64", "s.!!!!", c, ErrEncoding},
		{"cut off base64", right[:len(right)-3], c, ErrEncoding},
		{"line end inside", right[:50] + "\n" + right[50:], c, ErrEncoding},
		{"zeros without end", "s." + strings.Repeat("A", 220), c, ErrEncoding},
		{"too long", "s." + strings.Repeat("A", 1<<20), c, ErrTooLong},
		{"spaces without end", right + strings.Repeat(" ", 1<<20), c, ErrTooLong},
		{"p", "s." + b64(prime.Bytes()), c, ErrRange},
		{"p+1", "s." + b64(new(big.Int).Add(prime, big.NewInt(1)).Bytes()), c, ErrRange},
		{"as large as fits", "s." + strings.Repeat("/", 216), c, ErrRange},
		{"0", "s.AAAA", c, ErrWrong},
		{"p-1", "s." + b64(new(big.Int).Sub(prime, big.NewInt(1)).Bytes()), c, ErrWrong},
		{"of a lower difficulty", otherAnswer, c, ErrWrong},
		{"of a higher difficulty", right, easier, ErrWrong},
		{"for a higher difficulty", right, harder, ErrWrong},
		{"of another challenge", all[len(all)-2].Answer, c, ErrWrong},
	} {
		if err := tt.c.Verify(tt.answer); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestSolveVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(rapid.Uint32Range(0, 20).Draw(t, "difficulty"))
		answer, err := c.Solve(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(answer); err != nil {
			t.Fatalf("%s, %s: %v", c, answer, err)
		}
		if again, err := Parse(c.Encode(Redpwn)); err != nil || again != c {
			t.Fatalf("Parse(%s): %v, %v", c.Encode(Redpwn), again, err)
		}
	})
}

func TestNewIsRandom(t *testing.T) {
	if a, b := New(5), New(5); a == b {
		t.Errorf("New gave %s twice", a)
	}
	// 128 bits, no more: scripts of others rely on it.
	if c := New(5); c.x.big().BitLen() > 128 || c.x.big().BitLen() < 64 {
		t.Errorf("x of %s has %d bits, want about 128", c, c.x.big().BitLen())
	}
}

func TestSolveStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the player left")
	c := New(1 << 31)
	_, err := c.Solve(ctx, func(p Progress) {
		if want := uint64(1) << 31; p.Total != want {
			t.Errorf("progress: total %d, want %d", p.Total, want)
		}
		if p.Done == 3 {
			cancel(why)
		}
	})
	if err != why {
		t.Errorf("got %v, want %v", err, why)
	}
	if e := c.Estimate(); e < 1<<31*1000 {
		t.Errorf("estimate of difficulty 2^31: %v", e)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.KCTF)
		f.Add(v.Redpwn)
	}
	f.Add("s.AAU5.====")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		for _, e := range []Encoding{KCTF, Redpwn} {
			text := c.Encode(e)
			// redpwn's zero is "", which nobody reads.
			if again, err := Parse(text); c.x != (element{}) && (err != nil || again != c) {
				t.Fatalf("%q is written as %q and read again as %v, %v", s, text, again, err)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Answer)
		f.Add(v.RedpwnAnswer)
	}
	c, err := Parse("s.AAAB.AAAE")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		y, err := parseAnswer(s)
		want := err == nil
		if want {
			n := y.big()
			n.SetBit(n, 0, n.Bit(0)^1).Mul(n, n).Mod(n, prime)
			want = n.Int64() == 4 && n.IsInt64() || new(big.Int).Sub(prime, n).Cmp(big.NewInt(4)) == 0
		}
		if got := c.Verify(s) == nil; got != want {
			t.Fatalf("Verify(%q): got %v, want %v", s, got, want)
		}
	})
}
