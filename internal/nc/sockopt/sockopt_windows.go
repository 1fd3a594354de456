package sockopt

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Winsock's numbers that package windows does not name.
const (
	soDebug         = 0x1
	ipTTL           = 4
	ipv6UnicastHops = 4
)

func (o *Options) setCommon(fd uintptr, network string) error {
	s := windows.Handle(fd)
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
	set(strings.HasPrefix(network, "udp"), "SO_BROADCAST (-b)", windows.SOL_SOCKET, windows.SO_BROADCAST, one(o.Broadcast)) // package net allows it to all
	set(o.Debug, "SO_DEBUG (-D)", windows.SOL_SOCKET, soDebug, 1)
	set(o.RecvBuf > 0, "the receive buffer (-I)", windows.SOL_SOCKET, windows.SO_RCVBUF, o.RecvBuf)
	set(o.SendBuf > 0, "the send buffer (-O)", windows.SOL_SOCKET, windows.SO_SNDBUF, o.SendBuf)
	set(o.TTL > 0 && v6, "the hop limit (-M)", windows.IPPROTO_IPV6, ipv6UnicastHops, o.TTL)
	set(o.TTL > 0 && !v6, "the TTL (-M)", windows.IPPROTO_IP, ipTTL, o.TTL)
	if o.HasTOS {
		errs = append(errs, report.Usage("leave -T out: Windows takes it from its policies", "-T cannot be set on Windows"))
	}
	return errors.Join(errs...)
}
