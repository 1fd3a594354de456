//go:build linux

package nc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// getsockopt reads an option of a connection or listener.
func getsockopt(t *testing.T, c any, level, opt int) int {
	t.Helper()
	rc, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var v int
	var serr error
	if err := rc.Control(func(fd uintptr) { v, serr = unix.GetsockoptInt(int(fd), level, opt) }); err != nil || serr != nil {
		t.Fatal(err, serr)
	}
	return v
}

// TestSocketOptions reads back from the kernel what the flags have set, on the
// connection that is made and on the one that is accepted.
// TestSessionsFreeDescriptors serves many connections with those that the first had.
func TestSessionsFreeDescriptors(t *testing.T) {
	l := talk(t, ncBinary, "-lkvn", "127.0.0.1", "0") // an input that stays is what the reader must be stopped for
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	sessions := 0
	count := func() int {
		sessions++
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// Only now is it this session's turn to read the input.
		if err := l.errs.until(func(s string) bool { return strings.Count(s, "Connection received") == sessions }); err != nil {
			t.Fatal(err)
		}
		l.say(t, "now\n")
		if got := readLine(c); got != "now" {
			t.Fatalf("got %q", got)
		}
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	first := count()
	for i := range 4 {
		if n := count(); n > first {
			t.Fatalf("session %d has %d descriptors, the first had %d", i+2, n, first)
		}
	}
}

func TestSocketOptions(t *testing.T) {
	flags := []string{"-T", "af21", "-M", "7", "-I", "20000", "-O", "30000", "--keepalive", "90"}
	type option struct {
		name             string
		level, opt, want int
	}
	tcp := []option{
		{"-T", unix.IPPROTO_IP, unix.IP_TOS, 0x48},
		{"-M", unix.IPPROTO_IP, unix.IP_TTL, 7},
		{"-I", unix.SOL_SOCKET, unix.SO_RCVBUF, 40000}, // the kernel doubles what is asked for
		{"-O", unix.SOL_SOCKET, unix.SO_SNDBUF, 60000},
		{"--keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"--keepalive", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 90},
	}
	check := func(t *testing.T, c any, options []option) {
		t.Helper()
		for _, o := range options {
			if got := getsockopt(t, c, o.level, o.opt); got != o.want {
				t.Errorf("%s: the socket has %d, want %d", o.name, got, o.want)
			}
		}
	}
	ln, err := forTest(t, append(flags, "-l", "127.0.0.1", "0")...).listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	conn, err := forTest(t, append(flags, "127.0.0.1", port)...).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	t.Run("connect", func(t *testing.T) { check(t, conn, tcp) })
	t.Run("accept", func(t *testing.T) { check(t, accepted, tcp) })

	t.Run("IPv6", func(t *testing.T) {
		l6, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			testkit.Missing(t, "there is no IPv6 loopback")
		}
		defer l6.Close()
		_, port, _ := net.SplitHostPort(l6.Addr().String())
		c6, err := forTest(t, "-T", "0x20", "-M", "9", "--min-ttl", "3", "::1", port).dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c6.Close()
		check(t, c6, []option{
			{"-T", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x20},
			{"-M", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 9},
			{"--min-ttl", unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, 3},
		})
	})
	t.Run("-b", func(t *testing.T) {
		for args, want := range map[string]int{"-u": 0, "-ub": 1} {
			u, err := forTest(t, args, "--min-ttl", "5", "127.0.0.1", "9").dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			check(t, u, []option{{args, unix.SOL_SOCKET, unix.SO_BROADCAST, want}, {"--min-ttl", unix.IPPROTO_IP, unix.IP_MINTTL, 5}})
		}
		out, err := exec.Command(ncBinary, "-u", "-d", "255.255.255.255", "9").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "a broadcast address needs -b") {
			t.Errorf("a broadcast without -b: %v, %s", err, out)
		}
	})
	t.Run("-D", func(t *testing.T) {
		d, err := forTest(t, "-D", "127.0.0.1", port).dial(t.Context())
		if os.Getuid() != 0 {
			// Only an administrator may; the flag must be told about, not dropped.
			if err == nil || !strings.Contains(err.Error(), "SO_DEBUG") {
				t.Errorf("not root: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		check(t, d, []option{{"-D", unix.SOL_SOCKET, unix.SO_DEBUG, 1}})
	})
	t.Run("no --keepalive", func(t *testing.T) {
		c, err := forTest(t, "127.0.0.1", port).dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		check(t, c, []option{{"none", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0}})
	})
	t.Run("--interface", func(t *testing.T) {
		c, err := forTest(t, "--interface", "lo", "127.0.0.1", port).dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		rc, _ := c.(syscall.Conn).SyscallConn()
		rc.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE); got != "lo" {
				t.Errorf("bound to %q, %v", got, err)
			}
		})
		out, err := exec.Command(ncBinary, "--interface", "nosuch0", "127.0.0.1", port).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "no network interface nosuch0") {
			t.Errorf("an interface that is not there: %v, %s", err, out)
		}
	})
}

