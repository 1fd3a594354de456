//go:build unix

package host

import "golang.org/x/sys/unix"

// openFiles is how many descriptors the server may have; 0 is not known.
func openFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), 1<<31-1))
}
