package access

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	os.WriteFile(file, []byte("192.0.2.0/24 # a network\nfd00::/8, 198.51.100.7\n"), 0o600)
	l, err := NewList(t.Context(), []string{"10.0.0.1"}, file)
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[string]bool{"10.0.0.1": true, "10.0.0.2": false, "192.0.2.99": true, "::ffff:192.0.2.1": true, "fd12::1": true, "2001:db8::1": false, "198.51.100.7": true} {
		if got, err := l.Contains(context.Background(), netip.MustParseAddr(a)); got != want || err != nil {
			t.Errorf("%s: got %v, %v", a, got, err)
		}
	}
	os.WriteFile(file, []byte("203.0.113.1\n"), 0o600)
	if in, err := l.Contains(t.Context(), netip.MustParseAddr("192.0.2.1")); in || err != nil {
		t.Errorf("after the change: %v, %v", in, err)
	}
	os.WriteFile(file, []byte("10.0.0.0/99\n"), 0o600)
	if in, err := l.Contains(t.Context(), netip.MustParseAddr("203.0.113.1")); !in || err == nil {
		t.Errorf("after a mistake the old list holds: %v, %v", in, err)
	}
}

// TestMapped: a network of IPv4 in IPv6's spelling holds the IPv4 addresses, and one of IPv6 none.
func TestMapped(t *testing.T) {
	for word, want := range map[string]bool{"::ffff:10.0.0.0/104": true, "::ffff:0:0/96": true, "::ffff:10.1.2.3/128": true, "::ffff:11.0.0.0/104": false, "::/0": false} {
		l, err := NewList(t.Context(), []string{word}, "")
		if err != nil {
			t.Errorf("%s: %v", word, err)
			continue
		}
		for _, a := range []string{"10.1.2.3", "::ffff:10.1.2.3"} {
			if in, err := l.Contains(t.Context(), netip.MustParseAddr(a)); in != want || err != nil {
				t.Errorf("%s in %s: got %v, %v", a, word, in, err)
			}
		}
	}
}

// TestOctets takes ncat's spelling of several IPv4 addresses.
func TestOctets(t *testing.T) {
	for word, want := range map[string][2]string{
		"127.0.0.*":          {"127.0.0.255", "127.0.1.0"},
		"10.0-3.*.1":         {"10.3.77.1", "10.4.77.1"},
		"192.0.2.200-":       {"192.0.2.255", "192.0.2.199"},
		"192.0.2.-9":         {"::ffff:192.0.2.0", "192.0.2.10"},
		"198.51.100.250-255": {"198.51.100.250", "2001:db8::1"},
	} {
		l, err := NewList(t.Context(), []string{word}, "")
		if err != nil {
			t.Errorf("%s: %v", word, err)
			continue
		}
		for i, a := range want {
			if in, err := l.Contains(t.Context(), netip.MustParseAddr(a)); in != (i == 0) || err != nil {
				t.Errorf("%s in %s: got %v, %v", a, word, in, err)
			}
		}
	}
	for _, word := range []string{"10.0.0.0/99", "127.0.0.0/255.0.0.0", "x/8"} {
		if _, err := NewList(t.Context(), []string{word}, ""); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v, want %v", word, err, ErrForm)
		}
	}
}
