package pow

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// lazy compiles an expression when it is first used: all of them take 2 ms, which
// a program that imports the package should not pay for at its start.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// hashNameRE tells texts that may hold a puzzle on a hash from the many that
// cannot.
var hashNameRE = lazy(`(?i)md5|sha|hashcash`)

// A puzzle on a hash as servers write it: a call, as sha256("abc" + XXXX), and what its value must be, mostly behind it.
var (
	callRE  = lazy(`(?i)\b(?:hashlib\.)?(md5|sha-?1|sha-?224|sha-?256|sha-?384|sha-?512|sha3[-_](?:224|256|384|512))(?:sum)?\s*\(`)
	unhexRE = lazy(`(?i)^(?:binascii\.)?(?:unhex|bytes\.fromhex|fromhex|unhexlify)\s*\(`)
	// another function of the digest: bin(int(sha256(…
	insideRE = lazy(`\w\s*\(\s*$`)
	// what is done to the digest before it is looked at
	digestRE = lazy(`(?i)^(?:\.hexdigest\(\)|\.hex\(\)|(\.digest\(\))|(\.binary))*\s*(\[[-:0-9 ]{2,9}\])?`)
	sliceRE  = lazy(`^\[\s*(-?)([0-9]{0,3})\s*:\s*([0-9]{0,3})\s*\]$`)
	// == b'\x00\x00', .startswith(b'\0' * 3)
	bytesRE = lazy(`(?i)^(?:\s*={2,3}\s*|\.(start|end)swith\s*\(\s*)b?["']((?:\\x[0-9a-f]{2}|\\0)+)["'](?:\s*\*\s*([0-9]{1,2})\b)?`)
	// == HEX, == 000…(N), == "0"*N, : HEX
	equalsRE = lazy(`(?i)^\s*(={1,3}>?|->|:|is|equals|(?:must|should) (?:be|equal))\s*b?(["'\x60]?)([0-9a-f]{1,128})\b["'\x60]?(?:\s*\*\s*([0-9]{1,3})\b|\.{3}|\*+)?(?:\(([0-9]{1,3})\))?`)
	// .startswith("HEX"), starts with HEX, ends in N zero bits
	withRE = lazy(`(?i)^[^\n"']{0,60}?\b(start|begin|end)(?:s|ing)?\s*(?:with|in)\s*[("'\x60]*(?:([0-9]{1,3})\s+(?:leading |trailing )?((?:zero(?:e?s)?|nul{1,2}|["'\x60]?0["'\x60s]{0,3})[^\n]{0,16})|([0-9a-f]{1,64})\b["'\x60]?(?:\s*\*\s*([0-9]{1,3})\b)?)`)
	// has N leading zero bits
	hasRE = lazy(`(?i)^[^\n"']{0,40}?\b(?:ha(?:s|ve)|with|needs?|requires?)\s+(?:at least\s+)?([0-9]{1,3})\s+(leading|trailing)\s+((?:zero|0)[^\n]{0,16})`)
	// the first N bits of … must be 0, the last N digits of … are HEX
	ofRE   = lazy(`(?i)\b(first|leading|last|trailing)\s+([0-9]{1,3})\s+(bits?|bytes?|(?:hex(?:adecimal)?\s+)?(?:digits?|char(?:acter)?s?|nibbles?))\s+of\s+(?:the\s+)?$`)
	zeroRE = lazy(`(?i)^[^\n"']{0,12}?(?:\b(?:be|are|is|equal)\b|={1,3})\s*(?:all\s+)?["'\x60]?(?:zero(?:e?s)?|0+)\b`)
	partRE = lazy(`(?i)^[^\n"']{0,12}?(?:\b(?:be|are|is|equals?)\b|={1,3})\s*["'\x60]?([0-9a-f]{1,64})\b`)
	// substr(…, 0, N)
	substrRE = lazy(`(?i)\bsubstr\s*\(\s*$`)
	cutRE    = lazy(`^\s*,\s*(-?)([0-9]{1,3})(?:\s*,\s*([0-9]{1,3}))?\s*\)`)
	// len(X) = N, |X| = N
	lengthRE = lazy(`(?i)(?:\blen\(\s*[$\w]+\s*\)|\|\s*[$\w]+\s*\|)\s*={1,2}\s*([0-9]{1,2})\b`)
	// What makes a condition another one than it seems: no zeros, but ones; digits that are bits; one that must not hold; a second one.
	countRE  = lazy(`(?i)^\s+(?:['"]|one|1|bit|byte|nul|char|digit|nibble|consecutive|identical|of\b|leading|trailing)`)
	binaryRE = lazy(`(?i)\bbinary\b`)
	notRE    = lazy(`(?i)\bnot\b|n't\b`)
	andRE    = lazy(`(?i)\band\b[^\n]*(?:\b(?:start|begin|end|contain)|md5|sha-?[1-5])`)
	// What is said of the answer, where the call says nothing of it: a string that starts with …
	answerRE = lazy(`(?i)\b(?:string|word|text|message|input|answer|nonce|number|value|[sxy])\s+(?:(?:that|which|must|should)\s+)*(?:start|begin|end|prefix|contain)`)
	// The answer is wanted in another form than it is hashed in.
	asHexRE   = lazy(`(?i)\b(?:string|[sxy]|answer|nonce|solution|input|it)\s*(?:in|as|\()\s*(?:hex|base64)`)
	lettersRE = lazy(`(?i)\b(?:letters|lowercase|uppercase|alphabetic|ascii_(?:letters|lowercase|uppercase))\b`)
	digitsRE  = lazy(`(?i)digit|number|alnum|alphanumeric|printable`)
	codedRE   = lazy(`(?i)\b(?:base64|hex(?:adecimal|lified)?)\b(\s+(?:digit|char|digest|nibble|zero))?`)
	stampRE   = lazy(`\bhashcash\s+-mq?b\s*([0-9]{1,3})\s+(?:-r\s+)?["']?([0-9A-Za-z_.@+-]{1,200})`)
)

