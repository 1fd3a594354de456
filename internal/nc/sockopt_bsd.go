//go:build unix && !linux

package nc

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

func setCommonOptions(c *config, fd uintptr, network string) error {
	s := int(fd)
	o := &c.sock
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
	set(c.sourcePorts.lo > 0 && !c.udp, "SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	set(c.udp, "SO_BROADCAST (-b)", unix.SOL_SOCKET, unix.SO_BROADCAST, one(o.broadcast)) // package net allows it to all
	set(o.debug, "SO_DEBUG (-D)", unix.SOL_SOCKET, unix.SO_DEBUG, 1)
	set(o.recvBuf > 0, "the receive buffer (-I)", unix.SOL_SOCKET, unix.SO_RCVBUF, o.recvBuf)
	set(o.sendBuf > 0, "the send buffer (-O)", unix.SOL_SOCKET, unix.SO_SNDBUF, o.sendBuf)
	set(o.ttl > 0 && v6, "the hop limit (-M)", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, o.ttl)
	set(o.ttl > 0 && !v6, "the TTL (-M)", unix.IPPROTO_IP, unix.IP_TTL, o.ttl)
	set(o.hasTOS && v6, "the traffic class (-T)", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, o.tos)
	set(o.hasTOS && !v6, "the type of service (-T)", unix.IPPROTO_IP, unix.IP_TOS, o.tos)
	return errors.Join(errs...)
}
