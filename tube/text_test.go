package tube_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// TestConnectCRLF ends lines as the command line asks, unless an option says otherwise.
func TestConnectCRLF(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct {
		target string
		opts   []tube.Option
		want   string
	}{
		{"nc " + host + " " + port, nil, "x\n"},
		{"nc -C " + host + " " + port, nil, "x\r\n"},
		{"ncat --crlf " + host + " " + port, nil, "x\r\n"},
		{"nc -C " + host + " " + port, []tube.Option{tube.WithNewline("!")}, "x!"},
	} {
		a, err := tube.Connect(t.Context(), c.target, c.opts...)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		a.SendLine("x")
		a.Close()
		if got, _ := io.ReadAll(conn); string(got) != c.want {
			t.Errorf("%s: sent %q, want %q", c.target, got, c.want)
		}
		conn.Close()
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, network, addr string }{
		{"nc host 1337", "tcp", "host:1337"},
		{"  nc   host\t1337\n", "tcp", "host:1337"},
		{"ncat host 1337", "tcp", "host:1337"},
		{"netcat -v host 1337", "tcp", "host:1337"},
		{"nc -u host 53", "udp", "host:53"},
		{"nc -nv host 1337", "tcp", "host:1337"},
		{"nc -Cu4 host 53", "udp4", "host:53"},
		{"$ nc host 1337", "tcp", "host:1337"},
		{"nc host 1337 # the first one", "tcp", "host:1337"},
		{"host:1337 #x", "tcp", "host:1337"},
		{"`nc host 1337`", "tcp", "host:1337"},
		{"`host:1337`", "tcp", "host:1337"},
		{"stty raw -echo; nc host 1337", "tcp", "host:1337"},
		{"stty -icanon && nc host 1337", "tcp", "host:1337"},
		{"rlwrap nc host 1337", "tcp", "host:1337"},
		{"nc -4 host 1337", "tcp4", "host:1337"},
		{"nc -6 -u host 1337", "udp6", "host:1337"},
		{"nc -u -6 host 1337", "udp6", "host:1337"},
		{"nc -6 -6 ::1 1337", "tcp6", "[::1]:1337"},
		{"nc host:1337", "tcp", "host:1337"},
		{"nc -U /run/s", "unix", "/run/s"},
		{"ncat --ssl host 1337", "tls", "host:1337"},
		{"telnet host 23", "tcp", "host:23"},
		{"openssl s_client -connect host:1337", "tls", "host:1337"},
		{"openssl s_client -quiet -connect host:1337", "tls", "host:1337"},
		{"openssl s_client host:1337", "tls", "host:1337"},
		{"host:1337", "tcp", "host:1337"},
		{"host 1337", "tcp", "host:1337"},
		{"host http", "tcp", "host:http"},
		{"[::1]:1337", "tcp", "[::1]:1337"},
		{"::1 1337", "tcp", "[::1]:1337"},
		{"[::1] 1337", "tcp", "[::1]:1337"},
		{"nc fe80::1%eth0 1337", "tcp", "[fe80::1%eth0]:1337"},
		{"tcp://host:1337", "tcp", "host:1337"},
		{"nc://host:1337", "tcp", "host:1337"},
		{"tcp6://[::1]:1337", "tcp6", "[::1]:1337"},
		{"tls://host:1337", "tls", "host:1337"},
		{"ssl://host:1337/", "tls", "host:1337"},
		{"udp://host:53", "udp", "host:53"},
		{"http://host/path", "tcp", "host:80"},
		{"http://host:8080", "tcp", "host:8080"},
		{"https://host", "tls", "host:443"},
		{"unix:///run/s", "unix", "/run/s"},
		{"unix://relative/s", "unix", "relative/s"},
		{"unix://@abstract", "unix", "@abstract"},
	} {
		network, addr, err := tube.ParseTarget(c.target)
		if err != nil || network != c.network || addr != c.addr {
			t.Errorf("ParseTarget(%q) = %q, %q, %v, want %q, %q", c.target, network, addr, err, c.network, c.addr)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, why string }{
		{"", "no address"},
		{" \t", "no address"},
		{"host", "no port"},
		{"host:", "no port"},
		{":1337", "no host"},
		{"nc host", "a host and a port are needed"},
		{"nc", "a host and a port are needed"},
		{"``", "no address"},
		{"# nc", "a host and a port are needed"},
		{"nc # host 1337", "a host and a port are needed"},
		{"stty raw", "is no port"},
		{"rlwrap", "no port"},
		{"nc -l 1337", `the flag "-l" is not known here`},
		{"nc -w 3 host 1337", `the flag "-w" is not known here`},
		{"nc host 1337 extra", "a host and a port are needed"},
		{"nc --ssl -4 host 1337", "-4 and --ssl"},
		{"nc -U", "one path is needed"},
		{"host 1337 extra", "too many words"},
		{"host:99999", `"99999" is no port (1 to 65535)`},
		{"host:0", `"0" is no port`},
		{"host:-1", `"-1" is no port`},
		{"host nosuchservice", `"nosuchservice" is no port`},
		{"::1:1337", `an IPv6 address needs brackets, "[::1]:1337"`},
		{"ssh://host:22", `the scheme "ssh" is none of tcp, tls, udp, unix, http, https`},
		{"tcp://host", "no port"},
		{"tcp://host:1 1337", "too many words"},
		{"ssh user@host", `"user@host" is no port`},
		{"user@host 22", `"user@host" is no host`},
		{"a/b:1", `"a/b" is no host`},
		{"tcp://host:port", "not a URL"},
		{"unix://", "no path"},
		{"openssl s_client", "-connect host:port"},
		{"openssl req -new", "only s_client"},
		{"openssl s_client -connect host:1 -cert x", `the flag "-cert" is not known here`},
		{"openssl s_client -connect", `the flag "-connect" is not known here`},
	} {
		network, addr, err := tube.ParseTarget(c.target)
		if err == nil {
			t.Errorf("ParseTarget(%q) = %q, %q, want an error", c.target, network, addr)
			continue
		}
		for _, part := range []string{c.why, fmt.Sprintf("%q", c.target), `write it like "nc host 1337"`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseTarget(%q): %v, want it to say: %s", c.target, err, part)
			}
		}
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	l := listenOn(t, "tcp")
	host, port, _ := net.SplitHostPort(l.Addr().String())
	for _, target := range []string{"nc " + host + " " + port, host + ":" + port, "tcp://" + host + ":" + port} {
		c, err := tube.Connect(t.Context(), target)
		must(t, err)
		c.Close()
	}
	if _, err := tube.Connect(t.Context(), "nowhere"); err == nil {
		t.Error("Connect without a port gave no error")
	}
	// A port that nobody listens on, and that nobody else can get: that of a client.
	c, err := tube.Dial(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	host, port, _ = net.SplitHostPort(c.LocalAddr().String())
	if _, err := tube.Connect(t.Context(), host+":"+port); err == nil || !strings.HasPrefix(err.Error(), "tube: dial tcp "+host+":"+port) {
		t.Errorf("Connect to a closed port: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tube.Connect(ctx, host+":"+port); err == nil {
		t.Error("Connect with an ended context gave no error")
	}
	if _, err := tube.Dial(t.Context(), "carrier pigeon", "loft:1"); err == nil || !strings.Contains(err.Error(), "carrier pigeon") {
		t.Errorf("Dial on an unknown network: %v", err)
	}
	if _, err := tube.Listen(t.Context(), "carrier pigeon", "loft:1"); err == nil {
		t.Error("Listen on an unknown network gave no error")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	a, b := pipe()
	go func() { b.Send("Wrong password.\n") }()
	_, err := a.Peek(len("Wrong password.\n")) // it has come
	must(t, err)
	_, err = a.Within(0).RecvUntil("$ ")
	_, err2 := a.Within(0).RecvRegexp(regexp.MustCompile(`flag\{.*\}`))
	_, err4 := a.Within(0).RecvN(100)
	_, _, err5 := a.Within(0).RecvAny("> ", "$ ")
	a.Unrecv(long)
	_, err3 := a.Within(0).RecvUntil("$ ")
	a.Drain()
	_, err6 := a.Within(0).RecvLine()
	b.Close()
	_, err7 := a.RecvUntil("x")
	err8 := a.Send("x")
	a.Close()
	err9 := a.Send("x")
	for _, c := range []struct {
		err  error
		want string
	}{
		{err, `recv until "$ ": timed out; came instead: "Wrong password.\n"`},
		{err2, `recv regexp /flag\{.*\}/: timed out; came instead: "Wrong password.\n"`},
		{err3, `recv until "$ ": timed out; 316 bytes came instead, the last: "` + long[:240] + `Wrong password.\n"`},
		{err4, `recv 100 bytes: timed out; came instead: "Wrong password.\n"`},
		{err5, `recv any of "> ", "$ ": timed out; came instead: "Wrong password.\n"`},
		{err6, `recv line: timed out`},
		{err7, `recv until "x": the stream has ended`},
		{err8, `send: connection reset by the peer (io: read/write on closed pipe)`},
		{err9, `send: use of closed network connection`},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got  %v\nwant %v", c.err, c.want)
		}
	}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() || errors.As(err7, &ne) && ne.Timeout() {
		t.Errorf("Timeout tells the timeout and the end not apart")
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c, d := net.Pipe()
	a, b := tube.New(c, tube.WithTrace(&log), tube.WithTimeout(patience)), tube.New(d, tube.WithTimeout(patience))
	go b.Send("password? \x00\xff12345")
	_, err := a.RecvUntil("5")
	must(t, err)
	go b.RecvLine()
	must(t, a.SendLine("swordfish"))
	go b.Send("ok\n")
	_, err = a.RecvLine()
	must(t, err)
	want := `< 00000000  70 61 73 73 77 6f 72 64  3f 20 00 ff 31 32 33 34  |password? ..1234|
< 00000010  35                                                |5|
> 00000000  73 77 6f 72 64 66 69 73  68 0a                    |swordfish.|
< 00000011  6f 6b 0a                                          |ok.|
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
}

// A program that traces only when asked to gives a nil writer otherwise.
func TestTraceToNobody(t *testing.T) {
	t.Parallel()
	client, server := pair(t, tube.WithTrace(nil))
	must(t, client.Send("x"))
	s, err := server.RecvN(1)
	got(t, "RecvN", s, err, "x")
}

// Several tubes may write to one trace, each counting its own bytes.
func TestTraceShared(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client, server := pair(t, tube.WithTrace(&log))
	for range 3 {
		must(t, client.Send("x"))
		_, err := server.RecvN(1)
		must(t, err)
	}
	for _, line := range []string{"> 00000002  78", "< 00000002  78"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the trace lacks %q:\n%s", line, &log)
		}
	}
	must(t, client.CloseWrite())
	n, err := server.WriteTo(client) // which must not pass the trace by
	got(t, "WriteTo", n, err, 0)
}

func TestPack(t *testing.T) {
	t.Parallel()
	le, be := binary.LittleEndian, binary.BigEndian
	check := func(got []byte, want string) {
		t.Helper()
		if tube.Hex(got) != want {
			t.Errorf("got %x, want %s", got, want)
		}
	}
	check(tube.Pack(uint32(0xdeadbeef), le), "efbeadde")
	check(tube.Pack(uint32(0xdeadbeef), be), "deadbeef")
	check(tube.Pack(int8(-1), be), "ff")
	check(tube.Pack(int16(-2), le), "feff")
	check(tube.Pack(int64(math.MinInt64), be), "8000000000000000")
	check(tube.Pack(uint64(1), le), "0100000000000000")
	check(tube.Pack(uint16(0x1234), binary.NativeEndian), tube.Hex(binary.NativeEndian.AppendUint16(nil, 0x1234)))

	i8, err := tube.Unpack[int8]([]byte{0x80}, be)
	got(t, "Unpack", i8, err, -128)
	i16, err := tube.Unpack[int16]([]byte{0xfe, 0xff}, le)
	got(t, "Unpack", i16, err, -2)
	u32, err := tube.Unpack[uint32]([]byte{1, 2, 3, 4}, be)
	got(t, "Unpack", u32, err, 0x01020304)
	i64, err := tube.Unpack[int64](bytes.Repeat([]byte{0xff}, 8), le)
	got(t, "Unpack", i64, err, -1)
	if _, err := tube.Unpack[uint32]([]byte{1, 2, 3}, be); err == nil || err.Error() != "unpack uint32: 3 bytes given, it takes 4" {
		t.Errorf("Unpack of too little: %v", err)
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	must(t, tube.SendFrame[uint8](client, bigEndian, nil))
	p, err := tube.RecvFrame[uint8](server, bigEndian, 0)
	got(t, "an empty frame", string(p), err, "")
	if err := tube.SendFrame[uint8](client, bigEndian, make([]byte, 256)); err == nil {
		t.Error("a frame longer than its length can say gave no error")
	}
	// A frame that does not come whole stays whole.
	must(t, client.SendBytes([]byte{0, 5, 'h', 'a'}))
	_, err = tube.RecvFrame[uint16](server.Within(soon), bigEndian, 10)
	failed(t, "RecvFrame", err, os.ErrDeadlineExceeded)
	must(t, client.Send("llo"))
	p, err = tube.RecvFrame[uint16](server, bigEndian, 10)
	got(t, "RecvFrame", string(p), err, "hallo")
	// Lengths that are meant to do harm.
	must(t, client.SendBytes(bytes.Repeat([]byte{0xff}, 8)))
	for _, limit := range []int{10, math.MaxInt, -1} {
		_, err = tube.RecvFrame[uint64](server, bigEndian, limit)
		failed(t, "RecvFrame", err, tube.ErrTooLong)
	}
	must(t, client.CloseWrite())
	_, err = tube.RecvFrame[uint32](server, bigEndian, math.MaxInt)
	failed(t, "RecvFrame", err, io.ErrUnexpectedEOF)
	got(t, "Buffered", server.Buffered(), nil, 8)
}

// Several goroutines may receive frames at once.
func TestFramesConcurrently(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	const frames = 400
	go func() {
		for i := range frames {
			tube.SendFrame[uint16](client, bigEndian, bytes.Repeat([]byte{byte(i)}, i))
		}
	}()
	lengths := make(chan int)
	for range 4 {
		go func() {
			for range frames / 4 {
				p, err := tube.RecvFrame[uint16](server, bigEndian, frames)
				if err != nil || bytes.Count(p, []byte{byte(len(p))}) != len(p) {
					t.Errorf("RecvFrame: %d bytes, %v", len(p), err)
				}
				lengths <- len(p)
			}
		}()
	}
	sum := 0
	for range frames {
		sum += <-lengths
	}
	if want := frames * (frames - 1) / 2; sum != want {
		t.Errorf("%d bytes in all frames, want %d", sum, want)
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"deadBEEF", "\xde\xad\xbe\xef"}, {"0x41 42\n43", "ABC"}, {"", ""}, {"0x", ""},
	} {
		b, err := tube.Unhex(c.in)
		got(t, "Unhex", string(b), err, c.want)
	}
	for _, in := range []string{"abc", "zz", "41:42", "x41"} {
		if b, err := tube.Unhex(in); err == nil || !strings.Contains(err.Error(), in) {
			t.Errorf("Unhex(%q) = %x, %v, want an error that shows it", in, b, err)
		}
	}
	for _, c := range []struct{ in, want string }{
		{"ZmxhZw==", "flag"}, {"ZmxhZw", "flag"}, {"-_-_", "\xfb\xff\xbf"}, {"+/+/", "\xfb\xff\xbf"}, {"Zm\nxh\r\nZw==\n", "flag"}, {"", ""},
	} {
		b, err := tube.Unbase64(c.in)
		got(t, "Unbase64", string(b), err, c.want)
	}
	for _, in := range []string{"Zm=xhZw", "Z", "Zm!h"} {
		if b, err := tube.Unbase64(in); err == nil {
			t.Errorf("Unbase64(%q) = %q, want an error", in, b)
		}
	}
	got(t, "Hex", tube.Hex("\x00\xff"), nil, "00ff")
	got(t, "Base64", tube.Base64([]byte("flag")), nil, "ZmxhZw==")
}
