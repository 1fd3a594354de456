package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNettest(t *testing.T) {
	// nettest writes messages of 8 bytes to an echo before it reads: that is the least it runs with.
	for name, buffer := range map[string]int{"default": 0, "8 bytes": 8} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				n := Network{Buffer: buffer}
				l, err := n.Listen("server:1337")
				if err != nil {
					return nil, nil, nil, err
				}
				client, err := n.Dial("server:1337")
				if err != nil {
					return nil, nil, nil, err
				}
				server, err := l.Accept()
				stop := func() {
					l.Close()
					client.Close()
					server.Close()
				}
				return client, server, stop, err
			})
		})
	}
}

func TestAddresses(t *testing.T) {
	var n Network
	l, err := n.Listen("server:1337")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := n.DialFrom("203.0.113.7:4000", "server:1337")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, x := range []struct {
		name string
		got  net.Addr
		want string
	}{
		{"listener", l.Addr(), "192.0.2.1:1337"},
		{"client local", client.LocalAddr(), "203.0.113.7:4000"},
		{"client remote", client.RemoteAddr(), "192.0.2.1:1337"},
		{"server local", server.LocalAddr(), "192.0.2.1:1337"},
		{"server remote", server.RemoteAddr(), "203.0.113.7:4000"},
	} {
		if _, ok := x.got.(*net.TCPAddr); !ok || x.got.String() != x.want {
			t.Errorf("%s address = %T %v, want *net.TCPAddr %v", x.name, x.got, x.got, x.want)
		}
	}
	if _, err := n.Listen("server:1337"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second Listen: %v, want EADDRINUSE", err)
	}
	if _, err := n.Dial("server:1338"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial of a silent port: %v, want ECONNREFUSED", err)
	}
	if _, err := n.Dial("server"); err == nil {
		t.Error("Dial without a port succeeded")
	}
	other, err := n.Listen("[2001:db8::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := other.Addr().(*net.TCPAddr); got.Port == 0 || got.IP.String() != "2001:db8::1" {
		t.Errorf("address of port 0 = %v", got)
	}
}

func TestCloseFreesTheAddress(t *testing.T) {
	var n Network
	l, _ := n.Listen("server:1337")
	waiting, err := n.Dial("server:1337")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v, want net.ErrClosed", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
	}
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read of a connection nobody accepted: %v, want ECONNRESET", err)
	}
	if _, err := n.Dial("server:1337"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial after Close: %v, want ECONNREFUSED", err)
	}
	again, err := n.Listen("server:1337")
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestHalfClose(t *testing.T) {
	client, server := Pipe(0)
	defer client.Close()
	io.WriteString(client, "question")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Errorf("second CloseWrite: %v", err)
	}
	if _, err := client.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write after CloseWrite: %v, want EPIPE", err)
	}
	if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
		t.Errorf("server read %q, %v", got, err)
	}
	io.WriteString(server, "answer")
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Errorf("client read %q, %v, want the answer after its own FIN", got, err)
	}
}

func TestCloseRead(t *testing.T) {
	client, server := Pipe(0)
	defer client.Close()
	defer server.Close()
	io.WriteString(server, "before")
	client.CloseRead()
	if got, err := io.ReadAll(client); string(got) != "before" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(8)
		defer server.Close()
		var sent atomic.Int64
		go func() {
			n, _ := client.Write([]byte("0123456789abcdef!"))
			sent.Store(int64(n))
			client.Close()
		}()
		synctest.Wait()
		if sent.Load() != 0 {
			t.Error("Write of 17 bytes into a buffer of 8 did not wait")
		}
		if got, err := io.ReadAll(server); string(got) != "0123456789abcdef!" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if sent.Load() != 17 {
			t.Errorf("Write sent %d, want 17", sent.Load())
		}
	})
}

