package cmdline

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// HexLine turns one line of --hex input into bytes. A line of pairs of hex
// digits is those bytes; any other is text with escapes, and keeps its line feed.
func HexLine(line []byte) ([]byte, error) {
	s := strings.TrimRight(string(line), "\r\n")
	compact := strings.NewReplacer(" ", "", "\t", "", "0x", "", ":", "", ",", "").Replace(s)
	if compact != "" && len(compact)%2 == 0 {
		if p, err := hex.DecodeString(compact); err == nil {
			return p, nil
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
