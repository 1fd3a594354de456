package host

import (
	"net/netip"
	"testing"
)

// TestPrefixes: IPv4 written as IPv6 is what it means.
func TestPrefixes(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.5,10.1.2.3/16":      "10.0.0.5/32,10.1.0.0/16",
		"::ffff:10.0.0.5":           "10.0.0.5/32",
		"::ffff:127.0.0.0/104":      "127.0.0.0/8",
		"::ffff:10.1.2.3/128":       "10.1.2.3/32",
		"::ffff:0:0/96":             "0.0.0.0/0",
		"::ffff:0:0/95":             "",
		"fd00::1/8":                 "fd00::/8",
		"::/0":                      "::/0",
		"nowhere":                   "",
		"10.0.0.0/8,::ffff:1.1.1.1": "10.0.0.0/8,1.1.1.1/32",
	} {
		var p prefixes
		if err := p.Set(text); (err == nil) != (want != "") || err == nil && p.String() != want {
			t.Errorf("%s: got %v, %v, want %q", text, &p, err, want)
		}
	}
	var p prefixes
	if err := p.Set("::ffff:127.0.0.0/104"); err != nil || !p[0].Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("got %v, %v, want 127.0.0.1 in it", &p, err)
	}
}
