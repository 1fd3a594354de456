package sock

import (
	"net"
	"testing"
)

// TestAccept: a closed listener ends Accept, once and for all, and its port is free.
func TestAccept(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := plain.Addr().String()
	l := Own(plain)
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	want(t, "accept", <-ended, net.ErrClosed)
	_, err = l.Accept()
	want(t, "accept again", err, net.ErrClosed)
	want(t, "close again", l.Close(), net.ErrClosed)
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		again.Close()
	}
	stream, err := net.Listen("unix", t.TempDir()+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if Own(stream) != stream {
		t.Error("a listener that is not TCP's was taken over")
	}
}
