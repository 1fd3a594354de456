// Package program makes a challenge of any program: each player gets a process of their own, in a sandbox,
// whose standard input and output is the connection.
//
//	h, err := program.New(program.Config{
//		Command: []string{"/srv/chal/overflow"},
//		Flag:    program.FlagFile,
//	})
//	if err != nil {
//		return err
//	}
//	defer h.Close()
//	server := chal.Challenge{Name: "overflow", Handler: h}.Server(flag)
//	return server.ListenAndServe()
//
// [chal.Main], which never returns, closes the handler of its challenge itself.
//
// # What it promises
//
//   - On a plain TCP connection of [chal.Listen]'s nothing is between the player and the program: it has the socket itself.
//     Where something must look inside (TLS, a recording, a terminal), and on other listeners' connections, the bytes
//     are relayed, in both directions independently: an answer to what ended with a half-close arrives.
//   - The last bytes a program prints arrive, also when it has not read all its input.
//   - When ServeChal returns, every process of the session is dead.
//   - What the host cannot enforce of the policy is an error of New.
//   - A session holds no thread of the system's, and two descriptors of the server's, three where bytes are relayed:
//     10,000 sessions need a limit of open files (ulimit -n) of some 20,500.
//
// # What it does not
//
// A C program buffers its output when it writes to a socket: it must flush its prompts, or ask for a
// terminal (sandbox.Policy.PTY). A player who closes the connection and one who only ends their input look
// the same until the program writes: a program that then waits for ever is ended by the idle limit.
package program
