package host

import "testing"

// TestAutoWork asks for nothing while half of the places are free, and then for more the fewer are left.
func TestAutoWork(t *testing.T) {
	for _, c := range []struct {
		places, open int // with the player's own
		want         uint32
	}{
		{8, 1, 0},
		{8, 4, 0},
		{8, 5, 5000},
		{8, 6, 10000},
		{8, 8, 40000},
		{1, 1, 0},
		{2, 2, 5000},
		{7, 4, 0},
		{7, 5, 5000},
		{10000, 5000, 0},
		{10000, 5001, 5000},
		{10000, 10000, 40000},
	} {
		f := lineFlags{pow: "auto"}
		f.maxSessions = c.places
		work, hardest, err := f.work(func() int { return c.open })
		if err != nil {
			t.Fatal(err)
		}
		if got := work(); got != c.want || got > hardest {
			t.Errorf("%d of %d places taken: %d, want %d, at most %d", c.open, c.places, got, c.want, hardest)
		}
	}
	// Without a limit nothing says what much is.
	f := lineFlags{pow: "auto", maxSessions: -1}
	if work, _, err := f.work(func() int { return 1 }); err == nil || work != nil {
		t.Errorf("without a limit of sessions: got %v", err)
	}
}
