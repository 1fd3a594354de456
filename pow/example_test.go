package pow_test

import (
	"context"
	"fmt"

	"github.com/flagstaff-ctf/flagstaff/pow"
)

// A server asks, a client finds the challenge in what it was sent and solves it.
func Example() {
	ctx := context.Background()
	var verifier pow.Verifier
	c := pow.New(10)

	var finder pow.Finder
	puzzle, ok := finder.Feed([]byte("Welcome!\n" + c.Prompt(pow.KCTF)))
	if !ok {
		fmt.Println("no puzzle")
		return
	}
	fmt.Println(puzzle.Describe())
	answer, err := puzzle.Solve(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(verifier.Verify(ctx, c, answer))
	fmt.Println(verifier.Verify(ctx, c, "s.AAAA"))
	// Output:
	// kctf proof of work, difficulty 10
	// <nil>
	// the answer does not solve the challenge
}

func ExampleFind() {
	puzzle, _, _ := pow.Find([]byte("sha256(XXX+Ba7qjTX) == 3f788083-…\nwelcome\nsha256(??+tail) starts with 8 zero bits\n"))
	fmt.Println(puzzle.Describe())
	// Output: sha256 that begins with 3f788083
}
