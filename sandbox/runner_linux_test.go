package sandbox

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHello(t *testing.T) {
	r, err := Prepare(Policy{}, "/bin/sh", "-c", "echo hello; cat; id; ls -la / /dev; env; echo err >&2; cat /etc/passwd; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Log(r.Enforced())
	a, b := pair(t)
	p, err := r.Start(t.Context(), b, Session{Env: []string{"A=b"}})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	a.Write([]byte("input\n"))
	a.CloseWrite()
	out, err := io.ReadAll(a)
	t.Logf("%s %v", out, err)
	e, err := p.Wait()
	t.Logf("%+v %s %v", e, e.Stderr, err)
}

func pair(t testing.TB) (*net.UnixConn, *net.UnixConn) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var c [2]*net.UnixConn
	for i, fd := range p {
		f := os.NewFile(uintptr(fd), "pair")
		n, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		c[i] = n.(*net.UnixConn)
	}
	return c[0], c[1]
}
