//go:build !unix

package relay

import "syscall"

// Full cannot be asked here.
func Full(syscall.Conn) bool { return false }
