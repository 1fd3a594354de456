package pow

import (
	"regexp"
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

// A puzzle on a hash as servers write it: the call, then what its value must be.
// The arguments are text between quotes or a bare word; one of them is unknown.
const argRE = `\s*(b?"[^"\n]{0,200}"|b?'[^'\n]{0,200}'|[^\s"'()+]{1,200})\s*`

var (
	callRE = lazy(`(?i)\b(?:hashlib\.)?(md5|sha-?1|sha-?224|sha-?256|sha-?384|sha-?512)(?:sum)?\s*\(\s*(?:(unhex|bytes\.fromhex|fromhex|unhexlify)\s*\()?` + argRE + `\+` + argRE + `(?:\+` + argRE + `)?\)?\s*\)`)
	// the value: == HEX, == 000…(N), .startswith("HEX"), starts with HEX, N zero bits
	equalsRE = lazy(`(?i)^(?:\.(?:hex)?digest\(\))?\s*(\[[-:0-9]{2,8}\])?\s*(?:===?|=|is|equals|->)\s*b?["']?([0-9a-f]{1,128})["']?(?:\.{3}|\*+)?(\((\d{1,3})\))?`)
	withRE   = lazy(`(?i)^(?:\.(?:hex)?digest\(\))?[^\n"']{0,60}?\b(start|begin|end)(?:s|ing)?\s*with\s*[("'\x60]*(?:([0-9]{1,3})\s+(?:leading |trailing )?(zero(?:e?s)?(?:[ -]bits?)?|0['s]{0,2}(?: bits?)?)([^\n]{0,16})|([0-9a-f]{1,64})\b)`)
	hasRE    = lazy(`(?i)^[^\n"']{0,40}?\b(?:ha(?:s|ve)|with)\s+(?:at least\s+)?([0-9]{1,3})\s+(leading|trailing)\s+(zero|0)[- ]?bits?`)
	stampRE  = lazy(`\bhashcash\s+-mq?b\s*([0-9]{1,3})\s+(?:-r\s+)?["']?([0-9A-Za-z_.@+-]{1,200})`)
)

// findHash finds a [Hash].
func findHash(text []byte) (p Puzzle, from, to int) {
	for at := 0; at < len(text); {
		m := callRE().FindSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		from, to = at+m[0], at+m[1]
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return string(text[at+m[2*i] : at+m[2*i+1]])
		}
		h := Hash{Algorithm: strings.ReplaceAll(strings.ToLower(group(1)), "-", ""), Hex: group(2) != ""}
		args := []string{group(3), group(4)}
		if group(5) != "" {
			args = append(args, group(5))
		}
		at = to
		if !h.arguments(args) {
			continue
		}
		if n := h.value(string(text[to:])); n > 0 {
			return h, from, to + n
		}
	}
	return nil, 0, 0
}

// arguments sets Prefix, Suffix and Length, and reports whether it understood.
func (h *Hash) arguments(args []string) bool {
	unknown := -1
	for i, arg := range args {
		if n, ok := placeholder(arg); ok {
			if unknown >= 0 {
				return false
			}
			unknown, h.Length = i, n
		}
	}
	if unknown < 0 {
		return false
	}
	for i, arg := range args {
		if i == unknown {
			continue
		}
		if quote := strings.IndexAny(arg, `"'`); quote == 0 || quote == 1 && arg[0] == 'b' {
			arg = arg[quote+1 : len(arg)-1]
		}
		if i < unknown {
			h.Prefix += arg
		} else {
			h.Suffix += arg
		}
	}
	return true
}

// placeholder says whether an argument stands for the answer, and how long that is:
// XXXX, ????, **** are as long as written; S, X, x, answer, nonce are of any length.
func placeholder(arg string) (length int, ok bool) {
	switch strings.ToLower(arg) {
	case "s", "x", "?", "y", "answer", "ans", "nonce", "solution", "input", "your_input", "<answer>", "<nonce>", "...":
		return 0, true
	}
	arg = strings.Trim(arg, `"'`)
	if len(arg) < 2 || len(arg) > 16 || !strings.Contains("Xx?*_", arg[:1]) {
		return 0, false
	}
	return len(arg), strings.Trim(arg, arg[:1]) == ""
}

// value sets what the digest must be from the text after the call, and returns how
// much of it says so, or 0.
func (h *Hash) value(text string) int {
	if m := equalsRE().FindStringSubmatchIndex(text); m != nil {
		h.Digest = strings.ToLower(text[m[4]:m[5]])
		if m[2] >= 0 {
			h.Trailing = strings.HasPrefix(text[m[2]:], "[-")
		}
		if m[8] >= 0 { // 00000…(22): that many bits
			if strings.Trim(h.Digest, "0") != "" {
				return 0
			}
			h.Digest, h.ZeroBits = "", atoi(text[m[8]:m[9]])
		}
		return h.known(m[1])
	}
	if m := hasRE().FindStringSubmatchIndex(text); m != nil {
		h.ZeroBits, h.Trailing = atoi(text[m[2]:m[3]]), strings.EqualFold(text[m[4]:m[5]], "trailing")
		return h.known(m[1])
	}
	m := withRE().FindStringSubmatchIndex(text)
	if m == nil {
		return 0
	}
	h.Trailing = strings.EqualFold(text[m[2]:m[3]], "end")
	if m[10] >= 0 {
		h.Digest = strings.ToLower(text[m[10]:m[11]])
		return h.known(m[11])
	}
	h.ZeroBits = atoi(text[m[4]:m[5]])
	// Zeros that are not called bits are hexadecimal digits.
	if said := strings.ToLower(text[m[6]:m[9]]); !strings.Contains(said, "bit") && !strings.Contains(said, "bin") {
		h.ZeroBits *= 4
	}
	return h.known(m[7])
}

// known returns n if the puzzle can be solved at all, else 0.
func (h *Hash) known(n int) int {
	if b := h.bits(); b < 1 || b > 8*digestSize(h.Algorithm) {
		return 0
	}
	return n
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
