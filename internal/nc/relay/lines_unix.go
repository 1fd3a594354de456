//go:build unix

package relay

import "golang.org/x/sys/unix"

// ByLines reports whether a terminal gives its input line by line. Whoever has set it otherwise (stty raw) wants every key sent as it is.
func ByLines(fd int) bool {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	return err != nil || t.Lflag&unix.ICANON != 0
}
