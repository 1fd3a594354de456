package secure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// counted counts the writes to a connection; the first after the handshake may be made to fail.
type counted struct {
	net.Conn
	writes int
	err    error
	begun  chan struct{} // told of each write, if set
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes++
	if c.err != nil {
		return 0, c.err
	}
	if c.begun != nil {
		c.begun <- struct{}{}
	}
	return c.Conn.Write(p)
}

// pair is a client and a server, after their handshake, and what lies below the client.
func pair(t *testing.T) (client, server *bulkConn, below *counted) {
	t.Helper()
	cert, err := selfSigned("localhost")
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	below = &counted{Conn: a}
	ga, gb := newGather(below), newGather(b)
	client = &bulkConn{Conn: tls.Client(ga, &tls.Config{InsecureSkipVerify: true}), below: ga}
	server = &bulkConn{Conn: tls.Server(gb, &tls.Config{Certificates: []tls.Certificate{cert}}), below: gb}
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return client, server, below
}

// TestLongWrites: all arrives, in few calls, and nothing stays behind when Write has returned.
func TestLongWrites(t *testing.T) {
	client, server, below := pair(t)
	before := below.writes
	for _, size := range []int{1, 16 << 10, 100_000, 1 << 20, 3} {
		want := bytes.Repeat([]byte{byte(size)}, size)
		done := make(chan error, 1)
		go func() {
			_, err := client.Write(want)
			done <- err
		}()
		got := make([]byte, size)
		if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err := <-done; err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	if n := below.writes - before; n > 15 {
		t.Errorf("%d writes, want one for each 128 KiB", n)
	}
}

// TestWriteFails: what could not be handed on is an error of that very write.
func TestWriteFails(t *testing.T) {
	client, _, below := pair(t)
	below.err = errors.New("broken")
	if _, err := client.Write([]byte("x")); !errors.Is(err, below.err) {
		t.Errorf("got %v, want %v", err, below.err)
	}
}

// TestCloseBreaksWrite: Close does not wait for a peer that takes nothing.
func TestCloseBreaksWrite(t *testing.T) {
	client, _, below := pair(t)
	below.begun = make(chan struct{})
	written := make(chan error)
	go func() {
		_, err := client.Write([]byte("x"))
		written <- err
	}()
	<-below.begun // the flush after the TLS connection's Write
	begin := time.Now()
	client.Close()
	if err := <-written; err == nil || time.Since(begin) > 4*time.Second {
		t.Errorf("Write returned %v after %v", err, time.Since(begin))
	}
}
