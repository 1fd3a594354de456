package nc

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows"
)

// Winsock's numbers that package windows does not name.
const (
	soDebug         = 0x1
	ipTTL           = 4
	ipv6UnicastHops = 4
)

func setCommonOptions(c *config, fd uintptr, network string) error {
	s := windows.Handle(fd)
	o := &c.sock
	var errs []error
	set := func(want bool, what string, level, opt, value int) {
		if !want {
			return
		}
		if err := windows.SetsockoptInt(s, level, opt, value); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", what, err))
		}
	}
	v6 := strings.HasSuffix(network, "6")
	set(c.udp, "SO_BROADCAST (-b)", windows.SOL_SOCKET, windows.SO_BROADCAST, one(o.broadcast)) // package net allows it to all
	set(o.debug, "SO_DEBUG (-D)", windows.SOL_SOCKET, soDebug, 1)
	set(o.recvBuf > 0, "the receive buffer (-I)", windows.SOL_SOCKET, windows.SO_RCVBUF, o.recvBuf)
	set(o.sendBuf > 0, "the send buffer (-O)", windows.SOL_SOCKET, windows.SO_SNDBUF, o.sendBuf)
	set(o.ttl > 0 && v6, "the hop limit (-M)", windows.IPPROTO_IPV6, ipv6UnicastHops, o.ttl)
	set(o.ttl > 0 && !v6, "the TTL (-M)", windows.IPPROTO_IP, ipTTL, o.ttl)
	if o.hasTOS {
		errs = append(errs, usage("leave -T out: Windows takes it from its policies", "-T cannot be set on Windows"))
	}
	return errors.Join(errs...)
}