// maxCalls is how many calls are looked at: nobody asks so much at once, and a server must not take the time of who looks.
const maxCalls = 16

// findHash finds a [Hash].
func findHash(text []byte) (p Puzzle, from, to int) {
	all := string(text)
	at := 0
	for range maxCalls {
		m := callRE().FindStringSubmatchIndex(all[at:])
		if m == nil {
			break
		}
		from, to = at+m[0], at+m[1]
		name := strings.ToLower(all[at+m[2] : at+m[3]])
		at = to
		n := closing(all[to:])
		if n < 0 {
			continue
		}
		h := Hash{Algorithm: algorithm(name)}
		if !h.arguments(all[to:to+n], all) {
			continue
		}
		to += n + 1
		line := all[max(strings.LastIndexByte(all[:from], '\n')+1, from-200):from]
		if n := h.value(line, all[to:]); n > 0 && !h.says(line, all[to+n:]) {
			return h, from, to + n
		}
	}
	return nil, 0, 0
}

// says reports whether the words around a puzzle ask for something else than it does: a wrong answer is worse than none.
func (h *Hash) says(before, after string) bool {
	after = after[:min(len(after), 200)]
	line, below, _ := strings.Cut(after, "\n")
	if andRE().MatchString(line) || h.Prefix+h.Suffix == "" && (answerRE().MatchString(before) || answerRE().MatchString(after)) {
		return true
	}
	if h.Hex {
		return false
	}
	if all := before + after; h.Length == 0 && lettersRE().MatchString(all) && !digitsRE().MatchString(all) {
		return true // numbers are no letters
	}
	coded := codedRE().FindStringSubmatchIndex(below)
	return asHexRE().MatchString(before) || asHexRE().MatchString(line) || coded != nil && coded[2] < 0
}

// algorithm is the name of [Hash.Algorithm] for sha-256, SHA256, sha3_256.
func algorithm(name string) string {
	if bits, ok := strings.CutPrefix(name, "sha3"); ok {
		return "sha3-" + bits[1:]
	}
	return strings.ReplaceAll(name, "-", "")
}

