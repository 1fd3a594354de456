// Prime is a server that passes flagstaff check-server prime: it says which
// numbers are primes, in lines of JSON. Its argument is the address to listen
// on.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"
	"time"
	"unicode/utf8"
)

const (
	maxLine   = 4096
	maxNumber = 1_000_000_000_000
)

func main() {
	addr := "127.0.0.1:5002"
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
		go serve(c.(*net.TCPConn))
	}
}

func serve(c *net.TCPConn) {
	defer c.Close()
	lines := bufio.NewReaderSize(c, maxLine+1) // the newline does not count
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			// Closing with bytes unread would send a RST, which may overtake
			// the error: end the sending side, and read for a while.
			fmt.Fprintf(c, "{\"error\":\"a line is at most %d bytes long\"}\n", maxLine)
			c.CloseWrite()
			c.SetReadDeadline(time.Now().Add(time.Second))
			io.CopyN(io.Discard, c, 1<<20)
			return
		}
		if err != nil {
			return // what comes after the last newline is no request
		}
		if _, err := c.Write(append(answer(line), '\n')); err != nil {
			return
		}
	}
}

func answer(line []byte) []byte {
	id, n, err := parse(line)
	var v any = map[string]any{"id": id, "prime": prime(n)}
	if err != nil {
		v = map[string]string{"error": err.Error()}
	}
	b, _ := json.Marshal(v) // numbers, strings and booleans: it cannot fail
	return b
}

func parse(line []byte) (id, n int64, err error) {
	// Pointers tell a field that is missing or null from one that is 0.
	var r struct{ ID, N *int64 }
	if !utf8.Valid(line) {
		return 0, 0, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, 0, err
	}
	if r.ID == nil || r.N == nil {
		return 0, 0, errors.New("a request has the fields id and n")
	}
	if *r.ID < 0 || *r.ID > math.MaxInt32 {
		return 0, 0, fmt.Errorf("id is from 0 to %d", math.MaxInt32)
	}
	if *r.N < 0 || *r.N > maxNumber {
		return 0, 0, fmt.Errorf("n is from 0 to %d", int64(maxNumber))
	}
	return *r.ID, *r.N, nil
}

func prime(n int64) bool {
	if n < 2 {
		return false
	}
	for d := int64(2); d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}
