package scan

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestToItself: a socket that is connected to itself says that its port is closed, one that is connected to a listener that it is open.
func TestToItself(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, itself := range []bool{true, false} {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
			t.Fatal(err)
		}
		to, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		var want error = unix.ECONNREFUSED
		if !itself {
			to, want = &unix.SockaddrInet4{Addr: loopback.As4(), Port: ln.Addr().(*net.TCPAddr).Port}, nil
		}
		if err := unix.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if got := answered(fd); got != want {
			t.Errorf("to itself: %v: got %v, want %v", itself, got, want)
		}
	}
}
