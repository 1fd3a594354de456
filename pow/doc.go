// Package pow is proof of work: what a server asks of a player before it spends
// anything on him, and what a client computes to be let in.
//
// The scheme of a server is the one of google/kctf and redpwn/pow, and the
// challenges and answers of the three programs are each other's:
//
//	c := pow.New(1337)
//	fmt.Fprint(conn, c.Prompt(pow.KCTF))   // "== proof-of-work: enabled == …"
//	line := readLine(conn, pow.MaxAnswer)  // with a deadline
//	err := verifier.Verify(ctx, c, line)   // nil, ErrWrong, ErrBusy, …
//
// A client finds the puzzle in what a server says, and solves it:
//
//	if puzzle, ok := finder.Feed(received); ok {
//		answer, err := puzzle.Solve(ctx, nil)
//		…
//		fmt.Fprintln(conn, answer)
//	}
//
// # The scheme
//
// p is the prime 2^1279 - 1. A challenge is "s.", a difficulty d, "." and a number
// x, both big-endian in base64. A solver does d times: x = x^(2^1277) mod p, which
// is a square root of x or of -x; then it flips the lowest bit. The answer is "s."
// and the last x. To verify, d times: flip the lowest bit, square; it must end at x
// or at -x. A root takes 1277 squarings, one after the other, so verifying costs
// 1/1277 of solving, and more processors do not help a solver.
//
// One root takes 0.1 to 0.2 ms: difficulty 1337 is 0.15 to 0.3 s of one processor,
// and 1 to 2 s with the scripts players usually run; d is proportional to time.
//
// Numbers are written in two ways, and both are read: [KCTF] pads them with zero
// bytes to a multiple of 3, so that "=" never appears; [Redpwn] writes a difficulty
// in 4 bytes and other numbers in as few as they need, with "=".
//
// # Other puzzles
//
// [Find] and [Finder] also know the usual puzzles on hashes ([Hash], [Stamp]). They
// are for clients: this package does not ask them.
//
// # What it promises
//
// An answer longer than [MaxAnswer] is refused unread; every refused answer costs at
// most one verification. [Verifier] bounds how many of those run at a time. Nothing
// here reads a connection: the deadline of an answer is the caller's to set. All
// functions and methods may be called at the same time, but for those of [Finder].
//
// The arithmetic is in assembly on amd64 (for processors with BMI2 and ADX: Intel
// since Broadwell, AMD since Zen) and arm64, and in Go elsewhere or with the build
// tag purego. It does not run in constant time: nothing here is secret.
package pow

//go:generate go run ./internal/gen
