package relay

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReceiveIntoFile sends small pieces, then much, then small pieces again: all is there, in order, and at once.
func TestReceiveIntoFile(t *testing.T) {
	all := make([]byte, 48<<20)
	rand.NewChaCha8([32]byte{}).Read(all)
	for name, receive := range map[string]func(*os.File, *net.TCPConn, *Meter) error{
		"any":  func(f *os.File, c *net.TCPConn, m *Meter) error { return Receive(f, c, m) },
		"bulk": func(f *os.File, c *net.TCPConn, m *Meter) error { return bulkToFile(int(f.Fd()), rawStream(c), m) },
	} {
		for _, reset := range []bool{false, true} {
			near, far := pair(t)
			path := filepath.Join(t.TempDir(), "file")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var m Meter
			ended := make(chan error, 1)
			go func() { ended <- receive(f, near, &m) }()
			for sent, n := 0, 0; sent < len(all); sent += n {
				n = 1000
				if sent == 10*n {
					n = len(all) - 20*n
				}
				if _, err := far.Write(all[sent : sent+n]); err != nil {
					t.Fatal(err)
				}
				for m.Bytes() < int64(sent+n) { // nothing is held back
					select {
					case err := <-ended:
						t.Fatalf("%s: ended with %v after %d bytes", name, err, m.Bytes())
					default:
					}
				}
			}
			if reset {
				far.SetLinger(0)
			}
			far.Close()
			if err := <-ended; m.Bytes() != int64(len(all)) || errors.Is(err, unix.ECONNRESET) != reset {
				t.Errorf("%s, reset %v: got %v after %d bytes, want %d", name, reset, err, m.Bytes(), len(all))
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, all) {
				t.Errorf("%s, reset %v: the file's %d bytes are not those that were sent, %v", name, reset, len(got), err)
			}
		}
	}
}

// TestFileFails: when what is written to fails, that is the error, although the peer neither sends more nor closes.
func TestFileFails(t *testing.T) {
	near, far := pair(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	reader := os.NewFile(uintptr(fds[1]), "reader")
	defer unix.Close(fds[0])
	var m Meter
	ended := make(chan error, 1)
	go func() { ended <- bulkToFile(fds[0], rawStream(near), &m) }()
	const before = 3 << 20
	go func() {
		far.Write(make([]byte, before)) // and is silent from then on
		io.CopyN(io.Discard, reader, before)
		reader.Close()
		far.Write([]byte("one more"))
	}()
	if err := <-ended; !errors.Is(err, ErrOutput) || m.Bytes() != before {
		t.Errorf("got %v after %d bytes, want %v after %d", err, m.Bytes(), ErrOutput, before)
	}
}
