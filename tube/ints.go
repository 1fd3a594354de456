package tube

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// Integer is any integer type of a fixed or the machine's size.
type Integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// Unsigned is any unsigned integer type.
type Unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// sizeOf returns the size of T in bytes: 1, 2, 4 or 8.
func sizeOf[T Integer]() int {
	var v T
	return int(unsafe.Sizeof(v))
}

// Pack returns v as bytes in the given order, as many as its type has:
// Pack(uint32(0xdeadbeef), binary.LittleEndian) is ef be ad de.
func Pack[T Integer](v T, order binary.ByteOrder) []byte {
	n := sizeOf[T]()
	b := make([]byte, 8)
	if order.Uint16([]byte{1, 0}) == 1 { // little-endian
		order.PutUint64(b, uint64(v))
		return b[:n]
	}
	order.PutUint64(b, uint64(v))
	return b[8-n:]
}

// Unpack returns the integer that b holds in the given order. b must be
// exactly as long as the type.
func Unpack[T Integer](b []byte, order binary.ByteOrder) (T, error) {
	n := sizeOf[T]()
	if len(b) != n {
		return 0, fmt.Errorf("unpack %T: %d bytes given, it takes %d", T(0), len(b), n)
	}
	switch n {
	case 1:
		return T(b[0]), nil
	case 2:
		return T(order.Uint16(b)), nil
	case 4:
		return T(order.Uint32(b)), nil
	}
	return T(order.Uint64(b)), nil
}

// RecvInt receives one integer: as many bytes as its type has, in the given
// order. Errors are those of RecvN.
func RecvInt[T Integer](t *Tube, order binary.ByteOrder) (T, error) {
	b, err := t.RecvNBytes(sizeOf[T]())
	if err != nil {
		return 0, err
	}
	return Unpack[T](b, order)
}

// SendInt sends one integer: as many bytes as its type has, in the given order.
func SendInt[T Integer](t *Tube, v T, order binary.ByteOrder) error {
	return t.SendBytes(Pack(v, order))
}

// RecvFrame receives a frame: its length as an integer of type L, then as
// many bytes. A length above limit fails with ErrTooLong. After any error the
// frame, with its length, stays readable from its start. Like the other
// receiving calls it may be used by several goroutines.
func RecvFrame[L Unsigned](t *Tube, order binary.ByteOrder, limit int) ([]byte, error) {
	c := call{view: t}
	defer c.end()
	if err := t.receive(&c); err != nil {
		return nil, t.unheld("recv frame", "", err)
	}
	defer t.in.leave()
	head := sizeOf[L]()
	if err := t.need(&c, head); err != nil {
		return nil, t.failed("recv frame", fmt.Sprintf("with a length of %d bytes", head), err)
	}
	n, err := Unpack[L](t.buf.Bytes(0, head), order)
	if err != nil {
		return nil, t.failed("recv frame", "", err)
	}
	if uint64(n) > uint64(min(max(limit, 0), math.MaxInt-head)) {
		return nil, t.failed("recv frame", fmt.Sprintf("of at most %d bytes, announced with %d", limit, n), ErrTooLong)
	}
	if err := t.need(&c, head+int(n)); err != nil {
		return nil, t.failed("recv frame", fmt.Sprintf("of %d bytes", n), err)
	}
	t.drop(head)
	return take[[]byte](t, int(n)), nil
}

// SendFrame sends a frame: the length of b as an integer of type L, then b.
func SendFrame[L Unsigned](t *Tube, order binary.ByteOrder, b []byte) error {
	if n := L(len(b)); uint64(n) != uint64(len(b)) {
		return &Error{Op: "send frame", Err: fmt.Errorf("%d bytes do not fit a length of %d bytes", len(b), sizeOf[L]())}
	}
	return t.SendBytes(append(Pack(L(len(b)), order), b...))
}

// Hex returns b in hexadecimal, lower case.
func Hex[S ~string | ~[]byte](b S) string { return hex.EncodeToString([]byte(b)) }

// Unhex returns the bytes that s writes in hexadecimal; white space between
// bytes, and a leading 0x, are allowed.
func Unhex(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(strings.Join(strings.Fields(s), ""), "0x"))
	if err != nil {
		return nil, fmt.Errorf("unhex %.40q: %w", s, err)
	}
	return b, nil
}

// Base64 returns b in base64 (RFC 4648, section 4).
func Base64[S ~string | ~[]byte](b S) string { return base64.StdEncoding.EncodeToString([]byte(b)) }

var unbase64 = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "")

// Unbase64 returns the bytes that s writes in base64, standard or URL-safe,
// with or without padding.
func Unbase64(s string) ([]byte, error) {
	plain := strings.TrimRight(unbase64.Replace(s), "=")
	b, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil, fmt.Errorf("unbase64 %.40q: %w", s, err)
	}
	return b, nil
}
