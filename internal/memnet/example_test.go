package memnet_test

import (
	"fmt"
	"io"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

func Example() {
	var n memnet.Network
	l, _ := n.Listen("server:1337")
	defer l.Close()

	client, _ := n.DialFrom("203.0.113.7:4000", "server:1337")
	server, _ := l.Accept()
	fmt.Fprintf(server, "hello %s\n", server.RemoteAddr())
	server.Close()

	got, _ := io.ReadAll(client)
	fmt.Print(string(got))
	client.Close()
	// Output: hello 203.0.113.7:4000
}
