package tube_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// What came before a reset stays readable.
func TestReset(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows throws away what was received when a reset comes")
	}
	client, server := pair(t)
	must(t, server.Send("the flag is near"))
	must(t, server.Abort())
	_, err := client.RecvLine()
	failed(t, "RecvLine", err, tube.ErrReset)
	failed(t, "RecvLine", err, syscall.ECONNRESET)
	var e *tube.Error
	if !errors.As(err, &e) || string(e.Got) != "the flag is near" {
		t.Errorf("the error %v does not show what came", err)
	}
	s, err := client.RecvN(8)
	got(t, "RecvN", s, err, "the flag")
	got(t, "Drain", client.Drain(), nil, " is near")
	_, err = client.Recv()
	failed(t, "Recv with nothing left", err, tube.ErrReset)
	for err == nil || !errors.Is(err, tube.ErrReset) {
		err = client.Send("x")
	}
}

// Abort resets the connection, whatever lies above TCP.
func TestAbortResets(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer l.Close()
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer conn.Close()
		accepted, err := l.Accept()
		must(t, err)
		if network == "tls" {
			accepted = tls.Server(accepted, serverTLS(t))
		}
		must(t, tube.New(accepted).Abort())
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the peer reads %v, want ECONNRESET", network, err)
		}
	}
}

// Close loses nothing of what was sent, though input is pending which nobody
// has read, and more comes, and the peer reads only afterwards.
func TestCloseLosesNothing(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls", "unix"} {
		t.Run(network, func(t *testing.T) {
			if network == "unix" && runtime.GOOS == "windows" {
				t.Skip("no Unix-domain sockets")
			}
			client, server := connect(t, network, tube.WithLinger(patience))
			talking := make(chan struct{})
			go func() {
				defer close(talking)
				for client.SendBytes(make([]byte, 1<<16)) == nil {
				}
			}()
			_, err := server.RecvN(1 << 16)
			must(t, err)
			closed := make(chan error)
			go func() {
				server.Send(strings.Repeat("x", 2<<20) + "flag")
				closed <- server.Close()
			}()
			for range 2 << 20 / (16 << 10) {
				if _, err := client.RecvN(16 << 10); err != nil {
					t.Fatalf("before the last bytes: %v", err)
				}
			}
			s, err := client.RecvN(4)
			got(t, "the last bytes", s, err, "flag")
			must(t, client.Abort())
			must(t, <-closed)
			<-talking
		})
	}
}

// Input that nobody has read does not turn the end into a reset.
func TestCloseEndsOrderly(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		if network == "unix" && runtime.GOOS == "windows" {
			continue
		}
		client, server := connect(t, network, tube.WithTimeout(patience))
		must(t, client.Send("nobody reads this"))
		must(t, server.Send("flag"))
		must(t, server.Close())
		s, err := client.RecvAll(0)
		got(t, "RecvAll", s, err, "flag")
	}
}

// Close does not wait longer than it was told to, for a peer that never reads.
func TestCloseLingersNotForEver(t *testing.T) {
	t.Parallel()
	_, server := connect(t, "tcp", tube.WithLinger(5*soon))
	for late := 0; late < 5; late++ { // once may be a busy machine
		if server.Within(soon).SendBytes(make([]byte, 1<<20)) == nil {
			late = 0
		}
	}
	start := time.Now()
	must(t, server.Close())
	if took := time.Since(start); took < 4*soon || took > patience/2 {
		t.Errorf("Close took %v, want about %v", took, 5*soon)
	}
}

// Close of a connection whose peer has read everything does not wait.
func TestCloseIsPrompt(t *testing.T) {
	t.Parallel()
	client, server := connect(t, "tcp", tube.WithLinger(time.Hour))
	must(t, server.Send("all"))
	_, err := client.RecvN(3)
	must(t, err)
	must(t, client.Send("unread"))
	done := make(chan error)
	go func() { done <- server.Close() }()
	go func() { client.Recv(); client.Close() }()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(patience):
		t.Fatal("Close is still waiting")
	}
}

// A connection that only imitates TCP, or wraps it, is closed with as much care.
func TestCloseOverAnImitation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, d := memnet.Pipe(0)
		client, server := tube.New(c), tube.New(d)
		must(t, client.Send("nobody reads this"))
		must(t, server.Send("flag"))
		go server.Close()
		time.Sleep(time.Millisecond / 2)
		client.Send("nor this, which comes after Close has begun")
		s, err := client.RecvAll(0)
		got(t, "RecvAll", s, err, "flag")
		client.Close()
	})
}

// Where a wrapper hides the half-close, what has come is read away at least.
func TestCloseOverAWrapper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, d := memnet.Pipe(0)
		client, server := tube.New(c), tube.New(struct{ net.Conn }{d})
		must(t, client.Send("nobody reads this"))
		must(t, server.Send("flag"))
		must(t, server.Close())
		s, err := client.RecvAll(0)
		got(t, "RecvAll", s, err, "flag")
		client.Close()
	})
}

