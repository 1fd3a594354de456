package pow

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// Encoding is a way of writing numbers. Both ways are always read.
type Encoding int

const (
	// KCTF pads a number with zero bytes to a multiple of 3, and writes at least
	// 3: its base64 never ends in "=". Other programs read it, too.
	KCTF Encoding = iota
	// Redpwn writes a difficulty in 4 bytes and other numbers in as few as they
	// need; its base64 may end in "=".
	Redpwn
)

// maxDigits is the longest base64 of a number below 2^1279: 160 bytes, padded with
// zeros to a multiple of 3, make 216 digits.
const maxDigits = 216

// encode writes a big-endian number without leading zeros.
func (e Encoding) encode(number []byte) string {
	if e == KCTF {
		size := 3 // also of 0
		if n := len(number); n > 0 {
			// A number whose bits fill a multiple of 24 gets 3 zero bytes more.
			size += (8*(n-1) + bits.Len8(number[0])) / 24 * 3
		}
		number = append(make([]byte, size-len(number)), number...)
	}
	return base64.StdEncoding.EncodeToString(number)
}

func (e Encoding) encodeDifficulty(d uint32) string {
	b := binary.BigEndian.AppendUint32(nil, d)
	if e == KCTF {
		b = trimZeros(b)
	}
	return e.encode(b)
}

// decode reads a number written in either way, without leading zeros.
func decode(digits string) ([]byte, error) {
	if digits == "" {
		return nil, errors.New("a number is missing")
	}
	if len(digits) > maxDigits {
		return nil, fmt.Errorf("a number has %d digits, and %d are the most", len(digits), maxDigits)
	}
	// The decoder skips line ends; here they are errors.
	if i := strings.IndexAny(digits, "\r\n"); i >= 0 {
		return nil, base64.CorruptInputError(i)
	}
	enc := base64.RawStdEncoding
	if strings.HasSuffix(digits, "=") {
		enc = base64.StdEncoding
	}
	b, err := enc.DecodeString(digits)
	if err != nil {
		return nil, err
	}
	return trimZeros(b), nil
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