// TestMD5 signs segments: who has another key, or none, gets no answer.
func TestMD5(t *testing.T) {
	t.Setenv("NC_TCP_MD5_KEY", "secret")
	l := start(t, ncBinary, "-lvn", "-S", "-c", "echo in", "127.0.0.1", "0")
	if err := l.errs.until(func(s string) bool { return strings.Contains(s, "\n") }); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(l.errs.String(), "sign TCP segments") {
		t.Skip("the kernel signs no TCP segments")
	}
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-w", "0.3"}, {"-S", "-w", "0.3"}} {
		cmd := exec.Command(ncBinary, append(args, "-d", "127.0.0.1", port)...)
		cmd.Env = append(os.Environ(), "NC_TCP_MD5_KEY=wrong")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "no answer from") {
			t.Errorf("%v with the wrong key: %v, %s", args, err, out)
		}
	}
	if out, err := exec.Command(ncBinary, "-S", "-d", "127.0.0.1", port).CombinedOutput(); err != nil || string(out) != "in\n" {
		t.Errorf("with the key: %q, %v", out, err)
	}
	cmd := exec.Command(ncBinary, "-S", "127.0.0.1", port)
	cmd.Env = []string{}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "NC_TCP_MD5_KEY") {
		t.Errorf("without a key: %v, %s", err, out)
	}
}

// TestPassFD gives the connection itself to the process at the standard output.
func TestPassFD(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			fmt.Fprintf(c, "you said %s\n", readLine(c))
			c.Close()
		}
	}()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "stdout")
	defer unix.Close(fds[0])
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	cmd := exec.Command(ncBinary, "-F", "127.0.0.1", port)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = theirs, &errs
	err = cmd.Run()
	theirs.Close()
	if err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	buf, oob := make([]byte, 8), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(fds[0], buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n != 1 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) != 1 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	got, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if flags, err := unix.FcntlInt(uintptr(got[0]), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the socket passed has flags %#x, %v; its reader expects it blocking", flags, err)
	}
	f := os.NewFile(uintptr(got[0]), "passed")
	defer f.Close()
	fmt.Fprintln(f, "hello")
	if got := readLine(f); got != "you said hello" {
		t.Errorf("got %q", got)
	}
	out, err := exec.Command(ncBinary, "-F", "127.0.0.1", port).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "must be a Unix socket") {
		t.Errorf("with a pipe as output: %v, %s", err, out)
	}
}

// TestVsock talks over the loopback of the family.
func TestVsock(t *testing.T) {
	port := strconv.Itoa(1<<20 + os.Getpid())
	if !vsockLoopback() {
		t.Skip("the kernel has no vsock loopback (modprobe vsock_loopback)")
	}
	l := start(t, ncBinary, "-lv", "--vsock", "-e", "cat", port)
	l.says(t, "Listening on vsock "+port)
	cmd := exec.Command(ncBinary, "--vsock", "-w", "5", "1", port)
	cmd.Stdin = strings.NewReader("hello\n")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
		t.Errorf("got %q, %v", out, err)
	}
	l.says(t, "Connection received on 1 ")
	l.wait(t)
	if out, err := exec.Command(ncBinary, "--vsock", "1", port).CombinedOutput(); err == nil || !strings.Contains(string(out), "connection refused: nothing listens on vsock 1:"+port) {
		t.Errorf("got %s, %v", out, err)
	}
}

// vsockLoopback reports whether this kernel refuses a connection to itself, as
// one with a loopback does where nobody listens.
func vsockLoopback() bool {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_LOCAL, Port: 1<<31 - 9})
	return err == unix.ECONNRESET || err == unix.ECONNREFUSED
}

// TestFallback goes on to the next address of a name when one refuses.
func TestFallback(t *testing.T) {
	l, port := listener(t, "-lk", "-c", "echo in")
	both := []string{"-v", "--resolve", "two:::1", "--resolve", "two:127.0.0.1"}
	cmd := exec.Command(ncBinary, append(both, "-d", "two", port)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || string(out) != "in\n" {
		t.Fatalf("got %q, %v: %s", out, err, &errs)
	}
	for _, want := range []string{
		"nc: connect to two (::1) port " + port + " (tcp) failed: ",
		"Connection to two (127.0.0.1) " + port + " port [tcp/*] succeeded!",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("it does not say %q: %s", want, &errs)
		}
	}
	if out, err := exec.Command(ncBinary, append(both, "-6", "-d", "two", port)...).CombinedOutput(); err == nil {
		t.Errorf("-6 takes the IPv4 address: %s", out)
	}
	l.cmd.Process.Signal(os.Interrupt)
	l.wait(t)
	// None of them: the first one's error, and both are told.
	out, err = exec.Command(ncBinary, append(both, "two", port)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "(127.0.0.1) port "+port+" (tcp) failed: Connection refused") {
		t.Errorf("got %v, %s", err, out)
	}
}

