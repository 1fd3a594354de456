//go:build unix && !solaris

package oci

import (
	"io/fs"
	"os"
	"syscall"
)

// How a file is locked.
const (
	alone      = syscall.LOCK_EX
	aloneOrNot = syscall.LOCK_EX | syscall.LOCK_NB // an error where it is locked
	together   = syscall.LOCK_SH
)

// lockFile opens a file, which is made if need be, and locks it until it is closed or its process ends.
func lockFile(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f, how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lock changes how an open file is locked.
func lock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
