package proxy

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// HeaderV1 and HeaderV2 make PROXY protocol headers (HAProxy's specification, sections 2.1 and 2.2).
func HeaderV1(src, dst netip.AddrPort) []byte {
	if !src.IsValid() || !dst.IsValid() || src.Addr().Is4() != dst.Addr().Is4() {
		return []byte("PROXY UNKNOWN\r\n")
	}
	family := "TCP6"
	if src.Addr().Is4() {
		family = "TCP4"
	}
	return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, src.Addr().WithZone(""), dst.Addr().WithZone(""), src.Port(), dst.Port())
}

const v2Signature = "\r\n\r\n\x00\r\nQUIT\n"

// HeaderV2 makes the binary header.
func HeaderV2(src, dst netip.AddrPort) []byte {
	b := []byte(v2Signature)
	if !src.IsValid() || !dst.IsValid() || src.Addr().Is4() != dst.Addr().Is4() {
		return append(b, 0x20, 0, 0, 0) // LOCAL: no addresses
	}
	s, d := src.Addr().AsSlice(), dst.Addr().AsSlice()
	family := byte(0x21)
	if len(s) == 4 {
		family = 0x11
	}
	b = append(b, 0x21, family)
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(s)+4))
	b = append(append(b, s...), d...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	return binary.BigEndian.AppendUint16(b, dst.Port())
}
