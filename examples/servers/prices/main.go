// Prices is a server that passes flagstaff check-server prices: it keeps prices
// by the minute and sums them, in messages of 12 bytes. Its argument is the
// address to listen on.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	addr := "127.0.0.1:5003"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(c)
	}
}

func serve(c net.Conn) {
	defer c.Close()
	prices := map[int32]int32{} // by minute; of this connection alone
	for {
		var m [12]byte
		// ReadFull returns no part of a message: not before it is whole, and
		// not at the end of the stream.
		if _, err := io.ReadFull(c, m[:]); err != nil {
			return
		}
		a := int32(binary.BigEndian.Uint32(m[4:]))
		b := int32(binary.BigEndian.Uint32(m[8:]))
		switch m[0] {
		case 'P':
			prices[a] = b
		case 'S':
			if _, err := c.Write(sum(prices, a, b)); err != nil {
				return
			}
		default:
			return
		}
	}
}

func sum(prices map[int32]int32, from, to int32) []byte {
	var count uint32
	var total int64
	for minute, price := range prices {
		if from <= minute && minute <= to {
			count++
			total += int64(price)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, count)
	return binary.BigEndian.AppendUint64(b, uint64(total))
}
