// Package vsock connects a virtual machine and its host: the streams of AF_VSOCK,
// which package net does not know.
//
//	conn, err := vsock.Dial(vsock.Addr{CID: vsock.Host, Port: 1024}, time.Second)
package vsock

import (
	"errors"
	"fmt"
)

// ErrUnsupported is a system without vsock.
var ErrUnsupported = errors.New("this kernel has no vsock")

// Context IDs with a meaning of their own.
const (
	Any   = 1<<32 - 1
	Local = 1 // this machine, if its kernel has a loopback
	Host  = 2
)

// Addr is a context ID and a port.
type Addr struct{ CID, Port uint32 }

// Network returns "vsock".
func (a Addr) Network() string { return "vsock" }
func (a Addr) String() string  { return fmt.Sprintf("%d:%d", a.CID, a.Port) }
