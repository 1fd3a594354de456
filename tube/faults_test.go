package tube_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Each test here is a fault of pwntools' tubes that Tube must not have.

// pipe returns two tubes over a net.Pipe, which lives on the time of a bubble.
func pipe(opts ...tube.Option) (a, b *tube.Tube) {
	c, d := net.Pipe()
	return tube.New(c, opts...), tube.New(d, opts...)
}

// sendlineafter sends its line although the prompt did not come.
func TestFaultSendLineAfterSendsAfterTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(tube.WithTimeout(time.Second))
		sent := make(chan string)
		go func() {
			s, _ := b.Within(time.Hour).Recv()
			sent <- s
		}()
		if _, err := a.SendLineAfter("password: ", "secret"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("SendLineAfter without a prompt: %v, want a timeout", err)
		}
		a.Close()
		if s := <-sent; s != "" {
			t.Errorf("the peer received %q, want nothing", s)
		}
	})
}

// Nor does any other failure to see the prompt make it send.
func TestSendLineAfterSendsNothingAtTheEnd(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("Goodbye."))
	must(t, server.CloseWrite())
	_, err := client.SendLineAfter("password: ", "secret")
	failed(t, "SendLineAfter", err, io.ErrUnexpectedEOF)
	must(t, client.CloseWrite())
	s, err := server.RecvAll(0)
	got(t, "what the peer received", s, err, "")
}

// recvregex reads byte by byte and stops at the shortest match.
func TestFaultRegexpShortestMatch(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("port 31337\n"))
	_, err := client.Peek(11)
	must(t, err)
	m, err := client.RecvRegexp(regexp.MustCompile(`port (\d+)`))
	must(t, err)
	if m.Groups[1] != "31337" {
		t.Errorf("matched %q, want 31337", m.Groups[1])
	}
}

// recvregex takes the end of the stream for an empty match, and the bytes are gone.
func TestFaultRegexpSwallowsEOF(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("no number here"))
	must(t, server.CloseWrite())
	_, err := client.RecvRegexp(regexp.MustCompile(`\d`))
	failed(t, "RecvRegexp", err, io.ErrUnexpectedEOF)
	s, err := client.RecvAll(0)
	got(t, "what is left", s, err, "no number here")
	_, err = client.RecvRegexp(regexp.MustCompile(`\d`))
	failed(t, "RecvRegexp with nothing left", err, io.EOF)
}

// A wait that is repeated after a timeout searches everything again.
func TestFaultQuadraticRescan(t *testing.T) {
	const size = 16 << 20
	a, _ := pipe()
	text := strings.Repeat("x", size)
	a.Unrecv(text)
	waits := map[string]func() error{
		"RecvUntil": func() error { _, err := a.Within(0).RecvUntil("END"); return err },
		"other":     func() error { _, err := a.Within(0).RecvUntil("xy"); return err },
		"RecvAny":   func() error { _, _, err := a.Within(0).RecvAny("\r\n", "\n", "> "); return err },
		"RecvLine":  func() error { _, err := a.Within(0).RecvLine(); return err },
		"Expect":    func() error { _, err := a.Within(0).RecvRegexp(regexp.MustCompile(`END`)); return err },
	}
	for name, wait := range waits {
		failed(t, name, wait(), os.ErrDeadlineExceeded) // the first one searches
	}
	start := time.Now()
	if bytes.Contains([]byte(text), []byte("END")) {
		t.Fatal("found")
	}
	once := time.Since(start)
	// Fifty waits, in turn, take less than searching everything once; searching again would take fifty times that. The quickest of
	// some rounds counts: in any one, others may have had the processor.
	quickest := time.Hour
	for range 5 {
		start = time.Now()
		for range 10 {
			for name, wait := range waits {
				failed(t, name, wait(), os.ErrDeadlineExceeded)
			}
		}
		quickest = min(quickest, time.Since(start))
	}
	if quickest > once {
		t.Errorf("50 repeated waits took %v, one search of all that is unread took %v", quickest, once)
	}
}

// recvlines takes the newline for a set of characters and strips them all.
func TestFaultNewlineIsASet(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("flag\r\r\n\n\r\n\nend\n\r\n"))
	for _, want := range []string{"flag\r", "", "", "", "end", ""} {
		line, err := client.RecvLine()
		got(t, "RecvLine", line, err, want)
	}
}

// listen(typ="udp") loses the first datagram, which told it of the peer.
func TestFaultUDPFirstDatagram(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			if network == "unixgram" && runtime.GOOS == "windows" {
				t.Skip("Windows has no Unix datagram sockets")
			}
			_, server := connect(t, network, tube.WithTimeout(patience))
			s, err := server.Recv()
			got(t, "the first datagram", s, err, "hello")
		})
	}
}

// A second client of a UDP server is taken for the first one, or ignored.
func TestFaultUDPSecondClient(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "udp", tube.WithTimeout(patience))
	first, firstServer := connectTo(t, l, "udp", tube.WithTimeout(patience))
	second, secondServer := connectTo(t, l, "udp", tube.WithTimeout(patience))
	must(t, first.Send("from the first"))
	must(t, second.Send("from the second"))
	for _, c := range []struct {
		server, client *tube.Tube
		want, answer   string
	}{
		{secondServer, second, "from the second", "to the second"},
		{firstServer, first, "from the first", "to the first"},
	} {
		for _, want := range []string{"hello", c.want} {
			s, err := c.server.Recv()
			got(t, "datagram", s, err, want)
		}
		must(t, c.server.Send(c.answer))
		s, err := c.client.Recv()
		got(t, "answer", s, err, c.answer)
	}
	// One that has gone and comes again is a new one.
	must(t, secondServer.Close())
	must(t, second.Send("again"))
	again, err := l.Accept()
	must(t, err)
	defer again.Close()
	s, err := again.Recv()
	got(t, "datagram", s, err, "again")
}

