package cmdline

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// between is what may stand between the bytes of a line of hex digits.
var between = strings.NewReplacer("\t", " ", "0x", " ", "0X", " ", ":", " ", ",", " ")

// HexLine turns one line of --hex input into bytes. A line of pairs of hex
// digits is those bytes; any other is text with escapes, and keeps its line feed.
// One of hex digits that leave one over is neither, nor do the two of a byte stand apart: 1 2 may be two bytes, or text.
func HexLine(line []byte) ([]byte, error) {
	s := strings.TrimRight(string(line), "\r\n")
	if groups := strings.Fields(between.Replace(s)); len(groups) > 0 {
		switch p, err := hexBytes(groups); {
		case err == nil:
			return p, nil
		case errors.Is(err, hex.ErrLength):
			return nil, fmt.Errorf(`--hex: %q has a hex digit that stands alone, and a byte has two: begin with \x%02x if it is text`, s, s[0])
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

// hexBytes reads groups of pairs of hex digits. Its error is hex.ErrLength only if nothing but digits is there.
func hexBytes(groups []string) (p []byte, odd error) {
	for _, g := range groups {
		b, err := hex.DecodeString(g)
		switch {
		case errors.Is(err, hex.ErrLength):
			odd = err
		case err != nil:
			return nil, err
		}
		p = append(p, b...)
	}
	return p, odd
}
