package sock

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"
	"golang.org/x/sys/unix"
)

// listen returns a listener for Conns.
func listen(t testing.TB, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", addr, err)
	}
	own := Own(l)
	t.Cleanup(func() { own.Close() })
	if _, ok := own.(*listener); !ok {
		t.Fatalf("got a %T", own)
	}
	return own
}

// pair returns the two ends of a connection.
func pair(t testing.TB, l net.Listener) (*Conn, *net.TCPConn) {
	t.Helper()
	peer, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		peer.Close()
		conn.Close()
	})
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // no test waits longer
	peer.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*Conn), peer.(*net.TCPConn)
}

func local(t testing.TB) (*Conn, *net.TCPConn) { return pair(t, listen(t, "tcp", "127.0.0.1:0")) }

// blocking makes the socket one whose calls wait.
func blocking(t testing.TB, c *Conn) {
	t.Helper()
	if err := c.control(func(fd uintptr) { unix.SetNonblock(int(fd), false) }); err != nil {
		t.Fatal(err)
	}
}

// tell makes the poller know a connection.
func tell(t testing.TB, c *Conn) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.poll(); err != nil {
		t.Fatal(err)
	}
}

// want checks that err is that, as package net words it.
func want(t testing.TB, what string, err, as error) {
	t.Helper()
	var op *net.OpError
	if !errors.Is(err, as) || !errors.As(err, &op) {
		t.Errorf("%s: %T %v, want a *net.OpError of %v", what, err, err, as)
	}
}

func TestConn(t *testing.T) {
	for name, swap := range map[string]bool{"accepted": false, "dialled": true} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
				l := listen(t, "tcp", "127.0.0.1:0")
				peer, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					return nil, nil, nil, err
				}
				conn, err := l.Accept()
				if err != nil {
					return nil, nil, nil, err
				}
				stop = func() {
					peer.Close()
					conn.Close()
					l.Close()
				}
				if swap {
					return peer, conn, stop, nil
				}
				return conn, peer, stop, nil
			})
		})
	}
}

// TestBare: what waits for nobody takes no registration, and what must wait does.
func TestBare(t *testing.T) {
	c, peer := local(t)
	if n, err := io.WriteString(c, "hello"); n != 5 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	var got [10]byte
	peer.Write([]byte("answer"))
	if _, err := io.ReadFull(peer, got[:5]); err != nil || string(got[:5]) != "hello" {
		t.Fatalf("the peer has %q, %v", got, err)
	}
	if n, err := c.Read(got[:]); n != 6 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if c.Ended(got[:]) {
		t.Error("ended before the peer has closed")
	}
	if c.polled.Load() != nil {
		t.Error("the poller was told of a connection nobody waits for")
	}
	nodelay := 0
	c.control(func(fd uintptr) { nodelay, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY) })
	if nodelay == 0 {
		t.Error("small pieces are delayed")
	}
	go peer.Close()
	if n, err := c.Read(got[:]); n != 0 || err != io.EOF {
		t.Errorf("read %d, %v, want EOF", n, err)
	}
	if !c.Ended(got[:]) {
		t.Error("not ended at the end")
	}
}