// A half-close keeps the other direction open, and its bytes come before it.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		client.SendBytes(big)
		client.CloseWrite()
	}()
	// It waits for a sending call that is under way.
	p, err := server.RecvAllBytes(0)
	if err != nil || !bytes.Equal(p, big) {
		t.Fatalf("%d bytes, %v, want %d", len(p), err, len(big))
	}
	must(t, server.Send("answer"))
	must(t, server.CloseWrite())
	s, err := client.RecvAll(0)
	got(t, "RecvAll", s, err, "answer")
}

func TestCloseRead(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("before"))
	_, err := client.Peek(6)
	must(t, err)
	must(t, client.CloseRead())
	s, err := client.RecvAll(0)
	got(t, "RecvAll", s, err, "before")
	must(t, client.Send("still sends"))
	s, err = server.RecvN(11)
	got(t, "RecvN", s, err, "still sends")
	a, _ := pipe()
	failed(t, "CloseRead of a pipe", a.CloseRead(), errors.ErrUnsupported)
}

// No timeout, on either side, spoils a TLS handshake.
func TestTLSHandshakeSurvivesTimeouts(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "tls")
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	server, err := l.Accept()
	must(t, err)
	defer server.Abort()
	for range 3 {
		_, err := server.Within(soon).Recv()
		failed(t, "Recv before the handshake", err, os.ErrDeadlineExceeded)
		failed(t, "Send before the handshake", server.Within(soon).Send("x"), os.ErrDeadlineExceeded)
	}
	must(t, server.SetDeadline(time.Now().Add(soon)))
	_, err = server.Recv()
	failed(t, "Recv before the handshake", err, os.ErrDeadlineExceeded)
	must(t, server.SetDeadline(time.Time{}))
	client := tube.New(tls.Client(conn, clientTLS(t)), tube.WithTimeout(patience))
	must(t, client.Send("hello"))
	s, err := server.Within(patience).RecvN(5)
	got(t, "RecvN", s, err, "hello")
	must(t, server.Within(patience).Send("hello too"))
	s, err = client.RecvN(9)
	got(t, "RecvN", s, err, "hello too")
}

// Who closes does not wait for a handshake that nobody makes.
func TestCloseDuringHandshake(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "tls", tube.WithLinger(soon))
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	server, err := l.Accept()
	must(t, err)
	done := make(chan error)
	go func() {
		_, err := server.Recv()
		done <- err
	}()
	must(t, server.Close())
	failed(t, "Recv", <-done, net.ErrClosed)
}

// A peer that is no TLS client is told from one that is silent.
func TestTLSHandshakeFails(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "tls", tube.WithTimeout(patience))
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	server, err := l.Accept()
	must(t, err)
	defer server.Abort()
	for range 2 {
		_, err = server.Recv()
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "tls") {
			t.Errorf("Recv: %v, want that it is no TLS", err)
		}
	}
}

// What Write says was sent before its time was up has been sent, and the
// rest can follow: nothing is lost, nothing comes twice.
func TestWriteTimeoutIsExact(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			client, server := connect(t, network)
			all := make([]byte, 16<<20) // more than the sockets hold
			rand.NewChaCha8([32]byte{}).Read(all)
			sent, err := client.Within(3 * soon).Write(all)
			failed(t, "Write to a peer that does not read", err, os.ErrDeadlineExceeded)
			if sent == 0 || sent == len(all) {
				t.Fatalf("%d bytes were sent", sent)
			}
			n, err := client.Within(soon).Write(all[sent:])
			failed(t, "Write", err, os.ErrDeadlineExceeded)
			sent += n
			go func() {
				client.Within(patience).Write(all[sent:])
				client.CloseWrite()
			}()
			p, err := server.Within(patience).RecvAllBytes(0)
			if err != nil || !bytes.Equal(p, all) {
				t.Errorf("%d bytes came, %v, want the %d that were sent", len(p), err, len(all))
			}
		})
	}
}

func TestTLSVerifies(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "tls")
	go func() {
		for s := range l.Tubes() {
			s.Within(patience).Recv()
			s.Abort()
		}
	}()
	_, err := tube.Dial(t.Context(), "tls", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("dialling a server nobody vouches for: %v", err)
	}
	if _, err := tube.Listen(t.Context(), "tls", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("listening without a certificate: %v", err)
	}
}

// Close wakes who is sending at once, also where it lingers long afterwards.
func TestTLSCloseWakesSender(t *testing.T) {
	t.Parallel()
	client, server := connect(t, "tls", tube.WithLinger(patience))
	defer server.Abort()
	sent, closed := make(chan error, 1), make(chan error, 1)
	go func() { sent <- client.Send(strings.Repeat("x", 64<<20)) }()
	_, err := server.RecvN(1) // it has begun
	must(t, err)
	go func() { closed <- client.Close() }()
	select {
	case err := <-sent:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send: %v, want %v", err, net.ErrClosed)
		}
	case <-closed:
		t.Error("Send goes on while Close lingers")
	}
	server.Abort()
	<-closed
}

// A peer that has reset the connection needs no good-bye, with TLS as without.
func TestCloseAfterReset(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		client, server := connect(t, network, tube.WithTimeout(patience))
		must(t, client.Send("x"))
		_, err := server.RecvN(1)
		must(t, err)
		must(t, client.Abort())
		if _, err := server.Recv(); !errors.Is(err, tube.ErrReset) {
			t.Errorf("%s: got %v, want a reset", network, err)
		}
		must(t, server.Close())
	}
}
