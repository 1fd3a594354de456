package sock

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNoPoller: what the poller does not take, as it does with more sockets than a user may have there, is an error that others make go away, and
// what needs no waiting goes on.
func TestNoPoller(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file") // of files it takes none
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{fd: fd}
	defer c.Close()
	if _, err := c.SyscallConn(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want that there is no room", err)
	}
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
}
