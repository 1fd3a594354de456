//go:build !linux

package nc

import (
	"errors"
	"net"
	"os"
	"runtime"
)

// setSocketOptions sets what the command line asks for, before bind and connect.
func (c *config) setSocketOptions(fd uintptr, network string) error {
	o := &c.sock
	switch {
	case o.md5:
		return usage("leave -S out", "-S (TCP MD5) is not built for %s", runtime.GOOS)
	case o.minTTL > 0:
		return usage("leave --min-ttl out", "--min-ttl is not built for %s", runtime.GOOS)
	case c.iface != "":
		return usage("-s ADDR chooses by address", "--interface is not built for %s", runtime.GOOS)
	}
	return setCommonOptions(c, fd, network)
}

func passFD(*os.File, net.Conn) error {
	return withHint(errors.New("passing the socket (-F) is not built for "+runtime.GOOS), "leave -F out: nc copies the bytes")
}