// closing is where the parenthesis closes that has been opened before s, on the same line; -1 if it does not.
func closing(s string) int {
	depth, quote := 1, byte(0)
	for i := range min(len(s), 600) {
		switch c := s[i]; {
		case c == '\n':
			return -1
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// undress takes off an expression what does not change it: spaces, (…), .encode().
func undress(s string) string {
	for {
		before := s
		s = strings.TrimSpace(s)
		if i := strings.LastIndex(s, ".encode("); i >= 0 && closing(s[i+len(".encode("):]) == len(s)-i-len(".encode(")-1 {
			s = s[:i]
		}
		if len(s) > 1 && s[0] == '(' && closing(s[1:]) == len(s)-2 {
			s = s[1 : len(s)-1]
		}
		if s == before {
			return s
		}
	}
}

// terms splits a + b || c, outside of quotes.
func terms(s string) []string {
	var all []string
	quote, begin := byte(0), 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '+':
			all = append(all, s[begin:i])
			begin = i + 1
		case c == '|' && i+1 < len(s) && s[i+1] == '|':
			all = append(all, s[begin:i])
			i++
			begin = i + 1
		}
	}
	return append(all, s[begin:])
}

// arguments sets Prefix, Suffix, Length and Hex from what is hashed, and reports whether it understood. One of the terms is unknown;
// others are texts, or names of what stands elsewhere in the text: prefix: abc.
func (h *Hash) arguments(inner, text string) bool {
	inner = undress(inner)
	if m := unhexRE().FindStringIndex(inner); m != nil && closing(inner[m[1]:]) == len(inner)-m[1]-1 {
		h.Hex, inner = true, undress(inner[m[1]:len(inner)-1])
	}
	parts := terms(inner)
	if len(parts) > 4 {
		return false
	}
	unknown := -1
	for i, part := range parts {
		part = undress(part)
		value, quoted := unquote(part)
		if quoted && (strings.Contains(value, `\`) || part[0] == 'f' && strings.Contains(value, "{")) {
			return false // it is not what is written
		}
		if named, ok := definition(part, text); ok && !quoted {
			value, quoted = named, true
		}
		n, free := placeholder(part)
		if free && (quoted && value != part && n == 0) {
			free = false // a name that is defined
		}
		switch {
		case free && unknown >= 0:
			return false
		case free:
			unknown, h.Length = i, n
			continue
		case !quoted && (value == "" || strings.ContainsAny(value, " \t()\"'")):
			return false
		case !quoted && slices.Contains(names, strings.ToLower(value)):
			return false // what it is has not come yet
		}
		if unknown < 0 {
			h.Prefix += value
		} else {
			h.Suffix += value
		}
	}
	return unknown >= 0 || h.glued(len(parts))
}

// names are words for what the server gives. Without a line that says what they are, they are no text themselves.
var names = []string{"prefix", "suffix", "salt", "chal", "challenge", "seed", "given", "known", "random", "token", "data", "msg", "message"}

// unquote returns the text of a string, or a bare word as it is.
func unquote(s string) (value string, quoted bool) {
	if len(s) > 2 && (s[0] == 'b' || s[0] == 'f') && (s[1] == '"' || s[1] == '\'') {
		s = s[1:]
	}
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] && strings.Count(s, s[:1]) == 2 {
		return s[1 : len(s)-1], true
	}
	return s, false
}

// definition is the value of a name that has a line of its own: "prefix: abc", "[+] salt = abc". A server may name many, in text that
// is looked at again with every byte of it: no expression is compiled here.
func definition(name, text string) (string, bool) {
	if strings.Trim(name, word) != "" || name == "" {
		return "", false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return "", false
		}
		i += at
		at = i + len(name)
		line, _, whole := strings.Cut(text[at:], "\n")
		if value := strings.TrimLeft(line, " \t"); whole && value != "" && (value[0] == ':' || value[0] == '=') {
			value = strings.Trim(value[1:], " \t\r\"'`")
			begin := text[strings.LastIndexByte(text[:i], '\n')+1 : i]
			if len(value) >= 2 && len(value) <= 200 && strings.Trim(value, word+"+/=-") == "" && !strings.ContainsAny(begin, word) {
				return value, true
			}
		}
	}
}

// word is what names are made of.
const word = lettersEtc + "_"

// placeholder says whether an argument stands for the answer, and how long that is:
// XXXX, ????, **** are as long as written; S, X, x, answer, nonce are of any length.
func placeholder(arg string) (length int, ok bool) {
	switch strings.Trim(strings.ToLower(arg), "$<>{}") {
	case "s", "x", "?", "y", "answer", "ans", "nonce", "solution", "input", "your_input", "your input", "user_input", "str", "string", "your_string", "guess", "...":
		return 0, true
	}
	arg = strings.Trim(arg, `"'`)
	if len(arg) < 2 || len(arg) > 16 || !strings.Contains("Xx?*_", arg[:1]) {
		return 0, false
	}
	return len(arg), strings.Trim(arg, arg[:1]) == ""
}

// glued finds the unknown characters in a text that holds them: "????abc", abcXXXX.
func (h *Hash) glued(parts int) bool {
	all := h.Prefix
	if parts != 1 || all == "" {
		return false
	}
	for _, end := range []string{all[:1], all[len(all)-1:]} {
		least := map[string]int{"?": 2, "*": 2, "X": 4}[end]
		head, tail := len(all)-len(strings.TrimLeft(all, end)), len(all)-len(strings.TrimRight(all, end))
		switch {
		case least == 0 || head == len(all):
		case head >= least && head <= 16:
			h.Length, h.Prefix, h.Suffix = head, "", all[head:]
			return true
		case tail >= least && tail <= 16:
			h.Length, h.Prefix, h.Suffix = tail, all[:len(all)-tail], ""
			return true
		}
	}
	return false
}

// value sets what the digest must be from the line before the call and the text after it, and returns how much of that says so, or 0.
func (h *Hash) value(before, after string) int {
	m := digestRE().FindStringSubmatchIndex(after)
	raw, binary, to := m[2] >= 0, m[4] >= 0, m[1]
	size := 2 * digestSize(h.Algorithm) // of what is looked at
	switch {
	case raw:
		size /= 2
	case binary:
		size *= 4
	}
	part := 0 // how much of it is looked at, if that is said
	if m[6] >= 0 {
		if part = h.slice(after[m[6]:m[7]], size); part == 0 {
			return 0
		}
	}
	switch {
	case substrRE().MatchString(before):
		cut := cutRE().FindStringSubmatch(after[to:])
		if cut == nil {
			return 0
		}
		end := ""
		if cut[3] != "" && cut[1] == "" {
			end = strconv.Itoa(atoi(cut[2]) + atoi(cut[3]))
		}
		if part = h.slice("["+cut[1]+cut[2]+":"+end+"]", size); part == 0 {
			return 0
		}
		to += len(cut[0])
	case insideRE().MatchString(before):
		return 0
	}
	n := h.condition(before, after[to:], raw, binary)
	if n == 0 || notRE().MatchString(after[to:to+n]) || part > 0 && h.Digest != "" && !h.fits(part, raw) {
		return 0
	}
	to += n
	if m := lengthRE().FindStringSubmatch(after[to:min(len(after), to+200)]); m != nil && h.Length == 0 {
		h.Length = atoi(m[1])
	}
	b := h.bits()
	if b < 1 || b > 8*digestSize(h.Algorithm) || h.Length == 0 && b > 44 || h.Length > 16 {
		return 0 // it cannot be solved, or how long the answer is has not come yet
	}
	if zeros := h.Digest == "" || strings.Trim(h.Digest, "0") == ""; zeros && b <= 44 && math.Pow(62, float64(h.Length)) < math.Exp2(float64(b+2)) {
		h.Length = 0 // so few characters hardly have such a digest: ??? stands for any number
	}
	return to
}

// slice sets Trailing from what is cut out of a digest of that size, as Python writes it, and returns how long that is; 0 if it is neither
// the beginning nor the end.
func (h *Hash) slice(s string, size int) int {
	m := sliceRE().FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	from, to := atoi(m[2]), size
	if m[3] != "" {
		to = atoi(m[3])
	}
	if m[1] == "-" {
		from = size - from
	}
	h.Trailing = from > 0
	if from > 0 && to != size || from >= to || from < 0 || to > size {
		return 0
	}
	return to - from
}

// fits reports whether so many digits, or bytes, are as many as Digest has.
func (h *Hash) fits(part int, raw bool) bool {
	if raw {
		part *= 2
	}
	return part == len(h.Digest)
}

// condition sets Digest, or ZeroBits, and Trailing, and returns how much of the text after the digest says so, or 0.
func (h *Hash) condition(before, after string, raw, binary bool) int {
	if m := bytesRE().FindStringSubmatch(after); m != nil {
		h.Trailing = h.Trailing || strings.EqualFold(m[1], "end")
		digits := strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(m[2]), `\x`, ""), `\0`, "00")
		return h.digest(digits, m[3], binary, len(m[0]))
	}
	if of := ofRE().FindStringSubmatch(before); of != nil {
		h.Trailing = strings.EqualFold(of[1], "last") || strings.EqualFold(of[1], "trailing")
		if m := zeroRE().FindStringIndex(after); m != nil {
			h.zeros(atoi(of[2]), of[3])
			return m[1]
		}
		m := partRE().FindStringSubmatch(after)
		if m == nil || len(m[1]) != atoi(of[2]) || strings.HasPrefix(strings.ToLower(of[3]), "b") {
			return 0
		}
		return h.digest(strings.ToLower(m[1]), "", binary, len(m[0]))
	}
	group := func(m []int, i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return strings.ToLower(after[m[2*i]:m[2*i+1]])
	}
	if m := equalsRE().FindStringSubmatchIndex(after); m != nil {
		digest := group(m, 3)
		if next := after[m[7]:]; group(m, 2) == "" && next != "" && strings.ContainsAny(next[:1], "\"'") {
			return 0 // b'…': the letter is no digit
		}
		// "is a hash" says nothing, nor does "= 5 of them".
		if len(digest) < 4 && group(m, 2) == "" && !strings.HasPrefix(group(m, 1), "==") {
			return 0
		}
		if bits := group(m, 5); bits != "" { // 00000…(22): that many bits
			if strings.Trim(digest, "0") != "" {
				return 0
			}
			h.ZeroBits = atoi(bits)
			return m[1]
		}
		return h.digest(digest, group(m, 4), binary, m[1])
	}
	if m := hasRE().FindStringSubmatchIndex(after); m != nil {
		h.Trailing = group(m, 2) == "trailing"
		h.zeros(atoi(group(m, 1)), group(m, 3))
		return m[7]
	}
	m := withRE().FindStringSubmatchIndex(after)
	if m == nil {
		return 0
	}
	h.Trailing = group(m, 1) == "end"
	if digest := group(m, 4); digest != "" {
		rest, _, _ := strings.Cut(after[m[1]:], "\n")
		switch bits := binaryRE().MatchString(after[:m[1]] + rest[:min(len(rest), 16)]); {
		case raw, countRE().MatchString(rest) && len(digest) <= 3:
			return 0
		case bits && strings.Trim(digest, "0") != "":
			return 0
		default:
			return h.digest(digest, group(m, 5), binary || bits, m[1])
		}
	}
	h.zeros(atoi(group(m, 2)), group(m, 3))
	end := min(m[6]+len("zero"), m[7]) // the words behind may belong to something else
	return end + strings.IndexFunc(after[end:]+" ", func(r rune) bool { return !strings.ContainsRune(lettersEtc, r) })
}

