// Double is the smallest challenge there is: it asks for twice a number. Run
// it with `go run ./examples/double`, play it with `nc 127.0.0.1 1337`.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func main() { chal.Main(challenge) }

var challenge = chal.Challenge{
	Name: "double",
	Handler: chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		n := rand.IntN(1000)
		answer, err := s.Ask(fmt.Sprintf("%d * 2 = ", n))
		if err != nil || answer != strconv.Itoa(2*n) {
			return s.Say("No.")
		}
		return s.Say(s.Flag)
	}),
	Solve: solve, // go run ./examples/double --check
}

func solve(ctx context.Context, t *tube.Tube) (string, error) {
	question, err := t.RecvUntil(" * 2 = ")
	if err != nil {
		return "", err
	}
	var n int
	if _, err := fmt.Sscan(question, &n); err != nil {
		return "", err
	}
	if err := t.SendLine(strconv.Itoa(2 * n)); err != nil {
		return "", err
	}
	return t.RecvLine()
}
