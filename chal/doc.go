// Package chal serves netcat challenges: it turns a function that talks to one player into a server
// that many can reach with nc, with limits, a clean end, and no lost last line.
//
// A whole challenge:
//
//	func main() {
//		chal.Main(chal.Challenge{Name: "double", Handler: chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
//			n := rand.IntN(1000)
//			answer, err := s.Ask(fmt.Sprintf("%d * 2 = ", n))
//			if err != nil || answer != strconv.Itoa(2*n) {
//				return s.Say("No.")
//			}
//			return s.Say(s.Flag)
//		})})
//	}
//
// A [Handler] gets a [Session], which is a *tube.Tube and knows who plays. [Middleware] wraps handlers
// ([Chain]). A [Server] runs a handler for each connection; [Main] is a command line around it. Package
// chal/chaltest plays a challenge in a test, without a network.
//
// # What a server promises
//
//   - The zero value serves with safe limits; a negative limit means none.
//   - Limits hold before a session costs a goroutine or a buffer. A refused player is told why in one
//     line, at bounded cost, and accepting never waits for anybody.
//   - Every wait of a session's tube has one deadline for the whole wait, IdleTimeout: a client that
//     sends a byte a minute does not live for ever. The session as a whole ends after SessionTimeout.
//   - When a session is ended from outside (its time is up, the server shuts down) its reads and
//     writes unblock, context.Cause of its context says why, and the player is told in one line, after the handler
//     has returned. A handler that does not return within a second loses its connection; its slot
//     stays taken until it really returns.
//   - The last line a handler writes is delivered, also when the client sent more than was read: the
//     server half-closes, reads the rest away until the client closes, for Linger at most, and only
//     then closes.
//   - A panic ends one session, with its stack in the log.
//   - Accept errors such as EMFILE are waited out; open sessions go on.
//   - Shutdown lets sessions finish; Close ends them at once. Both may be called twice, and together.
//
// # What it does not
//
// A handler that computes for ever cannot be stopped, only cut off: obey ctx. A panic in a goroutine that
// a handler has started ends the program, as everywhere in Go: the server catches the handler's own. A
// handler that moves the descriptor below the tube elsewhere takes over the idle timeout for what it
// does there. The server does not rate-limit, speak TLS or read PROXY headers: package internal/host does, around it.
package chal
