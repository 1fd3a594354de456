package main

import (
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
)

func TestSolverFindsTheFlag(t *testing.T) { chaltest.Solve(t, challenge) }

func TestWrongAnswerGetsNoFlag(t *testing.T) {
	p := chaltest.Start(t, challenge)
	if _, err := p.SendLineAfter("= ", "a lot"); err != nil {
		t.Fatal(err)
	}
	if line, err := p.RecvLine(); line != "No." || err != nil {
		t.Errorf("got %q, %v; want No.", line, err)
	}
}
