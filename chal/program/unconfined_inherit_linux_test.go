package program

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCloseInherited: every way marks what a shell has opened.
func TestCloseInherited(t *testing.T) {
	for name, mark := range map[string]func(){
		"at once": closeInherited, "listed": func() { closeListed(3) }, "one by one": func() { closeUpTo(3) },
	} {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		mark()
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: descriptor %d has flags %#x, %v", name, fd, flags, err)
		}
		unix.Close(fd)
	}
}
