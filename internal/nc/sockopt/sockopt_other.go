//go:build !linux

package sockopt

import (
	"errors"
	"net"
	"os"
	"runtime"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Set sets the options on a socket of package net's network, before bind and connect.
func (o *Options) Set(fd uintptr, network string) error {
	switch {
	case o.MD5:
		return report.Usage("leave -S out", "-S (TCP MD5) is not built for %s", runtime.GOOS)
	case o.MinTTL > 0:
		return report.Usage("leave --min-ttl out", "--min-ttl is not built for %s", runtime.GOOS)
	case o.Interface != "":
		return report.Usage("-s ADDR chooses by address", "--interface is not built for %s", runtime.GOOS)
	}
	return o.setCommon(fd, network)
}

// PassFD sends the descriptor of conn over out, a Unix socket.
func PassFD(*os.File, net.Conn) error {
	return report.WithHint(errors.New("passing the socket (-F) is not built for "+runtime.GOOS), "leave -F out: nc copies the bytes")
}
