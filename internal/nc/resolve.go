package nc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// addresses returns the addresses of a host in the order to try them: the
// resolver's, with the two families taking turns, so that a broken IPv6 costs
// one attempt and not all of them.
func (n *netcat) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	c := n.c
	if as, ok := c.Resolve[strings.ToLower(host)]; ok {
		as = slices.DeleteFunc(slices.Clone(as), func(a netip.Addr) bool { return c.IPv4 && !a.Is4() || c.IPv6 && a.Is4() })
		if len(as) == 0 {
			return nil, report.Usage("leave -4 and -6 out", "--resolve gives %s no address of the kind that -4 or -6 wants", host)
		}
		return as, nil
	}
	if a, ok := parseAddr(host); ok {
		if c.IPv4 && !a.Is4() && !a.Is4In6() {
			return nil, report.Usage("leave -4 out", "%s is an IPv6 address, and -4 wants IPv4", host)
		}
		if c.IPv6 && a.Is4() {
			return nil, report.Usage("leave -6 out", "%s is an IPv4 address, and -6 wants IPv6", host)
		}
		return []netip.Addr{a.Unmap()}, nil
	}
	if c.NoDNS {
		return nil, report.Usage("leave -n out, or give an address", "%q is a name, and -n looks none up", host)
	}
	network := "ip"
	switch {
	case c.IPv4:
		network = "ip4"
	case c.IPv6:
		network = "ip6"
	}
	if t := c.ConnectTimeout(); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, report.LookupError(host, err)
	}
	return interleave(found), nil
}

// parseAddr reads an address, also in the older spellings of IPv4 that inet_aton(3) takes and so every netcat in C: 0, 127.1,
// 0x7f.1, 2130706433.
func parseAddr(host string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, true
	}
	fields := strings.Split(host, ".")
	if len(fields) > 4 {
		return netip.Addr{}, false
	}
	var whole uint64
	for i, f := range fields {
		bits := 8
		if i == len(fields)-1 {
			bits = 8 * (5 - len(fields)) // the last fills what is left
		}
		if f == "" || f[0] < '0' || f[0] > '9' || strings.Contains(f, "_") || len(f) > 1 && (f[1] == 'o' || f[1] == 'O' || f[1] == 'b' || f[1] == 'B') {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(f, 0, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		whole = whole<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(whole >> 24), byte(whole >> 16), byte(whole >> 8), byte(whole)}), true
}

// interleave keeps the order within each family and lets them take turns.
func interleave(found []netip.Addr) []netip.Addr {
	var first, second, out []netip.Addr
	for _, a := range found {
		a = a.Unmap()
		if len(first) == 0 || a.Is4() == first[0].Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			out = append(out, first[i])
		}
		if i < len(second) {
			out = append(out, second[i])
		}
	}
	return out
}

// nameOf returns a peer's name for the -v lines, its address when it has none.
// It is asked for only with -v and without -n, as in OpenBSD's nc.
func (n *netcat) nameOf(ctx context.Context, a netip.Addr) string {
	if n.c.NoDNS || n.c.Verbose == 0 {
		return a.String()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, a.WithZone("").String())
	if err != nil || len(names) == 0 {
		return a.String()
	}
	return strings.TrimSuffix(names[0], ".")
}

func hostPort(a netip.Addr, port int) string {
	return netip.AddrPortFrom(a, uint16(port)).String()
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	switch a := a.(type) {
	case *net.TCPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
	case *net.UDPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
	}
	return netip.AddrPort{}, false
}

// localAddr is the address to connect from, nil when any will do.
func (n *netcat) localAddr(ctx context.Context, v4 bool) (net.Addr, error) {
	c := n.c
	if c.Source == "" && c.SourcePorts.Lo == 0 {
		return nil, nil
	}
	var ip net.IP
	if c.Source != "" {
		found, err := n.addresses(ctx, c.Source)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			if a.Is4() == v4 {
				ip = a.AsSlice()
				break
			}
		}
		if ip == nil {
			return nil, fmt.Errorf("the local address %s is of another family than the destination", c.Source)
		}
	}
	if c.UDP {
		return &net.UDPAddr{IP: ip, Port: c.SourcePorts.Lo}, nil
	}
	return &net.TCPAddr{IP: ip, Port: c.SourcePorts.Lo}, nil
}