func TestReset(t *testing.T) {
	for name, end := range map[string]func(client, server *Conn){
		"close with unread input":   func(client, server *Conn) { io.WriteString(client, "unread"); server.Close() },
		"close after SetLinger(0)":  func(client, server *Conn) { server.SetLinger(0); server.Close() },
		"write to a closed peer":    func(client, server *Conn) { server.Close(); io.WriteString(client, "late") },
		"half-close, then unread":   func(client, server *Conn) { server.CloseWrite(); io.WriteString(client, "x"); server.Close() },
		"unread bytes, then abort":  func(client, server *Conn) { io.WriteString(client, "x"); server.SetLinger(0); server.Close() },
		"peer was waiting to write": func(client, server *Conn) { go client.Write(make([]byte, 1<<20)); waitFull(server); server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, server := Pipe(0)
			io.WriteString(server, "the flag")
			end(client, server)
			if n, err := client.Read(make([]byte, 64)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("Read = %d, %v, want 0, ECONNRESET: the undelivered bytes are lost", n, err)
			}
			if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("Write after the reset: %v, want EPIPE", err)
			}
			if err := client.CloseWrite(); !errors.Is(err, syscall.ENOTCONN) {
				t.Errorf("CloseWrite after the reset: %v, want ENOTCONN", err)
			}
			if err := client.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// waitFull waits until the peer of c has filled its buffer.
func waitFull(c *Conn) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for len(c.in) < c.limit {
		c.link.cond.Wait()
	}
}

func TestCloseAfterReadingAllDelivers(t *testing.T) {
	client, server := Pipe(0)
	defer client.Close()
	io.WriteString(client, "question")
	io.ReadFull(server, make([]byte, len("question")))
	io.WriteString(server, "the flag")
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "the flag" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestCloseUnblocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(4)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read: %v, want net.ErrClosed", err)
			}
		})
		wg.Go(func() {
			if _, err := client.Write([]byte("too long")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write: %v, want net.ErrClosed", err)
			}
		})
		synctest.Wait()
		client.Close()
		wg.Wait()
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v, want net.ErrClosed", err)
		}
		server.Close()
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(4)
		defer client.Close()
		defer server.Close()
		start := time.Now()
		client.SetReadDeadline(start.Add(time.Minute))
		client.SetWriteDeadline(start.Add(time.Hour))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("Read: %v after %v, want a timeout after a minute", err, time.Since(start))
		}
		n, err := client.Write([]byte("too long"))
		if n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("Write = %d, %v after %v, want 4 and a timeout after an hour", n, err, time.Since(start))
		}
		client.SetDeadline(time.Time{})
		if got, _ := io.ReadAll(io.LimitReader(server, 4)); string(got) != "too " {
			t.Errorf("read %q after the timeout", got)
		}
		if _, err := client.Write([]byte("more")); err != nil {
			t.Errorf("Write after the deadline was taken away: %v", err)
		}
	})
}

func TestDeadlineSetDuringTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(0)
		defer client.Close()
		defer server.Close()
		done := make(chan error)
		go func() {
			_, err := client.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		client.SetReadDeadline(time.Now().Add(time.Second))
		synctest.Wait()
		client.SetReadDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("Read: %v after %v, want a timeout after a minute", err, time.Since(start))
		}
	})
}

func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := Network{Backlog: 1}
		l, _ := n.Listen("server:1")
		first, err := n.Dial("server:1")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.DialContext(ctx, "203.0.113.1:0", "server:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial into a full backlog: %v, want the context's error", err)
		}
		go l.Accept()
		second, err := n.Dial("server:1")
		if err != nil {
			t.Errorf("Dial after Accept made room: %v", err)
		}
		l.Close()
		first.Close()
		second.Close()
	})
}

func TestFailAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		l, _ := n.Listen("server:1")
		defer l.Close()
		done := make(chan error)
		go func() {
			_, err := l.Accept()
			done <- err
		}()
		synctest.Wait()
		l.FailAccept(func() error { return os.NewSyscallError("accept4", syscall.EMFILE) })
		if err := <-done; !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "accept") {
			t.Errorf("Accept: %v, want EMFILE", err)
		}
		l.FailAccept(nil)
		c, err := n.Dial("server:1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := l.Accept(); err != nil {
			t.Errorf("Accept after the fault: %v", err)
		}
	})
}
