//go:build unix && !linux

package sock

import "syscall"

// Recv reads from a socket, which is not to wait: no program is handed one on this system that could make it.
func Recv(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }
