package geography

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
)

// TestTurns: one at a time, and a source with many sessions does not keep another waiting.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		var wg sync.WaitGroup
		var order []string // only touched by whoever has the turn
		ask := func(source string, n int) {
			for range n {
				wg.Go(func() {
					all.do(chal.Source(netip.MustParseAddr(source)), func() {
						order = append(order, source)
						time.Sleep(time.Millisecond)
					})
				})
				synctest.Wait()
			}
		}
		start := time.Now()
		ask("192.0.2.1", 64)
		ask("192.0.2.2", 2)
		wg.Wait()
		if took := time.Since(start); took != 66*time.Millisecond {
			t.Errorf("66 turns of a millisecond took %v", took)
		}
		if i := slices.Index(order, "192.0.2.2"); i < 0 || i > 2 {
			t.Errorf("the second source had its first turn after %d others", i)
		}
		if i := len(order) - slices.Index(order, "192.0.2.2"); i < 60 {
			t.Errorf("the second source had to wait for the first: %v", order)
		}
		if all.taken || len(all.waiting) > 0 || len(all.next) > 0 {
			t.Errorf("something is left: %+v", &all)
		}
	})
}

// TestTurnAfterPanic: work that panics gives its turn back.
func TestTurnAfterPanic(t *testing.T) {
	var all turns
	func() {
		defer func() { recover() }()
		all.do(netip.Prefix{}, func() { panic("in a question") })
	}()
	if all.taken {
		t.Error("nobody gets a turn any more")
	}
}

// TestPracticeWaitsForItsTurn: practice does none of its work while another session has the turn, and a ranked game does not wait.
func TestPracticeWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, release := make(chan struct{}), make(chan struct{})
		var all turns
		c := withTurns(Options{Key: testKey}, &all)
		go all.do(netip.Prefix{}, func() { close(busy); <-release })
		<-busy
		practice, ranked := chaltest.Start(t, c), chaltest.Start(t, c)
		practice.Send("practice map\n")
		ranked.Send("start\n")
		if _, err := ranked.RecvUntil("Q 1/60 "); err != nil {
			t.Errorf("a ranked game waits for practice: %v", err)
		}
		if _, err := practice.Within(time.Second).RecvUntil("Q 1/20 "); err == nil {
			t.Error("practice works out of turn")
		}
		close(release)
		if _, err := practice.RecvUntil("Q 1/20 "); err != nil {
			t.Errorf("practice never has its turn: %v", err)
		}
	})
}
