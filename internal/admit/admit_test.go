package admit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

func addr(s string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(s), 4000) }

// ask returns the reason of a refusal, or "".
func ask(t *testing.T, a chal.Admitter, from string) (chal.Reason, string) {
	t.Helper()
	_, err := a.Admit(t.Context(), addr(from))
	var refusal *chal.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason, refusal.Text
	}
	if err != nil {
		t.Fatal(err)
	}
	return "", ""
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Rate{PerSecond: 0.5, Burst: 3}
		for range 3 {
			if why, _ := ask(t, r, "203.0.113.1"); why != "" {
				t.Fatalf("refused for %q within the burst", why)
			}
		}
		why, text := ask(t, r, "203.0.113.1")
		if want := "Sorry, you connect too often. Try again in 2 seconds."; why != ReasonRate || text != want {
			t.Errorf("got %q, %q, want %q, %q", why, text, ReasonRate, want)
		}
		if why, _ := ask(t, r, "::ffff:203.0.113.1"); why != ReasonRate {
			t.Errorf("the same source as IPv6: got %q, want %q", why, ReasonRate)
		}
		if why, _ := ask(t, r, "203.0.113.2"); why != "" {
			t.Errorf("another source: got %q", why)
		}
		time.Sleep(2 * time.Second)
		if why, _ := ask(t, r, "203.0.113.1"); why != "" {
			t.Errorf("after two seconds: got %q", why)
		}
		if why, _ := ask(t, r, "203.0.113.1"); why != ReasonRate {
			t.Errorf("and at once again: got %q, want %q", why, ReasonRate)
		}
	})
}

func TestRateOff(t *testing.T) {
	for range 1000 {
		if why, _ := ask(t, &Rate{}, "203.0.113.1"); why != "" {
			t.Fatalf("got %q", why)
		}
	}
}

// TestRateForgets: sources that have their whole allowance again cost nothing, and a flood of sources has an end.
func TestRateForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Rate{PerSecond: 1, Burst: 1}
		flood := func(net string, n int) (refused int) {
			for i := range n {
				if why, _ := ask(t, r, fmt.Sprintf("2001:db8:%s:%x::1", net, i)); why != "" {
					refused++
				}
			}
			return refused
		}
		flood("1", 5000)
		time.Sleep(2 * time.Second)
		flood("2", 5000)
		if n := len(r.sources); n > 6500 {
			t.Errorf("%d sources are kept of 10,000, half of them long gone", n)
		}
		for i := range 3 {
			flood(fmt.Sprint(10+i), 1<<16)
		}
		if n := len(r.sources); n > maxSources {
			t.Errorf("%d sources are kept, want at most %d", n, maxSources)
		}
	})
}

func TestAllGivesBack(t *testing.T) {
	slots := &chal.Slots{Max: 10}
	a := All(slots, &Rate{PerSecond: 1, Burst: 1})
	release, err := a.Admit(t.Context(), addr("203.0.113.1"))
	if err != nil {
		t.Fatal(err)
	}
	if why, _ := ask(t, a, "203.0.113.1"); why != ReasonRate || slots.Open() != 1 {
		t.Errorf("got %q with %d slots taken, want %q with 1", why, slots.Open(), ReasonRate)
	}
	release()
	if slots.Open() != 0 {
		t.Errorf("%d slots taken after release", slots.Open())
	}
}

func TestDoor(t *testing.T) {
	slots := &chal.Slots{PerSource: 1}
	d := &Door{Players: slots, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, MaxProxied: 3}
	for i := range 3 {
		if why, _ := ask(t, d, "10.0.0.7"); why != "" {
			t.Fatalf("connection %d of the proxy: got %q", i, why)
		}
	}
	if why, _ := ask(t, d, "10.0.0.7"); why != chal.ReasonFull {
		t.Errorf("beyond MaxProxied: got %q, want %q", why, chal.ReasonFull)
	}
	if why, _ := ask(t, d, "10.0.1.7"); why != chal.ReasonDenied {
		t.Errorf("from elsewhere: got %q, want %q", why, chal.ReasonDenied)
	}
	admitPlayer := func() error { _, err := d.AdmitPlayer(context.Background(), addr("203.0.113.1")); return err }
	if err := admitPlayer(); err != nil {
		t.Error(err)
	}
	if err := admitPlayer(); err == nil {
		t.Error("a player behind the proxy got two slots of one")
	}
	open := &Door{Players: &chal.Slots{PerSource: 1}}
	ask(t, open, "203.0.113.1")
	if why, _ := ask(t, open, "203.0.113.1"); why != chal.ReasonPerSource {
		t.Errorf("without proxies: got %q, want %q", why, chal.ReasonPerSource)
	}
}
