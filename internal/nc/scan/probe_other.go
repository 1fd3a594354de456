//go:build !linux

package scan

import (
	"context"
	"net/netip"
)

// probeMany is done by the dialer on this system.
func (s *Scanner) probeMany(context.Context, netip.Addr, []int, func(int, error)) (bool, error) {
	return false, nil
}
