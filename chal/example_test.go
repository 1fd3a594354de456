package chal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// A whole challenge: the main function of its program.
func Example() {
	chal.Main(chal.Challenge{Name: "double", Handler: chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		n := rand.IntN(1000)
		answer, err := s.Ask(fmt.Sprintf("%d * 2 = ", n))
		if err != nil || answer != strconv.Itoa(2*n) {
			return s.Say("No.")
		}
		return s.Say(s.Flag)
	})})
}

var double = chal.Challenge{
	Name: "double",
	Handler: chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		answer, err := s.Ask("21 * 2 = ")
		if err != nil || answer != "42" {
			return s.Say("No.")
		}
		return s.Say(s.Flag)
	}),
	Solve: func(ctx context.Context, t *tube.Tube) (string, error) {
		if _, err := t.SendLineAfter(" = ", "42"); err != nil {
			return "", err
		}
		return t.RecvLine()
	},
}

// The author's solver is the challenge's test.
func ExampleCheck() {
	if err := chal.Check(context.Background(), double, ""); err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println("solved")
	// Output: solved
}

// A server with limits of its own, ended in an orderly way.
func ExampleServer() {
	s := &chal.Server{
		Handler:        double,
		Flag:           "flag{example}",
		SessionTimeout: 5 * time.Minute,
		MaxPerSource:   4,
	}
	l, err := chal.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	go s.Serve(l)

	player, err := tube.Dial(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	player.SendLineAfter(" = ", "42")
	fmt.Println(player.RecvLine())
	player.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(s.Shutdown(ctx))
	// Output:
	// flag{example} <nil>
	// <nil>
}

// Middleware is named in the order a session passes through it.
func ExampleChain() {
	greet := func(next chal.Handler) chal.Handler {
		return chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
			if err := s.Say("Welcome, " + s.Remote.Addr().String()); err != nil {
				return err
			}
			return next.ServeChal(ctx, s)
		})
	}
	shared := &chal.Slots{Max: 100} // one limit for several servers
	h := chal.Chain(double, chal.LogSessions(), chal.Limit(shared), chal.Timeout(time.Minute), greet)
	_ = &chal.Server{Handler: h}
}
