// Package access decides which peers may connect, from lists of addresses,
// networks and names, given directly and in files that may change.
package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A List is a set of networks.
type List struct {
	given  []string
	file   string
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	mu    sync.Mutex
	nets  []set
	stamp time.Time
	size  int64
}

// A set is some addresses: a netip.Prefix or octets.
type set interface{ Contains(netip.Addr) bool }

// ErrForm is a word that names nothing in any form known here.
var ErrForm = errors.New("no address, network or name")

// NewList reads the words, and the file if it has a name: a word a line,
// several where separated by blanks or commas, # for comments. Names are looked up once per reading.
func NewList(ctx context.Context, words []string, file string) (*List, error) {
	l := &List{given: words, file: file, lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
	return l, l.reload(ctx)
}

// Contains reports whether the address is in the list. The file is read again
// when it has changed; when it has become wrong, what it said before holds,
// and the error says so.
func (l *List) Contains(ctx context.Context, a netip.Addr) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.file != "" {
		if fi, serr := os.Stat(l.file); serr != nil {
			err = serr
		} else if !fi.ModTime().Equal(l.stamp) || fi.Size() != l.size {
			err = l.reload(ctx)
		}
	}
	a = a.Unmap().WithZone("")
	for _, n := range l.nets {
		if n.Contains(a) {
			return true, err
		}
	}
	return false, err
}

func (l *List) reload(ctx context.Context) error {
	var nets []set
	for _, w := range l.given {
		n, err := l.parse(ctx, w)
		if err != nil {
			return err
		}
		nets = append(nets, n...)
	}
	if l.file != "" {
		fi, err := os.Stat(l.file)
		if err != nil {
			return err
		}
		p, err := os.ReadFile(l.file)
		if err != nil {
			return err
		}
		l.stamp, l.size = fi.ModTime(), fi.Size()
		for i, line := range strings.Split(string(p), "\n") {
			line, _, _ = strings.Cut(line, "#")
			for _, w := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(", \t\r", r) }) {
				n, err := l.parse(ctx, w)
				if err != nil {
					return fmt.Errorf("%s:%d: %w", l.file, i+1, err)
				}
				nets = append(nets, n...)
			}
		}
	}
	l.nets = nets
	return nil
}

func (l *List) parse(ctx context.Context, w string) ([]set, error) {
	if p, err := netip.ParsePrefix(w); err == nil {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 { // peers are looked for by their IPv4 addresses
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		return []set{p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(w); err == nil {
		return []set{single(a)}, nil
	}
	if o, ok := parseOctets(w); ok {
		return []set{o}, nil
	}
	if strings.Trim(w, "0123456789.") == "" {
		return nil, fmt.Errorf("%q is %w: an IPv4 address is four numbers from 0 to 255", w, ErrForm)
	}
	if strings.Contains(w, "/") {
		return nil, fmt.Errorf("%q is %w: a network is 10.0.0.0/8 or fd00::/8", w, ErrForm)
	}
	found, err := l.lookup(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%q is no address or network, and no known name", w)
	}
	var out []set
	for _, a := range found {
		out = append(out, single(a))
	}
	return out, nil
}

func single(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}

// octets are the values that each byte of an IPv4 address may have, in ncat's
// spelling: 192.168.0-3.*, without its commas, which part the words of a list.
type octets [4][256]bool

func parseOctets(w string) (*octets, bool) {
	fields := strings.Split(w, ".")
	if len(fields) != 4 {
		return nil, false
	}
	var o octets
	for i, f := range fields {
		lo, hi, isRange := strings.Cut(f, "-")
		switch {
		case f == "*":
			lo, hi = "0", "255"
		case !isRange:
			hi = lo
		default: // either end may be left out
			lo, hi = cmp.Or(lo, "0"), cmp.Or(hi, "255")
		}
		from, err := strconv.ParseUint(lo, 10, 8)
		to, err2 := strconv.ParseUint(hi, 10, 8)
		if err != nil || err2 != nil || from > to {
			return nil, false
		}
		for v := from; v <= to; v++ {
			o[i][v] = true
		}
	}
	return &o, true
}

// Contains reports whether each byte of the address is one of its values.
func (o *octets) Contains(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	for i, v := range a.As4() {
		if !o[i][v] {
			return false
		}
	}
	return true
}