// A server that was closed leaves its port bound.
func TestFaultClosedServerLeavesPortBound(t *testing.T) {
	for _, network := range []string{"tcp", "udp", "tls", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(network, "unix") {
				t.Skip("no Unix-domain sockets")
			}
			l := listenOn(t, network)
			addr := l.Addr().String()
			client, server := connectTo(t, l, network)
			must(t, l.Close())
			must(t, l.Close())
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
			}
			for range l.Tubes() {
				t.Error("Tubes yielded something after Close")
			}
			// What was accepted goes on.
			must(t, client.Within(patience).Send("x"))
			must(t, func() error { _, err := server.Within(patience).RecvUntil("x"); return err }())
			must(t, client.Close())
			must(t, server.Close())
			again, err := tube.Listen(context.Background(), network, addr, tube.WithTLS(serverTLS(t)))
			if err != nil {
				t.Fatalf("listening again: %v", err)
			}
			again.Close()
		})
	}
}

// The context closes the listener, and the port is free.
func TestListenerContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := tube.Listen(ctx, "tcp", "127.0.0.1:0")
	must(t, err)
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	cancel()
	failed(t, "Accept", <-accepted, net.ErrClosed)
	must(t, l.Close())
}

// Sockets that are not IPv4 cannot be wrapped.
func TestFaultIPv6AndUnixCannotBeWrapped(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp6", "unix"} {
		t.Run(network, func(t *testing.T) {
			addr := "[::1]:0"
			if network == "unix" {
				if runtime.GOOS == "windows" {
					t.Skip("no Unix-domain sockets")
				}
				addr = filepath.Join(t.TempDir(), "s")
			} else if !nettestIPv6() {
				t.Skip("no IPv6 here")
			}
			l, err := net.Listen(network, addr)
			must(t, err)
			defer l.Close()
			conn, err := net.Dial(network, l.Addr().String())
			must(t, err)
			peer, err := l.Accept()
			must(t, err)
			defer peer.Close()
			client := tube.New(conn, tube.WithTimeout(patience))
			defer client.Abort()
			io.WriteString(peer, "name? ")
			s, err := client.SendLineAfter("? ", "me")
			got(t, "SendLineAfter", s, err, "name? ")
			if client.Conn() != conn || client.RemoteAddr().Network() != l.Addr().Network() {
				t.Errorf("Conn, RemoteAddr: %v, %v", client.Conn(), client.RemoteAddr())
			}
		})
	}
}

// A timeout is for each read, so that a peer that dribbles prolongs it for ever.
func TestFaultTimeoutPerRead(t *testing.T) {
	t.Parallel()
	waits := map[string]func(a *tube.Tube) error{
		"RecvUntil":     func(a *tube.Tube) error { _, err := a.RecvUntil("END"); return err },
		"RecvAny":       func(a *tube.Tube) error { _, _, err := a.RecvAny("END", "FIN"); return err },
		"RecvLine":      func(a *tube.Tube) error { _, err := a.RecvLine(); return err },
		"RecvN":         func(a *tube.Tube) error { _, err := a.RecvN(1000); return err },
		"RecvAll":       func(a *tube.Tube) error { _, err := a.RecvAll(0); return err },
		"Expect":        func(a *tube.Tube) error { _, err := a.Expect(regexp.MustCompile(`END`)); return err },
		"Skip":          func(a *tube.Tube) error { _, err := a.Skip("END"); return err },
		"Discard":       func(a *tube.Tube) error { _, err := a.Discard(); return err },
		"Peek":          func(a *tube.Tube) error { _, err := a.Peek(1000); return err },
		"SendLineAfter": func(a *tube.Tube) error { _, err := a.SendLineAfter("END", ""); return err },
		"RecvFrame": func(a *tube.Tube) error {
			_, err := tube.RecvFrame[uint16](a, bigEndian, 1<<16)
			return err
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := pipe(tube.WithTimeout(time.Second))
				var dribble sync.WaitGroup
				dribble.Go(func() {
					for b.Send(".") == nil {
						time.Sleep(300 * time.Millisecond)
					}
				})
				start := time.Now()
				failed(t, name, wait(a), os.ErrDeadlineExceeded)
				if took := time.Since(start); took != time.Second {
					t.Errorf("it took %v, want 1s", took)
				}
				a.Close()
				b.Close()
				dribble.Wait()
			})
		})
	}
}

// The last line is lost when the stream ends without a newline.
func TestFaultPartialLastLineAtEOF(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, server.Send("first\nflag{no newline}"))
	must(t, server.Close())
	_, err := client.RecvUntil("\nnever")
	failed(t, "RecvUntil", err, io.ErrUnexpectedEOF)
	var lines []string
	for line, err := range client.Lines() {
		must(t, err)
		lines = append(lines, line)
	}
	if s := strings.Join(lines, "|"); s != "first|flag{no newline}" {
		t.Errorf("lines: %q", s)
	}
}
