package host

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// TestTLSConnCloseWrite ends TLS and what is below, and both sides may still be read from.
func TestTLSConnCloseWrite(t *testing.T) {
	web := httptest.NewTLSServer(nil) // has a certificate
	web.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	player, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	below := tube.New(accepted)
	server := &tlsConn{tls.Server(below, web.TLS), below}
	defer server.Close()
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	client := tls.Client(player, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := server.CloseWrite(); err != nil {
		t.Errorf("close write: %v", err)
	}
	if b, err := io.ReadAll(client); len(b) > 0 || err != nil {
		t.Errorf("over TLS: got %q, %v", b, err)
	}
	if n, err := player.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("below: got %d bytes, %v, want the end", n, err)
	}
}
