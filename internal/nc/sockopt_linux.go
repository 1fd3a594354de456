package nc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// setSocketOptions sets what the command line asks for, before bind and connect.
func (c *config) setSocketOptions(fd uintptr, network string) error {
	s := int(fd)
	o := &c.sock
	v6 := strings.HasSuffix(network, "6")
	var errs []error
	set := func(what string, level, opt, value int) {
		if err := unix.SetsockoptInt(s, level, opt, value); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", what, err))
		}
	}
	if c.sourcePorts.lo > 0 && !c.udp {
		set("SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if c.udp {
		set("SO_BROADCAST (-b)", unix.SOL_SOCKET, unix.SO_BROADCAST, one(o.broadcast)) // package net allows it to all
	}
	if o.debug {
		set("SO_DEBUG (-D)", unix.SOL_SOCKET, unix.SO_DEBUG, 1)
	}
	if o.recvBuf > 0 {
		set("the receive buffer (-I)", unix.SOL_SOCKET, unix.SO_RCVBUF, o.recvBuf)
	}
	if o.sendBuf > 0 {
		set("the send buffer (-O)", unix.SOL_SOCKET, unix.SO_SNDBUF, o.sendBuf)
	}
	if o.ttl > 0 && v6 {
		set("the hop limit (-M)", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, o.ttl)
	} else if o.ttl > 0 {
		set("the TTL (-M)", unix.IPPROTO_IP, unix.IP_TTL, o.ttl)
	}
	if o.minTTL > 0 && v6 {
		set("the lowest hop limit (--min-ttl)", unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, o.minTTL)
	} else if o.minTTL > 0 {
		set("the lowest TTL (--min-ttl)", unix.IPPROTO_IP, unix.IP_MINTTL, o.minTTL)
	}
	if o.hasTOS && v6 {
		set("the traffic class (-T)", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, o.tos)
	} else if o.hasTOS {
		set("the type of service (-T)", unix.IPPROTO_IP, unix.IP_TOS, o.tos)
	}
	if c.iface != "" {
		switch err := unix.BindToDevice(s, c.iface); err {
		case nil:
		case unix.ENODEV:
			return usage("ip link shows those there are", "there is no network interface %s", c.iface)
		default:
			errs = append(errs, fmt.Errorf("use the interface %s: %w", c.iface, err))
		}
	}
	if o.md5 {
		errs = append(errs, c.setMD5(s, v6))
	}
	return errors.Join(errs...)
}

// setMD5 sets the key for every peer: the prefix of length 0 covers them all.
func (c *config) setMD5(fd int, v6 bool) error {
	key := os.Getenv("NC_TCP_MD5_KEY")
	if key == "" || len(key) > unix.TCP_MD5SIG_MAXKEYLEN {
		return withHint(fmt.Errorf("-S needs a key of 1 to %d bytes in NC_TCP_MD5_KEY", unix.TCP_MD5SIG_MAXKEYLEN), "NC_TCP_MD5_KEY=secret nc -S …")
	}
	sig := unix.TCPMD5Sig{Flags: unix.TCP_MD5SIG_FLAG_PREFIX, Keylen: uint16(len(key))}
	sig.Addr.Family = unix.AF_INET
	if v6 {
		sig.Addr.Family = unix.AF_INET6
	}
	copy(sig.Key[:], key)
	if err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG_EXT, &sig); err != nil {
		return fmt.Errorf("sign TCP segments (-S): %w", err)
	}
	return nil
}

// passFD sends the connection's descriptor over out, a Unix socket.
func passFD(out *os.File, conn net.Conn) error {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return errors.New("pass the socket (-F): this connection has no socket to pass")
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	cerr := rc.Control(func(fd uintptr) {
		// The process that gets it expects a socket like any other: blocking.
		unix.SetNonblock(int(fd), false)
		serr = unix.Sendmsg(int(out.Fd()), []byte{0}, unix.UnixRights(int(fd)), nil, 0)
	})
	if cerr != nil {
		return cerr
	}
	if serr != nil {
		return withHint(fmt.Errorf("pass the socket (-F): %w", serr), "the standard output must be a Unix socket: -F is for ssh's ProxyUseFdpass")
	}
	return nil
}
