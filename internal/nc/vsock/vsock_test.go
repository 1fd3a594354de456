package vsock

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestStream goes over the loopback of the family, where the kernel has one.
func TestStream(t *testing.T) {
	at := Addr{Any, 1<<20 + uint32(os.Getpid())}
	if at.Network() != "vsock" || (Addr{Host, 7}).String() != "2:7" {
		t.Errorf("%s %s", at.Network(), at)
	}
	_, err := Dial(Addr{Local, at.Port}, 500*time.Millisecond)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		if err == nil {
			t.Fatal("connected to nobody")
		}
		t.Skipf("no vsock loopback: %v", err)
	}
	ln, err := Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	c, err := Dial(Addr{Local, at.Port}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	c.(interface{ CloseWrite() error }).CloseWrite()
	if p, err := io.ReadAll(c); string(p) != "hello" || err != nil {
		t.Errorf("got %q, %v", p, err)
	}
}

// TestListenerCloses ends an Accept that waits.
func TestListenerCloses(t *testing.T) {
	ln, err := Listen(Addr{Any, 1<<20 + 1<<19 + uint32(os.Getpid())})
	if err != nil {
		t.Skipf("no vsock: %v", err)
	}
	ended := make(chan error, 1)
	go func() { _, err := ln.Accept(); ended <- err }()
	ln.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Accept still waits")
	}
}
