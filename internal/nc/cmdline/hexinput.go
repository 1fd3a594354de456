package cmdline

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// between is what may stand between hex digits.
var between = strings.NewReplacer(" ", "", "\t", "", "0x", "", ":", "", ",", "")

// HexLine turns one line of --hex input into bytes. A line of pairs of hex
// digits is those bytes; any other is text with escapes, and keeps its line feed.
// One of hex digits that leave one over is neither.
func HexLine(line []byte) ([]byte, error) {
	s := strings.TrimRight(string(line), "\r\n")
	if digits := between.Replace(s); digits != "" {
		switch p, err := hex.DecodeString(digits); {
		case err == nil:
			return p, nil
		case errors.Is(err, hex.ErrLength):
			return nil, fmt.Errorf(`--hex: %q is %d hex digits, and a byte has two: begin with \x%02x if it is text`, s, len(digits), s[0])
		}
	}
	p, err := unescape(s)
	if err != nil {
		return nil, fmt.Errorf("--hex: %w", err)
	}
	if bytes.HasSuffix(line, []byte("\n")) {
		p = append(p, '\n')
	}
	return p, nil
}