// TestHeadStart does not wait for a silent IPv6 when IPv4 answers, in a network of its own.
func TestHeadStart(t *testing.T) {
	out, took := inNetwork(t, fmt.Sprintf("ip -6 addr add fd99::1/64 dev v0 nodad && ip -6 neigh add fd99::2 lladdr 02:00:00:00:00:02 dev v0 && "+
		"{ %[1]s -lvn -c 'echo in' 127.0.0.1 4444 2>log & until grep -q Listening log; do :; done; "+
		"exec %[1]s -w 9 -d --resolve two:fd99::2 --resolve two:127.0.0.1 two 4444; }", ncBinary))
	if !strings.HasSuffix(out, "in\n") {
		t.Errorf("got %s", out)
	}
	if took > 3*time.Second {
		t.Errorf("a silent address held up the other for %v", took)
	}
}

// TestLivingSocket leaves a listener alone whose path another one wants, and takes the place of one that was killed.
func TestLivingSocket(t *testing.T) {
	for _, kind := range [][]string{{"-lU"}, {"-luU"}} {
		path := filepath.Join(t.TempDir(), "s")
		l := start(t, ncBinary, append(kind, "-v", path)...)
		l.says(t, "on "+path)
		before := l.errs.String()
		for range 2 {
			out, err := exec.Command(ncBinary, append(kind, path)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "the address is taken") {
				t.Fatalf("%v: a second one: %v, %s", kind, err, out)
			}
		}
		if l.errs.String() != before {
			t.Errorf("%v: the first one says %s", kind, l.errs)
		}
		l.cmd.Process.Kill()
		l.wait(t)
		next := start(t, ncBinary, append(kind, "-v", path)...)
		next.says(t, "on "+path)
	}
}

// TestHeaderWithoutAddress judges a connection by its own address when its PROXY header names none of the internet.
func TestHeaderWithoutAddress(t *testing.T) {
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	unix := make([]byte, 216)
	copy(unix, "/tmp/a")
	ipv4 := "\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x03\x00\x04"
	for name, tt := range map[string]struct{ header, want string }{
		"Unix":        {v2 + "\x21\x31\x00\xd8" + string(unix), "127.0.0.1"},
		"unspecified": {v2 + "\x21\x00\x00\x00", "127.0.0.1"},
		"UNKNOWN":     {"PROXY UNKNOWN\r\n", "127.0.0.1"},
		"IPv4":        {v2 + "\x21\x11\x00\x0c" + ipv4, "192.0.2.1"},
		"long":        {v2 + "\x21\x11\x13\x93" + ipv4 + "\xe0\x13\x84" + strings.Repeat("x", 4996), "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, port := listener(t, "-l", "--proxy-protocol", "v2", "--deny", "10.0.0.0/8", "-c", "echo $NCAT_REMOTE_ADDR")
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			io.WriteString(c, tt.header)
			if got := readLine(c); got != tt.want {
				t.Errorf("the client is %q, want %q", got, tt.want)
			}
		})
	}
	l, port := listener(t, "-lk", "--proxy-protocol", "v2", "--allow", "10.0.0.0/8", "-c", "echo in")
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, v2+"\x21\x31\x00\xd8"+string(unix))
	l.says(t, "refused a connection from 127.0.0.1")
}

// TestZone keeps the zone of a local address, and gives none to a proxy.
func TestZone(t *testing.T) {
	for _, args := range [][]string{{}, {"-u"}} {
		n := forTest(t, append(args, "-s", "fe80::22%lo", "fe80::1%lo", "1")...)
		if a, err := n.localAddr(t.Context(), false); err != nil || a.String() != "[fe80::22%lo]:0" {
			t.Errorf("%v: connects from %v, %v", args, a, err)
		}
	}
	n := forTest(t, "-x", "127.0.0.1:1080", "fe80::22%lo", "1")
	for _, kind := range []proxy.Kind{proxy.SOCKS5, proxy.HTTP} {
		var u *report.UsageError
		if host, err := n.resolveForProxy(t.Context(), "fe80::22%lo", kind); !errors.As(err, &u) {
			t.Errorf("%s is asked for %q, %v", kind, host, err)
		}
		var sent bytes.Buffer
		if err := proxy.Connect(&sent, kind, "fe80::22%lo", 1, nil); err == nil || sent.Len() > 0 {
			t.Errorf("%s is sent %q, %v", kind, &sent, err)
		}
	}
}

// TestNoSuchZone names the interface that an address asks for in vain, wherever it stands.
func TestNoSuchZone(t *testing.T) {
	for _, args := range [][]string{{"fe80::1%nowhere", "1"}, {"-z", "fe80::1%nowhere", "1"}, {"-l", "fe80::1%nowhere", "0"}, {"-s", "fe80::1%nowhere", "::1", "1"}} {
		out, err := exec.Command(ncBinary, args...).CombinedOutput()
		if !strings.Contains(string(out), "error: there is no network interface nowhere\nhint: ") || err == nil {
			t.Errorf("nc %q: %v, %s", args, err, out)
		}
	}
}
