package cmdline

import (
	"fmt"
	"strconv"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// unescape reads \n, \r, \t, \0, \a, \b, \e, \f, \v, \\, \", \' and \xHH; everything else stands for itself.
func unescape(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		if i == len(s) {
			return nil, fmt.Errorf(`a \ stands at the end: write \\ for one`)
		}
		switch s[i] {
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case '0':
			out = append(out, 0)
		case 'a':
			out = append(out, 7)
		case 'b':
			out = append(out, 8)
		case 'e':
			out = append(out, 27)
		case 'f':
			out = append(out, 12)
		case 'v':
			out = append(out, 11)
		case '\\', '"', '\'':
			out = append(out, s[i])
		case 'x':
			if i+2 >= len(s) {
				return nil, fmt.Errorf(`\x needs two hex digits`)
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return nil, fmt.Errorf(`\x needs two hex digits, not %q`, s[i+1:i+3])
			}
			out = append(out, byte(n))
			i += 2
		default:
			return nil, fmt.Errorf(`\%c means nothing: write \\ for a backslash`, s[i])
		}
	}
	return out, nil
}

// SplitWords splits a command at blanks; quotes and backslashes work as in a shell.
func SplitWords(s string) ([]string, error) {
	var words []string
	var word []byte
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch {
		case quote == '\'' && b != '\'':
			word = append(word, b)
		case b == '\\' && i+1 < len(s) && (quote == 0 || s[i+1] == '"' || s[i+1] == '\\'):
			i++
			word, in = append(word, s[i]), true
		case quote != 0 && b == quote:
			quote = 0
		case quote == 0 && (b == '\'' || b == '"'):
			quote, in = b, true
		case quote == 0 && (b == ' ' || b == '\t'):
			if in {
				words = append(words, string(word))
			}
			word, in = nil, false
		default:
			word, in = append(word, b), true
		}
	}
	if quote != 0 {
		return nil, report.Usage("close the quote, or use -c for a shell command", "a quote is open in %q", s)
	}
	if in {
		words = append(words, string(word))
	}
	if len(words) == 0 {
		return nil, report.Usage("-e /bin/cat", "the command is empty")
	}
	return words, nil
}