// TestBlockingSocket: deadlines and Close end every call, also where the socket was made to block, before the first wait and after it.
func TestBlockingSocket(t *testing.T) {
	for name, polled := range map[string]bool{"bare": false, "polled": true} {
		t.Run(name, func(t *testing.T) {
			c, peer := local(t)
			much := make([]byte, 64<<20)
			if polled {
				tell(t, c)
			}
			blocking(t, c)
			c.SetDeadline(time.Now().Add(20 * time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			want(t, "read", err, os.ErrDeadlineExceeded)
			blocking(t, c)
			n := 0
			for n == 0 { // as when a busy machine comes to it too late
				c.SetDeadline(time.Now().Add(50 * time.Millisecond))
				n, err = c.Write(much)
				want(t, "write", err, os.ErrDeadlineExceeded)
			}
			if n == len(much) {
				t.Errorf("wrote %d bytes to a peer who reads nothing", n)
			}
			if c.Ended(make([]byte, 10)) {
				t.Error("ended")
			}
			c.SetDeadline(time.Time{})
			blocking(t, c)
			waiting := make(chan error)
			go func() {
				_, err := c.Read(make([]byte, 1))
				waiting <- err
			}()
			c.Close()
			want(t, "read while closed", <-waiting, net.ErrClosed)
			if sent, _ := io.Copy(io.Discard, peer); sent != int64(n) {
				t.Errorf("the peer has %d bytes of %d", sent, n)
			}
		})
	}
}

// TestEnds: how the ends of a stream are told.
func TestEnds(t *testing.T) {
	c, peer := local(t)
	io.WriteString(peer, "last words")
	peer.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "last words" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	io.WriteString(c, "and the answer")
	c.CloseWrite()
	if got, err := io.ReadAll(peer); string(got) != "and the answer" || err != nil {
		t.Errorf("the peer read %q, %v", got, err)
	}
	_, err := c.Write([]byte("more"))
	want(t, "write after CloseWrite", err, syscall.EPIPE)

	c, peer = local(t)
	peer.SetLinger(0)
	peer.Close()
	_, err = c.Read(make([]byte, 1))
	want(t, "read after a reset", err, syscall.ECONNRESET)

	c, peer = local(t)
	c.SetLinger(0)
	c.Close()
	_, err = peer.Read(make([]byte, 1))
	want(t, "the peer's read after Abort", err, syscall.ECONNRESET)
}

// TestEnded: it reads away what is in front of the end, and waits for nothing.
func TestEnded(t *testing.T) {
	junk := make([]byte, 100)
	for name, polled := range map[string]bool{"bare": false, "polled": true} {
		c, peer := local(t)
		if polled {
			tell(t, c)
		}
		if c.Ended(junk) {
			t.Errorf("%s: ended before anything", name)
		}
		peer.Write(make([]byte, 3000))
		peer.Close()
		looks := 1
		for !c.Ended(junk) {
			looks++
		}
		if looks < 4 { // 8 times 100 bytes a time
			t.Errorf("%s: ended after %d looks at 3000 bytes", name, looks)
		}
		c.Close()
		if !c.Ended(junk) {
			t.Errorf("%s: closed, and not ended", name)
		}
	}
	c, peer := local(t)
	peer.SetLinger(0)
	peer.Close()
	for !c.Ended(junk) { // the reset may take its time
	}
}

// TestClosed: each method of a closed connection says so, and touches no descriptor that has its number by now.
func TestClosed(t *testing.T) {
	for name, polled := range map[string]bool{"bare": false, "polled": true} {
		t.Run(name, func(t *testing.T) {
			c, peer := local(t)
			if polled {
				if _, err := c.Standard(); err != nil {
					t.Fatal(err)
				}
			}
			raw := c.Raw()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the peer's read: %v", err)
			}
			// The next one has the same numbers.
			other, _ := local(t)
			if _, err := other.Standard(); err != nil {
				t.Fatal(err)
			}
			_, read := c.Read(make([]byte, 1))
			_, write := c.Write([]byte("x"))
			_, from := c.ReadFrom(strings.NewReader("x"))
			_, to := c.WriteTo(io.Discard)
			_, standard := c.Standard()
			_, access := c.SyscallConn()
			for what, err := range map[string]error{
				"read": read, "write": write, "read from": from, "write to": to, "standard": standard, "access": access, "close": c.Close(),
				"close write": c.CloseWrite(), "close read": c.CloseRead(), "linger": c.SetLinger(0), "no delay": c.SetNoDelay(false),
				"keep alive": c.SetKeepAlive(true), "read buffer": c.SetReadBuffer(1), "write buffer": c.SetWriteBuffer(1),
				"deadline": c.SetDeadline(time.Now()), "read deadline": c.SetReadDeadline(time.Now()), "write deadline": c.SetWriteDeadline(time.Now()),
			} {
				want(t, what, err, net.ErrClosed)
			}
			f := func(uintptr) bool {
				t.Error("the descriptor of another is touched")
				return true
			}
			for what, err := range map[string]error{
				"raw read": raw.Read(f), "raw write": raw.Write(f), "raw control": raw.Control(func(fd uintptr) { f(fd) }),
			} {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %v", what, err)
				}
			}
			c.LocalAddr()
			c.RemoteAddr()
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, at := range []struct{ network, addr string }{{"tcp", "127.0.0.1:0"}, {"tcp", "[::1]:0"}, {"tcp", "[::]:0"}} {
		l := listen(t, at.network, at.addr)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		to := "127.0.0.1:" + port
		if at.addr == "[::1]:0" {
			to = l.Addr().String()
		}
		peer, err := net.Dial("tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for what, pair := range map[string][2]string{
			"remote": {conn.RemoteAddr().String(), peer.LocalAddr().String()},
			"local":  {conn.LocalAddr().String(), peer.RemoteAddr().String()},
			"Remote": {conn.(*Conn).Remote().String(), peer.LocalAddr().String()},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is %s, want %s", at.addr, what, pair[0], pair[1])
			}
		}
		if _, ok := conn.RemoteAddr().(*net.TCPAddr); !ok {
			t.Errorf("%s: a %T", at.addr, conn.RemoteAddr())
		}
	}
	sa := &syscall.SockaddrInet6{Port: 7, ZoneId: 1, Addr: netip.MustParseAddr("fe80::1").As16()}
	if got := addrPort(sa); got.Addr().Zone() != "lo" || got.Port() != 7 {
		t.Errorf("got %v, want the interface's name in it", got)
	}
}

// TestOptions: the system has what was asked for.
func TestOptions(t *testing.T) {
	c, _ := local(t)
	get := func(level, name int) (value int) {
		c.control(func(fd uintptr) { value, _ = unix.GetsockoptInt(int(fd), level, name) })
		return value
	}
	for _, err := range []error{c.SetKeepAlive(true), c.SetNoDelay(false), c.SetReadBuffer(8192), c.SetWriteBuffer(16384)} {
		if err != nil {
			t.Error(err)
		}
	}
	if k, d, r, w := get(unix.SOL_SOCKET, unix.SO_KEEPALIVE), get(unix.IPPROTO_TCP, unix.TCP_NODELAY), get(unix.SOL_SOCKET, unix.SO_RCVBUF), get(unix.SOL_SOCKET, unix.SO_SNDBUF); k != 1 || d != 0 || r != 2*8192 || w != 2*16384 {
		t.Errorf("keep-alive %d, no delay %d, buffers %d and %d", k, d, r, w)
	}
}

// TestStandard: what package net can do with a connection of its own works with these, between all kinds.
func TestStandard(t *testing.T) {
	const size = 4 << 20
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	l := listen(t, "tcp", "127.0.0.1:0")
	path := t.TempDir() + "/socket"
	unixListener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unixListener.Close()
	ends := map[string]func() (end, far net.Conn){
		"own": func() (net.Conn, net.Conn) {
			c, peer := pair(t, l)
			return c, peer
		},
		"standard": func() (net.Conn, net.Conn) {
			c, peer := pair(t, l)
			return peer, c
		},
		"unix": func() (net.Conn, net.Conn) {
			a, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := unixListener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { a.Close(); b.Close() })
			return a, b
		},
	}
	for from := range ends {
		for to := range ends {
			t.Run(from+" to "+to, func(t *testing.T) {
				src, sender := ends[from]()
				dst, receiver := ends[to]()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					sender.Write(data)
					sender.(interface{ CloseWrite() error }).CloseWrite()
				})
				wg.Go(func() {
					if n, err := io.Copy(dst, src); n != size || err != nil {
						t.Errorf("copied %d, %v", n, err)
					}
					dst.(interface{ CloseWrite() error }).CloseWrite()
				})
				if got, err := io.ReadAll(receiver); !bytes.Equal(got, data) || err != nil {
					t.Errorf("received %d bytes, %v", len(got), err)
				}
			})
		}
	}
	t.Run("deadline", func(t *testing.T) {
		c, _ := pair(t, l)
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := c.WriteTo(io.Discard)
		want(t, "set before", err, os.ErrDeadlineExceeded)
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err = c.WriteTo(io.Discard)
		want(t, "set after", err, os.ErrDeadlineExceeded)
	})
}

