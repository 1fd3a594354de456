package tube_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// soon is the time that tests let pass to see that nothing comes.
const soon = 20 * time.Millisecond

// selfSigned is made once: it costs more than the handshakes.
var selfSigned = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
})

func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// noDeadlines hides everything of c but an io.ReadWriteCloser.
func noDeadlines(c io.ReadWriteCloser) io.ReadWriteCloser {
	return struct{ io.ReadWriteCloser }{c}
}

// listenOn listens until the test ends.
func listenOn(t testing.TB, network string, opts ...tube.Option) *tube.Listener {
	t.Helper()
	addr := "127.0.0.1:0"
	switch network {
	case "tcp6", "udp6":
		addr = "[::1]:0"
	case "unix", "unixgram", "unixpacket":
		dir, err := os.MkdirTemp("", "tube") // t.TempDir is too long for a socket's name on some systems
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		addr = filepath.Join(dir, "s")
	case "tls":
		opts = append(opts, tube.WithTLS(serverTLS(t)))
	}
	l, err := tube.Listen(context.Background(), network, addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect returns the two ends of a connection, which the test's end closes.
func connect(t testing.TB, network string, opts ...tube.Option) (client, server *tube.Tube) {
	t.Helper()
	return connectTo(t, listenOn(t, network, opts...), network, opts...)
}

func connectTo(t testing.TB, l *tube.Listener, network string, opts ...tube.Option) (client, server *tube.Tube) {
	t.Helper()
	if network == "tls" {
		opts = append(opts, tube.WithTLS(clientTLS(t)))
	}
	var err error
	dialled := make(chan struct{})
	go func() {
		defer close(dialled)
		client, err = tube.Dial(context.Background(), network, l.Addr().String(), opts...)
		if err == nil && (network == "udp" || network == "udp6" || network == "unixgram") {
			err = client.Send("hello") // a datagram peer exists from its first datagram on
		}
		if err != nil {
			l.Close() // nobody will come
		}
	}()
	server, accepted := l.Accept()
	if network == "tls" && accepted == nil {
		server.Within(0).Peek(1) // starts the handshake, which Dial waits for
	}
	<-dialled
	if err != nil || accepted != nil {
		t.Fatalf("dial: %v, accept: %v", err, accepted)
	}
	t.Cleanup(func() { client.Abort(); server.Abort() })
	return client, server
}

// impatient returns t with a default timeout that is soon over, which
// connecting does not bear.
func impatient(t *tube.Tube) *tube.Tube { return tube.New(t.Conn(), tube.WithTimeout(soon)) }

// pair is connect over TCP, with time limits that only a broken test meets.
func pair(t testing.TB, opts ...tube.Option) (client, server *tube.Tube) {
	t.Helper()
	return connect(t, "tcp", append([]tube.Option{tube.WithTimeout(patience)}, opts...)...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got fails the test unless a call returned what was wanted, without an error.
func got[T comparable](t testing.TB, what string, v T, err error, want T) {
	t.Helper()
	if err != nil || v != want {
		t.Fatalf("%s: got %#v, %v, want %#v", what, v, err, want)
	}
}

// failed fails the test unless err is target.
func failed(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}
