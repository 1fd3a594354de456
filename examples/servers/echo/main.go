// Echo is a server that passes flagstaff check-server echo: it sends every byte
// back. Its argument is the address to listen on.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	addr := "127.0.0.1:5001"
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
		go echo(c)
	}
}

func echo(c net.Conn) {
	defer c.Close()
	// Copy ends without an error at the client's FIN; everything has been sent
	// by then, so Close sends the FIN after it.
	if _, err := io.Copy(c, c); err != nil {
		log.Print(err)
	}
}
