package packet

import (
	"io"
	"net"
	"testing"
	"time"
)

func listen(t *testing.T, most int) *Listener {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(pc, most)
	t.Cleanup(func() { l.Close() })
	return l
}

// say sends a packet from a socket of its own, which it returns.
func say(t *testing.T, l *Listener, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, 100)
	if n, err := c.Read(b); err != nil || string(b[:n]) != want {
		t.Fatalf("got %q, %v, want %q", b[:n], err, want)
	}
}

// TestListener tells peers apart, answers each, and begins anew with one whose connection has ended.
func TestListener(t *testing.T) {
	l := listen(t, 0)
	a := say(t, l, "a")
	ca, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b := say(t, l, "b")
	cb, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, ca, "a")
	hear(t, cb, "b")
	io.WriteString(ca, "to a")
	io.WriteString(cb, "to b")
	hear(t, a, "to a")
	hear(t, b, "to b")
	ca.Close()
	if _, err := ca.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after Close: %v, want EOF", err)
	}
	if _, err := ca.Write([]byte("x")); err != net.ErrClosed {
		t.Errorf("after Close: %v, want %v", err, net.ErrClosed)
	}
	io.WriteString(a, "again")
	if ca, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	hear(t, ca, "again")
	l.Close()
	if _, err := cb.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the listener's end: %v, want EOF", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("Accept after Close gave no error")
	}
}

// TestListenerFull: who comes when all places are taken waits for one that has long been silent, and nobody else loses his.
func TestListenerFull(t *testing.T) {
	l := listen(t, 1)
	a := say(t, l, "a")
	ca, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, ca, "a")
	b := say(t, l, "lost")
	io.WriteString(a, "still here") // came after it
	hear(t, ca, "still here")
	l.mu.Lock()
	l.peers[a.LocalAddr().String()].last = time.Now().Add(-peerSilence)
	l.mu.Unlock()
	io.WriteString(b, "b")
	cb, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, cb, "b")
	if _, err := ca.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the silent one: %v, want EOF", err)
	}
}
