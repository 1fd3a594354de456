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
	if a, ok, err := c.Literal(host); ok || err != nil {
		if err == nil {
			err = checkZone(a)
		}
		return []netip.Addr{a}, err
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
		return nil, report.LookupError(host, network, err)
	}
	return interleave(found), nil
}

// checkZone says that the interface an address is on is not there: the system says no more than that something is invalid.
func checkZone(a netip.Addr) error {
	zone := a.Zone()
	if _, err := strconv.Atoi(zone); zone == "" || err == nil {
		return nil // an interface may be named by its number
	}
	if _, err := net.InterfaceByName(zone); err != nil {
		return report.Usage("ip link shows those there are", "there is no network interface %s", zone)
	}
	return nil
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

// nameOf returns an address's name for the -v lines, the address when it has none.
// It is asked for only with -v and without -n, as in OpenBSD's nc.
func (n *netcat) nameOf(ctx context.Context, a netip.Addr) string {
	if n.c.NoDNS || n.c.Verbose == 0 || n.c.JSON {
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
	var zone string
	if c.Source != "" {
		found, err := n.addresses(ctx, c.Source)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			if a.Is4() == v4 {
				ip, zone = a.AsSlice(), a.Zone()
				break
			}
		}
		if ip == nil {
			return nil, report.WithHint(fmt.Errorf("the local address %s is of another family than the destination", c.Source), "give -s an address of the destination's family; -4 and -6 choose that")
		}
	}
	if c.UDP {
		return &net.UDPAddr{IP: ip, Port: c.SourcePorts.Lo, Zone: zone}, nil
	}
	return &net.TCPAddr{IP: ip, Port: c.SourcePorts.Lo, Zone: zone}, nil
}
