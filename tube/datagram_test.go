package tube_test

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Datagrams keep their borders, empty ones count, and none is invented.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	client, server := connect(t, "udp", tube.WithTimeout(patience))
	_, err := server.Recv() // the one it took to meet
	must(t, err)
	sizes := []int{3, 0, 1, 4096, 4097, 4200, 0, 8000, 60000, 0}
	for _, n := range sizes {
		must(t, client.SendBytes(make([]byte, n)))
		p, err := server.RecvBytes()
		got(t, "size of a datagram", len(p), err, n)
	}
	_, err = server.Within(0).Recv()
	failed(t, "Recv after the last datagram", err, os.ErrDeadlineExceeded)
	// A wait may run over borders; what it leaves unread still has them.
	for _, d := range []string{"ab", "", "cd", "", "ef"} {
		must(t, client.Send(d))
	}
	_, err = server.Peek(6)
	must(t, err)
	p := make([]byte, 10)
	n, err := server.Read(p[:1])
	got(t, "Read", string(p[:n]), err, "a")
	n, err = server.Read(p)
	got(t, "Read", string(p[:n]), err, "b")
	for _, want := range []string{"", "cd", "", "ef"} {
		s, err := server.Recv()
		got(t, "Recv", s, err, want)
	}
}

// Who sends without end to a listener that does not read takes a bounded amount of memory.
func TestDatagramsHeld(t *testing.T) {
	t.Parallel()
	l, err := tube.Listen(t.Context(), "udp", "127.0.0.1:0", tube.WithTimeout(patience))
	must(t, err)
	defer l.Close()
	client, err := tube.Dial(t.Context(), "udp", l.Addr().String())
	must(t, err)
	defer client.Close()
	const size = 60000
	must(t, client.SendBytes(make([]byte, size)))
	server, err := l.Accept()
	must(t, err)
	defer server.Close()
	for range 100 {
		must(t, client.SendBytes(make([]byte, size)))
	}
	// The next peer comes in after all that.
	other, err := tube.Dial(t.Context(), "udp", l.Addr().String())
	must(t, err)
	defer other.Close()
	peers := make(chan error, 1)
	go func() {
		p, err := l.Accept()
		if err == nil {
			p.Close()
		}
		peers <- err
	}()
	var accepted error
	for waiting := true; waiting; {
		must(t, other.Send("me too")) // what a full socket has no room for is lost
		select {
		case accepted = <-peers:
			waiting = false
		case <-time.After(10 * time.Millisecond):
		}
	}
	must(t, accepted)
	kept := 0
	for s := server.Drain(); s != ""; s = server.Drain() {
		kept += len(s)
	}
	if kept < size || kept > 5*size {
		t.Errorf("%d bytes were kept, want some, and %d at most", kept, 5*size)
	}
}

// A refused datagram is told, and is not the end of the socket.
func TestUDPRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells every time")
	}
	l, err := tube.Listen(t.Context(), "udp", "127.9.8.7:0") // where no other test listens
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	client, err := tube.Dial(t.Context(), "udp", addr, tube.WithTimeout(patience))
	must(t, err)
	defer client.Close()
	for end := time.Now().Add(patience); ; {
		if err = client.Send("anybody?"); err == nil {
			_, err = client.Within(time.Second).Recv()
		}
		// The system tells so many a second at most, of all there are.
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(end) {
			break
		}
	}
	failed(t, "Recv", err, syscall.ECONNREFUSED)
	again, err := tube.Listen(t.Context(), "udp", addr)
	if err != nil {
		t.Skip("somebody else has taken the port")
	}
	defer again.Close()
	must(t, client.Send("and now?"))
	server, err := again.Accept()
	must(t, err)
	defer server.Close()
	must(t, server.Send("yes"))
	s, err := client.Recv()
	got(t, "Recv", s, err, "yes")
}

// Closing a UDP listener while somebody accepts hands out no dead Tube.
func TestUDPCloseWhileAccepting(t *testing.T) {
	t.Parallel()
	for range 50 {
		l := listenOn(t, "udp")
		client, err := tube.Dial(t.Context(), "udp", l.Addr().String())
		must(t, err)
		must(t, client.Send("x"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for server, err := range l.Tubes() {
				if err != nil {
					t.Error(err)
				} else if s, err := server.Within(patience).Recv(); s != "x" {
					t.Errorf("an accepted Tube received %q, %v", s, err)
				}
				server.Close()
			}
		}()
		must(t, l.Close())
		<-done
		client.Close()
	}
}
