package packet

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func udp(t *testing.T) net.PacketConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { pc.Close() })
	return pc
}

func read(t *testing.T, c net.Conn) string {
	t.Helper()
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestOnePeer belongs to the first peer that is accepted, and hears no other.
func TestOnePeer(t *testing.T) {
	server, stranger, one, two := udp(t), udp(t), udp(t), udp(t)
	c := &Conn{PacketConn: server, Accept: func(a net.Addr) bool { return a.String() != stranger.LocalAddr().String() }}
	for _, from := range []net.PacketConn{stranger, one} {
		from.WriteTo([]byte("hello"), server.LocalAddr())
	}
	if err := c.First(t.Context()); err != nil || c.RemoteAddr().String() != one.LocalAddr().String() {
		t.Fatalf("%v, %v", c.RemoteAddr(), err)
	}
	two.WriteTo([]byte("not me"), server.LocalAddr())
	one.WriteTo([]byte("again"), server.LocalAddr())
	if a, b := read(t, c), read(t, c); a != "hello" || b != "again" {
		t.Errorf("got %q, %q", a, b)
	}
	c.Write([]byte("answer"))
	buf := make([]byte, 100)
	if n, _, err := one.ReadFrom(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
}

// TestManyPeers answers the one that spoke last.
func TestManyPeers(t *testing.T) {
	server, one, two := udp(t), udp(t), udp(t)
	c := &Conn{PacketConn: server, Many: true, Accept: func(net.Addr) bool { return true }}
	one.WriteTo([]byte("1"), server.LocalAddr())
	if err := c.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); got != "1" {
		t.Errorf("got %q", got)
	}
	two.WriteTo([]byte("2"), server.LocalAddr())
	if got := read(t, c); got != "2" || c.RemoteAddr().String() != two.LocalAddr().String() {
		t.Errorf("got %q from %v", got, c.RemoteAddr())
	}
}

// TestFirstEnds with its context.
func TestFirstEnds(t *testing.T) {
	c := &Conn{PacketConn: udp(t), Accept: func(net.Addr) bool { return true }}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.First(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestUnixFiles removes the files of both ends.
func TestUnixFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no Unix datagrams")
	}
	dir := t.TempDir()
	pc, err := ListenUnix(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	pc.SetDeadline(time.Now().Add(10 * time.Second))
	c, err := DialUnix(filepath.Join(dir, "s"), filepath.Join(dir, "own"))
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("x"))
	buf := make([]byte, 10)
	n, from, err := pc.ReadFrom(buf)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	pc.WriteTo([]byte("y"), from)
	if got := read(t, c); got != "y" {
		t.Errorf("got %q", got)
	}
	// A file in the way is nobody's to remove.
	if _, err := DialUnix(filepath.Join(dir, "s"), filepath.Join(dir, "own")); err == nil {
		t.Error("two ends with one file")
	}
	if _, err := os.Stat(filepath.Join(dir, "own")); err != nil {
		t.Error(err)
	}
	c.Close()
	pc.Close()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
