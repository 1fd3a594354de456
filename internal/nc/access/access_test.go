package access

import (
	"context"
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
