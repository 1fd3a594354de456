package sockopt

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Set sets the options on a socket of package net's network, before bind and connect.
func (o *Options) Set(fd uintptr, network string) error {
	s := int(fd)
	v6 := strings.HasSuffix(network, "6")
	var errs []error
	set := func(what string, level, opt, value int) {
		if err := unix.SetsockoptInt(s, level, opt, value); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", what, err))
		}
	}
	if o.ReuseAddr {
		set("SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if strings.HasPrefix(network, "udp") {
		set("SO_BROADCAST (-b)", unix.SOL_SOCKET, unix.SO_BROADCAST, one(o.Broadcast)) // package net allows it to all
	}
	if o.Debug {
		set("SO_DEBUG (-D)", unix.SOL_SOCKET, unix.SO_DEBUG, 1)
	}
	if o.RecvBuf > 0 {
		set("the receive buffer (-I)", unix.SOL_SOCKET, unix.SO_RCVBUF, o.RecvBuf)
	}
	if o.SendBuf > 0 {
		set("the send buffer (-O)", unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuf)
	}
	if o.TTL > 0 && v6 {
		set("the hop limit (-M)", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, o.TTL)
	} else if o.TTL > 0 {
		set("the TTL (-M)", unix.IPPROTO_IP, unix.IP_TTL, o.TTL)
	}
	if o.MinTTL > 0 && v6 {
		set("the lowest hop limit (--min-ttl)", unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, o.MinTTL)
	} else if o.MinTTL > 0 {
		set("the lowest TTL (--min-ttl)", unix.IPPROTO_IP, unix.IP_MINTTL, o.MinTTL)
	}
	if o.HasTOS && v6 {
		set("the traffic class (-T)", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, o.TOS)
	} else if o.HasTOS {
		set("the type of service (-T)", unix.IPPROTO_IP, unix.IP_TOS, o.TOS)
	}
	if o.Interface != "" {
		switch err := unix.BindToDevice(s, o.Interface); err {
		case nil:
		case unix.ENODEV:
			return report.Usage("ip link shows those there are", "there is no network interface %s", o.Interface)
		default:
			errs = append(errs, fmt.Errorf("use the interface %s: %w", o.Interface, err))
		}
	}
	if o.MD5 {
		errs = append(errs, o.setMD5(s, v6))
	}
	return errors.Join(errs...)
}

// setMD5 sets the key for every peer: the prefix of length 0 covers them all.
func (o *Options) setMD5(fd int, v6 bool) error {
	key := os.Getenv("NC_TCP_MD5_KEY")
	if key == "" || len(key) > unix.TCP_MD5SIG_MAXKEYLEN {
		return report.WithHint(fmt.Errorf("-S needs a key of 1 to %d bytes in NC_TCP_MD5_KEY", unix.TCP_MD5SIG_MAXKEYLEN), "NC_TCP_MD5_KEY=secret nc -S …")
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

// PassFD sends the descriptor of conn over out, a Unix socket.
func PassFD(out *os.File, conn net.Conn) error {
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
		return report.WithHint(fmt.Errorf("pass the socket (-F): %w", serr), "the standard output must be a Unix socket: -F is for ssh's ProxyUseFdpass")
	}
	return nil
}
