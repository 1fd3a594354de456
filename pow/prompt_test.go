package pow

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFind(t *testing.T) {
	kctf, err := Parse("s.AAU5.AACqtcs2rmNYyKRG4GmyZ7fd")
	if err != nil {
		t.Fatal(err)
	}
	zeroHash := strings.Repeat("0", 64)
	for _, tt := range []struct {
		name, text string
		want       Puzzle
	}{
		{"kctf", kctf.Prompt(KCTF), kctf},
		{"redpwn", kctf.Prompt(Redpwn), kctf},
		{"redpwn on one line", "proof of work: curl -sSfL https://pwn.red/pow | sh -s " + kctf.Encode(Redpwn) + "\nsolution: ", kctf},
		{"after a banner", "Welcome!\nIt's.great.fun\n" + kctf.Prompt(KCTF), kctf},
		{"carriage returns", strings.ReplaceAll(kctf.Prompt(KCTF), "\n", "\r\n"), kctf},
		{"colours", "\x1b[1mproof of work\x1b[0m `" + kctf.String() + "`\n", kctf},
		{"no announcement", "see the files.  " + kctf.String() + " is a name\n", nil},
		{"disabled", "== proof-of-work: disabled ==\n", nil},
		{"difficulty 0", "proof of work " + Challenge{x: kctf.x}.String() + "\n", nil},
		{"cut off", "please solve " + kctf.String(), nil},
		{"a name", "solve https://ctf.example/s.AAU5.AAAA\n", nil},

		{"XXXX", "[+] sha256(XXXX+3Ba7qjTXeRtlZ1Vh) == " + zeroHash + "\n[+] Plz tell me XXXX: ", Hash{Algorithm: "sha256", Suffix: "3Ba7qjTXeRtlZ1Vh", Length: 4, Digest: zeroHash}},
		{"quotes, hexdigest", `sha1("????" + "a+b c").hexdigest() == '` + zeroHash[:40] + "'\n", Hash{Algorithm: "sha1", Suffix: "a+b c", Length: 4, Digest: zeroHash[:40]}},
		{"prefix", "hashlib.sha256(b'abc' + S).hexdigest()[:6] == \"00ff00\"\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "00ff00"}},
		{"last digits", "md5(abc + X).hexdigest()[-5:] == 12345\n", Hash{Algorithm: "md5", Prefix: "abc", Digest: "12345", Trailing: true}},
		{"bits in parentheses", "sha256(rR5JOL + ???) == 0000000000000000000000(22)...\n", Hash{Algorithm: "sha256", Prefix: "rR5JOL", ZeroBits: 22}},
		{"between", "SHA-256(\"ab\" + ans + \"cd\") starts with 20 zero bits\n", Hash{Algorithm: "sha256", Prefix: "ab", Suffix: "cd", ZeroBits: 20}},
		{"unhex", "please give S such that sha256(unhex(\"0123456789abcdef\" + S)) ends with 28 zero bits (see pow-solver.cpp).\n", Hash{Algorithm: "sha256", Prefix: "0123456789abcdef", Hex: true, ZeroBits: 28, Trailing: true}},
		{"must start with", "sha512(abc+nonce) must start with 6 zeros\n", Hash{Algorithm: "sha512", Prefix: "abc", ZeroBits: 24}},
		{"startswith", "md5('abc' + x).hexdigest().startswith('000000')\n", Hash{Algorithm: "md5", Prefix: "abc", Digest: "000000"}},
		{"leading zero bits", "sha256(abc + X) has at least 21 leading zero bits\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 21}},
		{"repeated", `sha256("abc"+X).hexdigest()[:6] == "0"*6` + "\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "000000"}},
		{"startswith, repeated", `sha256(abc + answer).hexdigest().startswith("0" * 5)` + "\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "00000"}},
		{"binary", "[+] sha256(abc + ???).binary.endswith('0000000000000000')\n[-] ??? = ", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 16, Trailing: true}},
		{"a name, told below", "find X so that sha256(prefix + X) starts with 5 zero hex digits\nprefix: JEBe95\nX: ", Hash{Algorithm: "sha256", Prefix: "JEBe95", ZeroBits: 20}},
		{"a name, told above", "[*] salt = 'a-b'\n[*] md5(nonce + salt) == 00000000(20)\n", Hash{Algorithm: "md5", Suffix: "a-b", ZeroBits: 20}},
		{"a nonce that is given", "nonce: 12ab\nsha1(nonce + X) has 20 leading zero bits\n", Hash{Algorithm: "sha1", Prefix: "12ab", ZeroBits: 20}},
		{"a name that is not told", "sha256(prefix + X) starts with 5 zero hex digits\n", nil},
		{"one argument", "such that md5(X)[-6:] = 4fd2a1 and len(X) = 11\n", Hash{Algorithm: "md5", Length: 11, Digest: "4fd2a1", Trailing: true}},
		{"a colon", "[+] send the string that sha256(string)[-6:]: 86df4f\n", Hash{Algorithm: "sha256", Digest: "86df4f", Trailing: true}},
		{"a length below", `SHA256(X + "abc").hexdigest() = "` + zeroHash[:32] + "...\",\nX is a string of alphanumeric and |X| = 4\nEnter X: ", Hash{Algorithm: "sha256", Suffix: "abc", Length: 4, Digest: zeroHash[:32]}},
		{"a length to come", `SHA256(X + "abc").hexdigest() = "` + zeroHash[:32] + "...\",\n", nil},
		{"bars", "sha256(abc || X) must start with 20 zero bits\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20}},
		{"bits of", "find a value x such that the last 20 bits of sha256(abc || x) are zero\nx: ", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20, Trailing: true}},
		{"digits of", "The first 5 hex digits of sha256(\"abc\" + S) must be 0\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20}},
		{"Python", "hashlib.sha256(('abc' + input).encode()).hexdigest()[:5] == '00000'\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "00000"}},
		{"Python, each", "sha256('abc'.encode() + X.encode()).hexdigest()[:5] == '00000'\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "00000"}},
		{"PHP", `substr(md5($str), 0, 5) === "a1b2c"` + "\n$str = ", Hash{Algorithm: "md5", Digest: "a1b2c"}},
		{"glued before", `sha256("????7InH") = ` + zeroHash + "\n", Hash{Algorithm: "sha256", Suffix: "7InH", Length: 4, Digest: zeroHash}},
		{"glued behind", "SHA256(KTch7InXXXX) = " + zeroHash + "\n", Hash{Algorithm: "sha256", Prefix: "KTch7In", Length: 4, Digest: zeroHash}},
		{"an arrow", "sha256(XXXX + 7InH) => " + zeroHash + "\n", Hash{Algorithm: "sha256", Suffix: "7InH", Length: 4, Digest: zeroHash}},
		{"a word", `find str s.t. md5("abc" + str) begins with "00000"` + "\nstr: ", Hash{Algorithm: "md5", Prefix: "abc", Digest: "00000"}},
		{"ends in", "SHA1(abc + X) ends in 20 zero bits\n", Hash{Algorithm: "sha1", Prefix: "abc", ZeroBits: 20, Trailing: true}},
		{"leading zeros", "sha256(abc + nonce) needs 5 leading zeros (hex)\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20}},
		{"many zeros", "sha256(abc + nonce) has 24 leading zeros\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 24}},
		{"sha3", "sha3_256(abc + X)[:5] == 00000\n", Hash{Algorithm: "sha3-256", Prefix: "abc", Digest: "00000"}},
		{"a sentence", "sha256(X) is a hash, md5(x) = 5 of them\n", nil},
		{"only two", "sha256(abc + ??) starts with 00000\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "00000"}},
		{"words cut off", "sha256(abc + X) starts with 20 zero", nil},
		{"nothing unknown", "sha256(abc + def) == " + zeroHash + "\n", nil},
		{"two unknown", "sha256(XXXX + YY + ????) == " + zeroHash + "\n", nil},
		{"longer than the digest", "md5(XXXX + abc) == " + zeroHash + "\n", nil},

		{"in colours", "\x1b[33m[*]\x1b[0m sha256(\x1b[32mXXXX\x1b[0m + \x1b[36mabcdEFGH\x1b[0m) == \x1b[31m" + zeroHash + "\x1b[0m\n[>] XXXX: ", Hash{Algorithm: "sha256", Suffix: "abcdEFGH", Length: 4, Digest: zeroHash}},
		{"cut off in colours", "sha256(XXXX + abcdEFGH) == \x1b[31m" + zeroHash + "\x1b[0m", nil},
		{"zeros at the very end", "sha256('abc' + X) starts with 5 0s", nil},
		{"quoted zeros", "sha256('abc' + X) starts with 5 '0's\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20}},
		{"zero bytes", "sha256('abc' + X) has 3 leading zero bytes\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 24}},
		{"null bytes", "sha256('abc' + X) starts with 3 null bytes\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 24}},
		{"bytes of", "the first 3 bytes of sha256('abc' + X) are zero\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 24}},
		{"known digits of", "such that the last 6 hex digits of md5(X) are abc123\n", Hash{Algorithm: "md5", Digest: "abc123", Trailing: true}},
		{"bytes of Python", `sha256('abc' + X).digest()[:3] == b'\x00\x00\x00'` + "\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "000000"}},
		{"bytes of Python, repeated", `sha256('abc' + X).digest().endswith(b'\0' * 3)` + "\n", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "000000", Trailing: true}},
		{"the rest of a digest", "md5(X).hexdigest()[26:] = 'abcdef'\n", Hash{Algorithm: "md5", Digest: "abcdef", Trailing: true}},
		{"PHP, the rest", "substr(md5(X), 26, 6) === 'abcdef'\n", Hash{Algorithm: "md5", Digest: "abcdef", Trailing: true}},
		{"in binary", "sha256('abc' + X) in binary starts with 00000000000000000000\n", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 20}},
		{"bits told behind", "SHA256('abc' + answer) start with 0000000 (28 bits)\nanswer: ", Hash{Algorithm: "sha256", Prefix: "abc", Digest: "0000000"}},
		{"zeros in hex", "sha256('abc' + YOUR_INPUT) must start with 6 zeros in hex\n> ", Hash{Algorithm: "sha256", Prefix: "abc", ZeroBits: 24}},
		{"the middle of a digest", "sha256(X)[10:16] == 'abcdef'\n", nil},
		{"an unknown rest of a digest", "sha256(X)[2:] == 'abcdef'\n", nil},
		{"PHP, the middle", "substr(md5(X), 5, 5) === 'abcde'\n", nil},
		{"fewer digits than are cut out", "sha256('abc' + X)[:20] == 0\n", nil},
		{"digits of raw bytes", "sha256('abc' + X).digest()[:3] == '000'\n", nil},
		{"base64 of it", "base64(sha256(X)) starts with AAAA\n", nil},
		{"a hash of it", "sha256(sha256(X)) starts with 00000\n", nil},
		{"bits of it", "bin(int(sha256('abc'+X).hexdigest(),16))[2:].startswith('00000')\n", nil},
		{"not", "sha256('abc' + X) must not start with 00000\n", nil},
		{"ones", "sha256('abc' + X) starts with 20 one bits\n", nil},
		{"bits that are set", "sha256('abc' + X) ends with 20 bits set to 1\n", nil},
		{"ones in binary", "sha256('abc' + X) ends with 111111 in binary\n", nil},
		{"a second condition", "Find x such that sha1(x) ends with 00000 and x starts with \"Kt7a\"\n", nil},
		{"a condition before", "Find a string x starting with Kt7a such that sha1(x) ends with 00000\n", nil},
		{"a condition below", "sha1(x) ends with 00000\nx must start with Kt7a\nx: ", nil},
		{"letters", "sha256(X + 'abc') == 'abcde...'\nX is 4 lowercase letters: ", nil},
		{"an answer in hex", "sha256('abc' + X) starts with 00000\nGive me X (hex-encoded): ", nil},
		{"an answer in base64", "sha256('abc' + X) starts with 00000. X in base64:\n", nil},
		{"escapes", `sha256(b'\x01\x02' + X) starts with 00000` + "\n", nil},
		{"a format", "sha256(f'{prefix}' + X) starts with 00000\n", nil},

		{"hashcash", "Please run:\n\nhashcash -mb26 udqynihh\n\nstamp> ", Stamp{26, "udqynihh"}},
		{"hashcash -r", "hashcash -mqb 20 -r user@example.org\n", Stamp{20, "user@example.org"}},
		{"hashcash of 0 bits", "hashcash -mb0 abc\n", nil},
		{"the first of two", "hashcash -mb26 abc\n" + kctf.Prompt(KCTF), Stamp{26, "abc"}},
		{"nothing", "What is your name? ", nil},
	} {
		got, end, ok := Find([]byte(tt.text))
		if got != tt.want || ok != (tt.want != nil) {
			t.Errorf("%s: got %+v, want %+v\n%q", tt.name, got, tt.want, tt.text)
		}
		if ok && (end <= 0 || end >= len(tt.text)) {
			t.Errorf("%s: ends at %d of %d", tt.name, end, len(tt.text))
		}
		if ok && got.Describe() == "" {
			t.Errorf("%s: no description", tt.name)
		}
	}
}

// TestFinderPieces gives a stream to a Finder in random pieces.
func TestFinderPieces(t *testing.T) {
	c := New(1337)
	hash := Hash{Algorithm: "sha256", Suffix: "3Ba7qjTX", Length: 4, Digest: strings.Repeat("a", 64)}
	text := strings.Repeat("welcome ", 2000) + c.Prompt(KCTF) + "Correct\nsha256(XXXX+3Ba7qjTX) == " + hash.Digest + "\nXXXX: "
	rapid.Check(t, func(t *rapid.T) {
		var f Finder
		var got []Puzzle
		for rest := []byte(text); len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 3000).Draw(t, "piece"))
			for piece := rest[:n]; ; piece = nil {
				p, ok := f.Feed(piece)
				if !ok {
					break
				}
				got = append(got, p)
			}
			rest = rest[n:]
			if cap(f.text) > 2*finderKeeps {
				t.Fatalf("keeps %d bytes", cap(f.text))
			}
		}
		if len(got) != 2 || got[0] != c || got[1] != hash {
			t.Fatalf("got %v, want %v and %v", got, c, hash)
		}
	})
}

func TestFinderFlush(t *testing.T) {
	var f Finder
	c := New(5)
	if p, ok := f.Feed([]byte("pow: " + c.String())); ok {
		t.Fatalf("took %v, which may go on", p)
	}
	if p, ok := f.Flush(); !ok || p != c {
		t.Errorf("Flush: got %v, want %v", p, c)
	}
	if p, ok := f.Flush(); ok {
		t.Errorf("the second Flush: got %v", p)
	}
}

// TestFinderGivesUp shows that a long session costs nothing after its beginning.
func TestFinderGivesUp(t *testing.T) {
	var f Finder
	for range 40 {
		if _, ok := f.Feed(make([]byte, 2000)); ok {
			t.Fatal("found something in zeros")
		}
	}
	if p, ok := f.Feed([]byte(New(5).Prompt(KCTF))); ok {
		t.Errorf("found %v after 80 kB", p)
	}
	if n := testing.AllocsPerRun(10, func() { f.Feed([]byte("solve s.AAAB.AAAB\n")) }); n != 0 {
		t.Errorf("%v allocations for each piece after that, want 0", n)
	}
}

func TestHashSolve(t *testing.T) {
	for _, h := range []Hash{
		{Algorithm: "sha256", Suffix: "suffix", Length: 3, Digest: hexOf("zQ9suffix")},
		{Algorithm: "sha256", Prefix: "prefix", Length: 2, Digest: hexOf("prefix~!")}, // not letters
		{Algorithm: "sha256", Prefix: "ab", Suffix: "cd", ZeroBits: 12},
		{Algorithm: "sha256", Prefix: "0123456789abcdef", Hex: true, ZeroBits: 11, Trailing: true},
		{Algorithm: "sha512", Prefix: "ab", Digest: "abc"},
		{Algorithm: "md5", Prefix: "ab", Digest: "DEF", Trailing: true},
		{Algorithm: "sha384", Prefix: "ab", ZeroBits: 3},
		{Algorithm: "sha224", Prefix: "ab", Digest: "00"},
		{Algorithm: "sha3-256", Prefix: "ab", Digest: "00"},
		{Algorithm: "sha1", Prefix: strings.Repeat("long", 40), ZeroBits: 9},
	} {
		answer, err := h.Solve(t.Context(), func(p Progress) {
			if p.Total == 0 {
				t.Error("progress without a total")
			}
		})
		if err != nil {
			t.Errorf("%+v: %v", h, err)
			continue
		}
		if h.Length > 0 && len(answer) != h.Length {
			t.Errorf("%+v: got %q", h, answer)
		}
		if h.Length == 0 && !h.Hex && strings.Trim(answer, "123456789") != "" {
			t.Errorf("%+v: got %q, want a number", h, answer)
		}
		if err := checkHash(h, answer); err != nil {
			t.Errorf("%+v, answer %q: %v", h, answer, err)
		}
		if h.Estimate() <= 0 {
			t.Errorf("%+v: no estimate", h)
		}
	}
}

func hexOf(s string) string {
	d := sha256.Sum256([]byte(s))
	return hex.EncodeToString(d[:])
}

// checkHash looks at the digest as a text of bits or digits.
func checkHash(h Hash, answer string) error {
	text := []byte(h.Prefix + answer + h.Suffix)
	if h.Hex {
		var err error
		if text, err = hex.DecodeString(string(text)); err != nil {
			return err
		}
	}
	var sum [64]byte
	n := hashers[h.Algorithm](&sum, text)
	got, want := fmt.Sprintf("%x", sum[:n]), strings.ToLower(h.Digest)
	if h.Digest == "" {
		got, want = "", strings.Repeat("0", h.ZeroBits)
		for _, b := range sum[:n] {
			got += fmt.Sprintf("%08b", b)
		}
	}
	if h.Trailing && !strings.HasSuffix(got, want) || !h.Trailing && !strings.HasPrefix(got, want) {
		return fmt.Errorf("digest is %s", got)
	}
	return nil
}

func TestHashRefuses(t *testing.T) {
	for _, h := range []Hash{
		{Algorithm: "sha256", ZeroBits: 60},
		{Algorithm: "sha256", Length: 16, Digest: hexOf("")},
		{Algorithm: "sha256", Length: 2, Digest: hexOf("three letters")}, // none of two
		{Algorithm: "sha256"},
		{Algorithm: "md5", ZeroBits: 129},
		{Algorithm: "sha256", Length: -1, ZeroBits: 1},
	} {
		if got, err := h.Solve(t.Context(), nil); !errors.Is(err, ErrTooHard) {
			t.Errorf("%+v: got %q, %v, want ErrTooHard", h, got, err)
		}
	}
	for _, h := range []Hash{
		{Algorithm: "crc32", ZeroBits: 3},
		{Algorithm: "md5", Digest: "xyz"},
		{Algorithm: "md5", Hex: true, Prefix: "abc", ZeroBits: 3},
		{Algorithm: "md5", Hex: true, Suffix: "x", ZeroBits: 3},
		{Algorithm: "md5", Hex: true, Length: 3, ZeroBits: 3},
	} {
		if got, err := h.Solve(t.Context(), nil); err == nil {
			t.Errorf("%+v: got %q, want an error", h, got)
		}
		if e := h.Estimate(); e != 0 {
			t.Errorf("%+v: estimate %v, want 0", h, e)
		}
	}
}

func TestHashStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the server left")
	h := Hash{Algorithm: "sha256", ZeroBits: 44}
	if _, err := h.Solve(ctx, func(Progress) { cancel(why) }); err != why {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestStamp(t *testing.T) {
	s := Stamp{10, "udqynihh"}
	stamp, err := s.Solve(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(stamp, ":")
	if len(fields) != 7 || fields[0] != "1" || fields[1] != "10" || len(fields[2]) != 6 || fields[3] != "udqynihh" {
		t.Errorf("got %q, want 1:10:YYMMDD:udqynihh::RANDOM:COUNTER", stamp)
	}
	if sum := sha1.Sum([]byte(stamp)); leadingZeros(sum[:]) < 10 {
		t.Errorf("sha1(%q) = %x, want 10 zero bits", stamp, sum)
	}
	if s.Estimate() <= 0 {
		t.Error("no estimate")
	}
	for _, s := range []Stamp{{0, "a"}, {161, "a"}, {10, ""}, {10, "a:b"}, {60, "a"}} {
		if got, err := s.Solve(t.Context(), nil); !errors.Is(err, ErrTooHard) {
			t.Errorf("%+v: got %q, %v, want ErrTooHard", s, got, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	c := New(1337)
	f.Add([]byte(c.Prompt(KCTF)))
	f.Add([]byte(c.Prompt(Redpwn)))
	f.Add([]byte("sha256(XXXX+abc) == 00ff\n"))
	f.Add([]byte("sha256(unhex('00' + S)) ends with 3 zero bits.\n"))
	f.Add([]byte("hashcash -mb3 abc\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, end, ok := Find(text)
		if ok && (p == nil || end <= 0 || end >= len(text)) {
			t.Fatalf("got %v at %d of %d", p, end, len(text))
		}
		if h, is := p.(Hash); is && h.bits() <= 10 {
			answer, err := h.Solve(t.Context(), nil)
			if err != nil {
				return
			}
			if err := checkHash(h, answer); err != nil {
				t.Fatalf("%+v, answer %q: %v", h, answer, err)
			}
		}
	})
}

// TestManyCalls: a server that writes much of what looks like a puzzle does not take the time of who looks at it, with every byte that comes.
func TestManyCalls(t *testing.T) {
	const puzzle = "sha256(abc + X) starts with 20 zero bits\n"
	for n, want := range map[int]bool{0: true, maxCalls - 1: true, maxCalls: false, 300: false} {
		if p, _, ok := Find([]byte(strings.Repeat("md5(prefix+ab) ", n) + puzzle)); ok != want {
			t.Errorf("behind %d others: got %v, %v, want %v", n, p, ok, want)
		}
	}
}
