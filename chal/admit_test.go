package chal

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestSource(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.7":           "203.0.113.7/32",
		"::ffff:203.0.113.7":    "203.0.113.7/32",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1":  "2001:db8:1:2::/64",
		"fe80::1%eth0":          "fe80::/64",
		"::1":                   "::/64",
		"2001:db8:1:3:3:4:5:6":  "2001:db8:1:3::/64",
		"64:ff9b::203.0.113.7":  "64:ff9b::/64",
		"2002:cb00:7107::1":     "2002:cb00:7107::/64",
		"0.0.0.0":               "0.0.0.0/32",
		"255.255.255.255":       "255.255.255.255/32",
		"::ffff:127.0.0.1%eth0": "127.0.0.1/32",
	} {
		a, err := netip.ParseAddr(addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := Source(a).String(); got != want {
			t.Errorf("Source(%s) = %s, want %s", addr, got, want)
		}
	}
	if got := Source(netip.Addr{}); got.IsValid() {
		t.Errorf("Source of no address = %v", got)
	}
}

// from asks for a slot for addr and fails the test unless it is refused for the reason, or granted ("").
func (a *Slots) from(t *testing.T, addr string, want Reason) (release func()) {
	t.Helper()
	release, err := a.Admit(context.Background(), netip.AddrPortFrom(netip.MustParseAddr(addr), 4000))
	var got Reason
	if r := (*Refusal)(nil); errors.As(err, &r) {
		got = r.Reason
	}
	if got != want {
		t.Fatalf("slot for %s: reason %q, want %q", addr, got, want)
	}
	return release
}

func TestSlotsCountSources(t *testing.T) {
	a := &Slots{Max: 10, PerSource: 2}
	r1 := a.from(t, "203.0.113.7", "")
	a.from(t, "::ffff:203.0.113.7", "")
	a.from(t, "203.0.113.7", ReasonPerSource)
	a.from(t, "203.0.113.8", "")
	r2 := a.from(t, "2001:db8::1", "")
	a.from(t, "2001:db8::2:0:0:1", "")
	a.from(t, "2001:db8::3:0:0:1", ReasonPerSource)
	a.from(t, "2001:db8:0:1::1", "")
	r1()
	a.from(t, "203.0.113.7", "")
	r2()
	a.from(t, "2001:db8::4:0:0:1", "")
	if a.Open() != 6 {
		t.Errorf("%d slots taken, want 6", a.Open())
	}
}

func TestSlotsWithoutAnAddressCountOnlyInAll(t *testing.T) {
	a := &Slots{Max: 3, PerSource: 1}
	for range 3 {
		if _, err := a.Admit(context.Background(), netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Admit(context.Background(), netip.AddrPort{}); err == nil {
		t.Error("a fourth session got a slot of three")
	}
}

// When full it is fair: who holds none goes before who holds many.

func TestFullSlotsGoToWhoHoldsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Slots{Max: 16, PerSource: -1}
		var many []func()
		for range 16 {
			many = append(many, a.from(t, "203.0.113.7", ""))
		}
		a.from(t, "203.0.113.8", ReasonFull)
		a.from(t, "203.0.113.8", ReasonFull) // asking twice makes one claim
		many[0]()
		a.from(t, "203.0.113.7", ReasonFull) // quicker to come back, but holds 15
		a.from(t, "203.0.113.8", "")
		many[1]()
		a.from(t, "203.0.113.7", "") // nobody else wants it

		a.from(t, "203.0.113.9", ReasonFull)
		many[2]()
		time.Sleep(claimTime - time.Second)
		a.from(t, "203.0.113.7", ReasonFull)
		time.Sleep(time.Second)
		a.from(t, "203.0.113.7", "") // who does not come back in time has lost its claim
	})
}

func TestClaimsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Slots{Max: 80, PerSource: -1}
		var many []func()
		for range 80 {
			many = append(many, a.from(t, "203.0.113.7", ""))
		}
		for i := range 250 {
			a.from(t, fmt.Sprintf("198.51.100.%d", i), ReasonFull)
		}
		for _, release := range many[:12] {
			release()
		}
		a.from(t, "203.0.113.7", "") // 12 are free, at most an eighth of 80 and one are claimed
	})
}

func TestSlotsNeverGiveTooMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "max")
		each := rapid.IntRange(1, 5).Draw(t, "per source")
		a := &Slots{Max: most, PerSource: each}
		var open []func()
		var sources []string
		held := map[string]int{}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			if len(open) > 0 && rapid.Bool().Draw(t, "leave") {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "who")
				open[i]()
				held[sources[i]]--
				open, sources = append(open[:i], open[i+1:]...), append(sources[:i], sources[i+1:]...)
			} else {
				src := fmt.Sprintf("203.0.113.%d", rapid.IntRange(1, 8).Draw(t, "source"))
				release, err := a.Admit(context.Background(), addrPort(src+":1"))
				if err == nil {
					open, sources = append(open, release), append(sources, src)
					held[src]++
				} else if held[src] == 0 && len(open) < most {
					t.Fatalf("%s holds none and %d of %d are taken, but: %v", src, len(open), most, err)
				}
			}
			if len(open) > most || a.Open() != len(open) {
				t.Fatalf("%d open, %d counted, at most %d", len(open), a.Open(), most)
			}
			for src, n := range held {
				if n > each {
					t.Fatalf("%s holds %d of %d", src, n, each)
				}
			}
		}
		for _, release := range open {
			release()
		}
		if a.Open() != 0 || len(a.held) != 0 {
			t.Fatalf("after all have left %d are counted, %d sources kept", a.Open(), len(a.held))
		}
	})
}
