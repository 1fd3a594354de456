package levels

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestCallbackTells(t *testing.T) {
	t.Parallel()
	addr := serve(t, levelNamed(t, "callback"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closed, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()

	c := dial(t, "tcp", addr)
	for _, x := range []struct{ port, why string }{
		{closed, "nobody listens on 127.0.0.1:" + closed},
		{"10.0.0.1:4444", "is no port"},
	} {
		c.SendLine(x.port)
		if got := wantLine(t, c, "AGAIN"); !strings.Contains(got, x.why) {
			t.Errorf("port %s: %s, want %q", x.port, got, x.why)
		}
	}
	c.SendLine("22")
	wantNo(t, c, "I only connect to ports from 1024 on")

	c = dial(t, "tcp", addr)
	ln, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	c.SendLine(port)
	wantLine(t, c, "CALLED")
	c.SendLine("kelp")
	wantNo(t, c, "I said something else")
}

// TestCallbackComesToTheAskerOnly: two listen on the same port of two addresses, one asks.
func TestCallbackComesToTheAskerOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	t.Parallel()
	l := levelNamed(t, "callback")
	addr := serve(t, l)
	mine, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	port := mine.Addr().(*net.TCPAddr).Port
	others, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Skipf("the port is taken at the other address: %v", err)
	}
	defer others.Close()

	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := solverTube(t.Context(), conn)
	defer c.Close()
	c.SendLine(fmt.Sprint(port))
	in, err := mine.Accept()
	if err != nil {
		t.Fatal(err)
	}
	word, err := await(solverTube(t.Context(), in), "SAY")
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	c.SendLine(word)
	wantLine(t, c, "FLAG")
	others.(*net.TCPListener).SetDeadline(time.Now())
	if stray, err := others.Accept(); err == nil {
		stray.Close()
		t.Error("the server also connected to an address that did not ask")
	}
}

// TestCallbackEnds: a listener that never answers does not hold the session.
func TestCallbackEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := fmt.Errorf("shutting down")
	cancel(why)
	if _, err := callBack(ctx, netip.MustParseAddr("127.0.0.1"), "4444", "kelp"); err != why {
		t.Errorf("callBack = %v, want the context's cause", err)
	}
}
