package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// SettingError is a mistake in flags or environment, with the way out.
type SettingError struct {
	err  error
	hint string
}

func (e *SettingError) Error() string { return e.err.Error() }
func (e *SettingError) Unwrap() error { return e.err }

// Hint says what would be right.
func (e *SettingError) Hint() string { return e.hint }

// FlagGroup is flags that belong together, for the help.
type FlagGroup struct {
	Title string
	Flags *pflag.FlagSet
}

// group defines flags as a group.
func group(title string, define ...func(*pflag.FlagSet)) FlagGroup {
	g := FlagGroup{title, pflag.NewFlagSet(title, pflag.ContinueOnError)}
	g.Flags.SortFlags = false
	for _, d := range define {
		d(g.Flags)
	}
	return g
}

// addAll puts the flags of all groups into fs.
func addAll(fs *pflag.FlagSet, groups []FlagGroup) {
	for _, g := range groups {
		fs.AddFlagSet(g.Flags)
	}
}

// settingError makes one; text is formatted with args.
func settingError(hint, text string, args ...any) error {
	return &SettingError{fmt.Errorf(text, args...), hint}
}

// checkListen reads a TCP address to listen on.
func checkListen(name, addr string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if host == "*" {
		return "", "", settingError("give :"+port+" for everybody", "--%s %q is no address", name, addr)
	}
	if err != nil {
		return "", "", settingError("give host:port, as 127.0.0.1:1337, or 0.0.0.0:1337 for everybody", "--%s %q is no address: %w", name, addr, err)
	}
	return host, port, nil
}

// chooseFlag takes the flag from the environment, or makes one up.
func chooseFlag(env func(string) (string, bool)) (flag string, madeUp bool, err error) {
	flag, given := env(chal.FlagVariable)
	if !given {
		return chal.RandomFlag(), true, nil
	}
	if err := chal.CheckFlag(flag); err != nil {
		return "", false, settingError("give one line of printable text, as flag{...}; without it a flag is made up", "%s: %w", chal.FlagVariable, err)
	}
	return flag, false, nil
}

// size is a flag's number of bytes: 65536, 64KiB, 64M, 1.5GiB. The units are powers of 1024, however they are
// written; "none" is no limit (-1).
type size int64

var sizeUnits = []struct {
	letter string
	bytes  float64
}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}}

func (s *size) Type() string { return "SIZE" }

func (s *size) String() string {
	n := int64(*s)
	switch {
	case n < 0:
		return "none"
	case n == 0:
		return "0"
	}
	unit := "B"
	for _, u := range sizeUnits {
		if n%int64(u.bytes) == 0 {
			unit = u.letter + "iB"
		}
	}
	if unit == "B" {
		return strconv.FormatInt(n, 10)
	}
	for _, u := range sizeUnits {
		if unit[0] == u.letter[0] {
			n /= int64(u.bytes)
		}
	}
	return strconv.FormatInt(n, 10) + unit
}

func (s *size) Set(text string) error {
	if text == "none" || text == "-1" {
		*s = -1
		return nil
	}
	number := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	factor := 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.letter); ok {
			number, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(n >= 0) || n*factor > 1<<60 {
		return errors.New("give a number of bytes, as 65536, 64KiB, 256MiB, 1GiB, or none")
	}
	*s = size(n * factor)
	return nil
}

// prefixes is a flag's list of networks: 10.0.0.0/8,192.0.2.7.
type prefixes []netip.Prefix

func (p *prefixes) Type() string { return "NETS" }

func (p *prefixes) String() string {
	text := make([]string, len(*p))
	for i, one := range *p {
		text[i] = one.String()
	}
	return strings.Join(text, ",")
}

func (p *prefixes) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		net, err := netip.ParsePrefix(one)
		if addr, e := netip.ParseAddr(one); err != nil && e == nil {
			addr = addr.Unmap().WithZone("")
			net, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err == nil && net.Addr().Is4In6() {
			// Written as IPv6: connections from there have addresses of version 4. PrefixFrom refuses bits below zero.
			if net = netip.PrefixFrom(net.Addr().Unmap(), net.Bits()-96); !net.IsValid() {
				err = errors.New("it is more than IPv4 has")
			}
		}
		if err != nil {
			return fmt.Errorf("%q is no network: give addresses or networks, as 10.0.0.5,10.1.0.0/16,fd00::/8", one)
		}
		*p = append(*p, net.Masked())
	}
	return nil
}
