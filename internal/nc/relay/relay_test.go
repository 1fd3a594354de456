package relay

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// pair is a TCP connection, both ends.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); d.Close() })
	return c.(*net.TCPConn), d.(*net.TCPConn)
}

// TestReceiveHoldsNothingBack reads each message from the pipe before the next
// one is sent: it must come without that.
func TestReceiveHoldsNothingBack(t *testing.T) {
	near, far := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var m Meter
	ended := make(chan error, 1)
	go func() { ended <- Receive(w, near, &m); w.Close() }()
	total := 0
	for i := range 300 {
		text := fmt.Sprintf("message %d\n", i)
		total += len(text)
		io.WriteString(far, text)
		got := make(chan string, 1)
		go func() {
			buf := make([]byte, len(text))
			io.ReadFull(r, buf)
			got <- string(buf)
		}()
		select {
		case s := <-got:
			if s != text {
				t.Fatalf("got %q, want %q", s, text)
			}
		case <-time.After(10 * time.Second):
			far.Close() // frees the reader
			t.Fatalf("message %d is held back", i)
		}
	}
	far.CloseWrite()
	if err := <-ended; err != nil || m.Bytes() != int64(total) {
		t.Errorf("got %v after %d bytes, want %d", err, m.Bytes(), total)
	}
}

// TestStill waits until no meter has moved for the limit, and no longer.
func TestStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b Meter
		a.Timed()
		b.Timed()
		begin := time.Now()
		still := Still(t.Context(), time.Minute, &a, &b)
		time.Sleep(50 * time.Second)
		a.Add(1)
		time.Sleep(50 * time.Second)
		b.Touch()
		<-still
		if took := time.Since(begin); took != 160*time.Second {
			t.Errorf("still after %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		still = Still(ctx, time.Minute, &a)
		cancel()
		time.Sleep(time.Hour)
		select {
		case <-still:
			t.Error("told after the end")
		default:
		}
	})
}

// TestReceiveForNobody counts what goes to /dev/null, and tells how the connection ended.
func TestReceiveForNobody(t *testing.T) {
	for _, reset := range []bool{false, true} {
		near, far := pair(t)
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		var m Meter
		ended := make(chan error, 1)
		go func() { ended <- Receive(null, near, &m) }()
		const total = 20<<20 + 7
		if _, err := far.Write(make([]byte, total)); err != nil {
			t.Fatal(err)
		}
		for m.Bytes() < total { // before a reset throws away what is under way
			runtime.Gosched()
		}
		if reset {
			far.SetLinger(0)
		}
		far.Close()
		if err := <-ended; m.Bytes() != total || (err != nil) != reset {
			t.Errorf("reset %v: got %v after %d bytes, want %d", reset, err, m.Bytes(), total)
		}
	}
}
