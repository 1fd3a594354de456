package tube_test

import (
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
	"github.com/flagstaff-ctf/flagstaff/tube/tubetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	over := func(network string) tubetest.Make {
		return func(t testing.TB, opts ...tube.Option) (a, b *tube.Tube) {
			a, b = connect(t, network, opts...)
			if network == "udp" || network == "unixgram" {
				s, err := b.With(t.Context()).Recv()
				got(t, "the datagram it took to meet", s, err, "hello")
			}
			return a, b
		}
	}
	wrap := func(pipe func() (a, b io.ReadWriteCloser)) tubetest.Make {
		return func(t testing.TB, opts ...tube.Option) (a, b *tube.Tube) {
			c, d := pipe()
			return tube.New(c, opts...), tube.New(d, opts...)
		}
	}
	// A program at a's end that relays to b, so that b sees what it sees.
	program := func(opts ...tube.Option) tubetest.Make {
		return func(t testing.TB, more ...tube.Option) (a, b *tube.Tube) {
			opts := append(more, opts...)
			l := listenOn(t, "tcp", opts...)
			a, err := tube.Start(ourselves("relay", l.Addr().String()), opts...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { a.Abort() })
			b, err = l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return a, b
		}
	}
	for _, c := range []struct {
		name string
		make tubetest.Make
		opts []tubetest.Option
		on   bool
	}{
		{name: "tcp", make: over("tcp"), on: true},
		{name: "tcp6", make: over("tcp6"), on: nettestIPv6()},
		{name: "tls", make: over("tls"), on: true},
		{name: "unix", make: over("unix"), on: runtime.GOOS != "windows"},
		{name: "unixpacket", make: over("unixpacket"), opts: []tubetest.Option{tubetest.WithDatagrams()}, on: runtime.GOOS == "linux"},
		{name: "udp", make: over("udp"), opts: []tubetest.Option{tubetest.WithDatagrams(), tubetest.WithoutHalfClose()}, on: true},
		{name: "unixgram", make: over("unixgram"), opts: []tubetest.Option{tubetest.WithDatagrams(), tubetest.WithoutHalfClose()}, on: runtime.GOOS != "windows"},
		{name: "net.Pipe", on: true, opts: []tubetest.Option{tubetest.WithoutHalfClose()}, make: wrap(func() (a, b io.ReadWriteCloser) {
			return net.Pipe()
		})},
		{name: "pump over net.Pipe", on: true, opts: []tubetest.Option{tubetest.WithoutHalfClose()}, make: wrap(func() (a, b io.ReadWriteCloser) {
			c, d := net.Pipe()
			return noDeadlines(c), noDeadlines(d)
		})},
		{name: "memnet", on: true, make: wrap(func() (a, b io.ReadWriteCloser) {
			return memnet.Pipe(0)
		})},
		{name: "program", make: program(), on: true},
		{name: "program on a terminal", make: program(tube.WithPTY()), on: runtime.GOOS != "windows", opts: []tubetest.Option{tubetest.WithoutHalfClose(), tubetest.WithHangup()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.on {
				t.Skip("not on this system")
			}
			t.Parallel()
			tubetest.Run(t, c.make, c.opts...)
		})
	}
}

func nettestIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// programs are what this test binary does when it is started by ourselves.
var programs = map[string]func(args []string){
	// relay connects its input and output to an address; the end of its input
	// is passed on, the end of the connection ends it.
	"relay": func(args []string) {
		conn, err := net.Dial("tcp", args[0])
		if err != nil {
			os.Exit(1)
		}
		tcp := conn.(*net.TCPConn)
		go func() {
			io.Copy(tcp, os.Stdin)
			tcp.CloseWrite()
			os.Stdin.Close()
		}()
		io.Copy(os.Stdout, tcp)
		os.Stdout.Close()
		tcp.CloseRead()
	},
}

// ourselves returns a command that runs one of programs.
func ourselves(program string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(exe, args...)
	// With the race detector, a program would wait a second before it ends.
	cmd.Env = append(os.Environ(), "TUBE_TEST_PROGRAM="+program, "GORACE=atexit_sleep_ms=0")
	return cmd
}

func TestMain(m *testing.M) {
	if name := os.Getenv("TUBE_TEST_PROGRAM"); name != "" {
		programs[name](os.Args[1:])
		os.Exit(0)
	}
	// The tests wait more than they compute: more at once than there are processors take half the time.
	flag.Parse()
	if p := flag.Lookup("test.parallel"); p.Value.String() == p.DefValue {
		p.Value.Set("8")
	}
	os.Exit(m.Run())
}
