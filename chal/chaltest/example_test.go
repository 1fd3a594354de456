package chaltest_test

import (
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
)

// A test that plays the challenge by hand.
func ExampleStart() {
	_ = func(t *testing.T) { // func TestWrongAnswer(t *testing.T)
		p := chaltest.Start(t, double, chaltest.WithFlag("flag{test}"))
		if _, err := p.SendLineAfter(" = ", "no idea"); err != nil {
			t.Fatal(err)
		}
		if got, err := p.RecvLine(); got != "No." {
			t.Errorf("got %q, %v, want No.", got, err)
		}
	}
}

// A test that the author's solver wins.
func ExampleSolve() {
	_ = func(t *testing.T) { // func TestSolver(t *testing.T)
		chaltest.Solve(t, double)
	}
}
