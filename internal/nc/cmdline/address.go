package cmdline

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// ParseAddr reads an address, also in the older spellings of IPv4 that inet_aton(3) takes and so every netcat in C: 0, 127.1,
// 0x7f.1, 2130706433.
func ParseAddr(host string) (netip.Addr, bool) {
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

// Literal reads a host that is an address, false if it is a name. It is an error if -4, -6 or -n want another.
func (c *Config) Literal(host string) (netip.Addr, bool, error) {
	a, ok := ParseAddr(host)
	switch {
	case ok && c.IPv4 && !a.Is4() && !a.Is4In6():
		return a, true, report.Usage("leave -4 out", "%s is an IPv6 address, and -4 wants IPv4", host)
	case ok && c.IPv6 && a.Is4():
		return a, true, report.Usage("leave -6 out", "%s is an IPv4 address, and -6 wants IPv6", host)
	case !ok && c.NoDNS:
		return a, false, report.Usage("leave -n out, or give an address", "%q is a name, and -n looks none up", host)
	}
	return a.Unmap(), ok, nil
}

// checkHosts looks at the hosts of the command line that nc looks up itself.
func (c *Config) checkHosts() error {
	for _, host := range []string{c.Host, c.Source} {
		if host == "" || c.Proxy.Addr != "" && host == c.Host {
			continue
		}
		if _, ok := c.Resolve[strings.ToLower(host)]; ok {
			continue
		}
		if _, rest, ok := strings.Cut(host, "://"); ok {
			rest, _, _ = strings.Cut(rest, "/")
			return report.Usage("nc takes the host alone: "+rest, "%q is a URL", host)
		}
		if strings.Contains(host, "/") {
			return report.Usage("-U connects to a socket file", "%q is no host", host)
		}
		if _, _, err := c.Literal(host); err != nil {
			return err
		}
	}
	from, okFrom := ParseAddr(c.Source)
	to, okTo := ParseAddr(c.Host)
	if okFrom && okTo && c.Proxy.Addr == "" && from.Unmap().Is4() != to.Unmap().Is4() {
		return report.Usage("give -s an address of the same family", "-s is %s, and the destination %s is of another family", c.Source, c.Host)
	}
	return nil
}