// TestWholeWrites: nobody's bytes come in the middle of another's Write.
func TestWholeWrites(t *testing.T) {
	c, peer := local(t)
	c.whole.Lock() // as a Write that has sent half of it
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		close(begun)
		c.Write([]byte("other"))
	}()
	<-begun
	for range 10_000 { // it would have written by then
		runtime.Gosched()
	}
	c.control(func(fd uintptr) { send(fd, []byte("second half")) })
	c.whole.Unlock()
	<-ended
	c.Close()
	if got, err := io.ReadAll(peer); string(got) != "second halfother" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestLongAccess: whoever has the descriptor for long holds up nobody.
func TestLongAccess(t *testing.T) {
	c, peer := local(t)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	go peer.Write([]byte("x"))
	err = raw.Control(func(uintptr) {
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		c.LocalAddr()
		c.CloseWrite()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestTurns: the moment in which the poller is told of a connection is one for both directions and for all who set deadlines or close.
func TestTurns(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	for range 20 {
		c, peer := pair(t, l)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { c.Read(make([]byte, 1)) })
			wg.Go(func() { c.Write([]byte("x")) })
			wg.Go(func() { c.SetDeadline(time.Now().Add(time.Minute)) })
			wg.Go(func() { c.Standard() })
			wg.Go(func() { c.Ended(make([]byte, 1)) })
		}
		wg.Go(func() { peer.Write([]byte("abc")) })
		wg.Go(func() { c.Close() })
		wg.Wait()
		if _, err := io.Copy(io.Discard, peer); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("the peer: %v", err)
		}
		peer.Close()
	}
}
