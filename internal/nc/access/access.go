// Package access decides which peers may connect, from lists of addresses,
// networks and names, given directly and in files that may change.
package access

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
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
	nets  []netip.Prefix
	stamp time.Time
	size  int64
}

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
	words := l.given
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
		for line := range strings.Lines(string(p)) {
			line, _, _ = strings.Cut(line, "#")
			words = append(words[:len(words):len(words)], strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })...)
		}
	}
	var nets []netip.Prefix
	for _, w := range words {
		n, err := l.parse(ctx, w)
		if err != nil {
			return err
		}
		nets = append(nets, n...)
	}
	l.nets = nets
	return nil
}

func (l *List) parse(ctx context.Context, w string) ([]netip.Prefix, error) {
	if p, err := netip.ParsePrefix(w); err == nil {
		return []netip.Prefix{p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(w); err == nil {
		a = a.Unmap().WithZone("")
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	if strings.Contains(w, "/") {
		return nil, fmt.Errorf("%q is no network: write 10.0.0.0/8 or fd00::/8", w)
	}
	found, err := l.lookup(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%q is no address, network or known name", w)
	}
	var out []netip.Prefix
	for _, a := range found {
		a = a.Unmap().WithZone("")
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out, nil
}
