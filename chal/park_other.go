//go:build !linux

package chal

import (
	"errors"
	"syscall"
)

// lot is there on Linux alone.
type lot struct{ parked map[int32]*session }

func openLot() (*lot, error) { return nil, errors.ErrUnsupported }

func (*lot) close()                                   {}
func (*lot) watch(func(fd int32))                     {}
func (*lot) add(syscall.Conn, *session) (int32, bool) { return 0, false }
func (*lot) remove(int32)                             {}
