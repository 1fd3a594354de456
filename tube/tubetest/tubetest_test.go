package tubetest_test

import (
	"net"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/tube"
	"github.com/flagstaff-ctf/flagstaff/tube/tubetest"
)

// The suite over a pipe of package net, as a user would run it. Package tube
// runs it over everything else.
func TestRun(t *testing.T) {
	tubetest.Run(t, func(t testing.TB, opts ...tube.Option) (a, b *tube.Tube) {
		c, d := net.Pipe()
		return tube.New(c, opts...), tube.New(d, opts...)
	}, tubetest.WithoutHalfClose())
}
