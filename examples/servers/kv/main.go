// Kv is a server that passes flagstaff check-server kv: it keeps values under
// keys, over UDP. Its argument is the address to listen on.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
)

const (
	maxDatagram = 1000    // bytes
	maxKeys     = 100_000 // what anybody may store must end somewhere
)

func main() {
	addr := "127.0.0.1:5005"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", c.LocalAddr())
	values := map[string][]byte{"version": []byte("flagstaff example, in Go")}
	// One byte more than any good datagram: what fills it was too long.
	buf := make([]byte, maxDatagram+1)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil || n > maxDatagram {
			continue // Windows reports a longer datagram as an error
		}
		if a := answer(values, buf[:n]); a != nil {
			c.WriteTo(a, from)
		}
	}
}

// answer stores, and returns nil, or returns what was asked for.
func answer(values map[string][]byte, b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	switch rest := b[1:]; b[0] {
	case '?':
		a := fmt.Appendf(nil, "%s=%s", rest, values[string(rest)])
		return a[:min(len(a), maxDatagram)]
	case '+':
		key, value, ok := bytes.Cut(rest, []byte("="))
		_, known := values[string(key)]
		if ok && string(key) != "version" && (known || len(values) < maxKeys) {
			values[string(key)] = bytes.Clone(value) // buf is used again
		}
	}
	return nil
}
