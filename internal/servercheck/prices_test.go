package servercheck

import (
	"encoding/binary"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

type storedPrice struct{ minute, price int64 }

// servePrices is a prices server with a mistake.
func servePrices(h *host, m string) {
	var shared []storedPrice
	h.each(m != "one client at a time", func(c *memnet.Conn) {
		defer c.Close()
		var own []storedPrice
		prices := &own
		if m == "one book for all" {
			prices = &shared
		}
		var order binary.ByteOrder = binary.BigEndian
		if m == "little-endian" || m == "little-endian in" {
			order = binary.LittleEndian
		}
		var held []byte
		for buf := make([]byte, 4096); ; {
			n, err := c.Read(buf)
			if err != nil {
				if m == "answers half a message" && len(held) > 0 {
					c.Write(sumAnswer(0, 0))
				}
				return
			}
			held = append(held, buf[:n]...)
			if m == "a recv is a message" {
				held = append(held, make([]byte, max(0, priceLen-n))...)
			}
			for len(held) >= priceLen {
				b := held[:priceLen]
				held = held[priceLen:]
				if m == "a recv is a message" || m == "drops what is glued" {
					held = nil
				}
				x, y := int64(int32(order.Uint32(b[4:]))), int64(int32(order.Uint32(b[8:])))
				if m == "unsigned" {
					x, y = int64(uint32(x)), int64(uint32(y))
				}
				switch {
				case b[0] == 'P':
					*prices = put(*prices, storedPrice{x, y}, m)
					if m == "answers a price" {
						c.Write(sumAnswer(1, y))
					}
				case b[0] == 'S':
					c.Write(priceSum(*prices, x, y, m))
				case m == "an unknown kind ends the server":
					go h.crash()
					return
				case m == "passes over unknown kinds":
				default:
					return
				}
			}
		}
	})
}

func put(all []storedPrice, p storedPrice, m string) []storedPrice {
	for i, o := range all {
		if o.minute != p.minute || m == "keeps both" {
			continue
		}
		if m != "keeps the first" {
			all[i] = p
		}
		return all
	}
	return append(all, p)
}

func priceSum(all []storedPrice, from, to int64, m string) []byte {
	if m == "the ends the wrong way" && from > to {
		from, to = to, from
	}
	var count uint32
	var sum int64
	seen := map[int64]bool{}
	for _, p := range all {
		if m == "a set of prices" && seen[p.price] {
			continue
		}
		seen[p.price] = true
		if p.minute < from || p.minute > to ||
			p.minute == from && (m == "without the first" || m == "without both") ||
			p.minute == to && (m == "without the last" || m == "without both") {
			continue
		}
		count++
		sum += p.price
	}
	if m == "32 bits" {
		sum = int64(int32(sum))
	}
	a := sumAnswer(count, sum)
	switch m {
	case "little-endian", "little-endian out":
		return append(reversed(a[:4]), reversed(a[4:])...)
	case "a sum of 4 bytes":
		return append(a[:4], a[8:]...)
	}
	return a
}

func TestPrices(t *testing.T) {
	mustTellApart(t, "prices", []mistake{
		{"", "", ""},
		{"a sum of 4 bytes", "empty", "an answer is 12 bytes"},
		{"answers a price", "sum", "a price is not answered"},
		{"little-endian", "sum", "little-endian"},
		{"little-endian in", "sum", "little-endian"},
		{"little-endian out", "sum", "little-endian"},
		{"a set of prices", "sum", "counted once"},
		{"unsigned", "signed", "they are signed"},
		{"without the first", "range", "the first minute of a range belongs to it"},
		{"without the last", "range", "the last minute of a range belongs to it"},
		{"without both", "range", "at both ends"},
		{"the ends the wrong way", "range", "right is 0"},
		{"keeps both", "replace", "counted twice"},
		{"keeps the first", "replace", "first price of a minute was kept"},
		{"32 bits", "wide", "it went through 32 bits"},
		{"a recv is a message", "pieces", "what one recv returns is not a message"},
		{"drops what is glued", "pieces", "what one recv returns is not a message"},
		{"answers half a message", "partial", "what is cut off is not a message"},
		{"one book for all", "own", "kept for each connection"},
		{"passes over unknown kinds", "unknown", "did not end the connection"},
		{"an unknown kind ends the server", "unknown", "the server is gone"},
		{"one client at a time", "crowd", "one client at a time"},
	}, func(t *testing.T, m string, test func(t *testing.T, o Options)) {
		against(t, func(h *host) { servePrices(h, m) }, test)
	})
}
