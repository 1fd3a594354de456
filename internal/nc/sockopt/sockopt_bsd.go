//go:build unix && !linux

package sockopt

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

func (o *Options) setCommon(fd uintptr, network string) error {
	s := int(fd)
	v6 := strings.HasSuffix(network, "6")
	var errs []error
	set := func(want bool, what string, level, opt, value int) {
		if !want {
			return
		}
		if err := unix.SetsockoptInt(s, level, opt, value); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", what, err))
		}
	}
	set(o.ReuseAddr, "SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	set(strings.HasPrefix(network, "udp"), "SO_BROADCAST (-b)", unix.SOL_SOCKET, unix.SO_BROADCAST, one(o.Broadcast)) // package net allows it to all
	set(o.Debug, "SO_DEBUG (-D)", unix.SOL_SOCKET, unix.SO_DEBUG, 1)
	set(o.RecvBuf > 0, "the receive buffer (-I)", unix.SOL_SOCKET, unix.SO_RCVBUF, o.RecvBuf)
	set(o.SendBuf > 0, "the send buffer (-O)", unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuf)
	set(o.TTL > 0 && v6, "the hop limit (-M)", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, o.TTL)
	set(o.TTL > 0 && !v6, "the TTL (-M)", unix.IPPROTO_IP, unix.IP_TTL, o.TTL)
	set(o.HasTOS && v6, "the traffic class (-T)", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, o.TOS)
	set(o.HasTOS && !v6, "the type of service (-T)", unix.IPPROTO_IP, unix.IP_TOS, o.TOS)
	return errors.Join(errs...)
}