// digest sets what is known of the digest: some digits, once or so many times, which are bits if it is binary. It returns n, or 0 if
// that says nothing.
func (h *Hash) digest(digits, times string, binary bool, n int) int {
	if times != "" {
		if t := atoi(times); t < 1 || t*len(digits) > 512 {
			return 0
		}
		digits = strings.Repeat(digits, atoi(times))
	}
	if !binary {
		h.Digest = digits
		return n
	}
	if strings.Trim(digits, "0") != "" {
		return 0
	}
	h.ZeroBits = len(digits)
	return n
}

// zeros sets so many zero bits. Zeros that are called neither bits nor bytes are hexadecimal digits, unless so many are out of reach.
func (h *Hash) zeros(n int, called string) {
	called = strings.ToLower(called)
	if strings.Contains(called, "byte") || strings.HasPrefix(called, "nul") {
		n *= 8
	} else if !strings.Contains(called, "bit") && !strings.Contains(called, "bin") && n <= 11 {
		n *= 4
	}
	h.ZeroBits = n
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s) // of at most three digits
	return n
}

// findStamp finds a [Stamp].
func findStamp(text []byte) (p Puzzle, from, to int) {
	m := stampRE().FindSubmatchIndex(text)
	if m == nil {
		return nil, 0, 0
	}
	s := Stamp{Bits: atoi(string(text[m[2]:m[3]])), Resource: string(text[m[4]:m[5]])}
	if s.Bits < 1 || s.Bits > 160 {
		return nil, 0, 0
	}
	return s, m[0], m[1]
}
