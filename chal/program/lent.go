package program

import (
	"context"
	"net"
	"time"
)

// When a session's context has ended, its program is killed, and the handler returns. Where that takes long, because the machine is busy or
// the program has used up its share of the processor, chal's server says its last words all the same, and reads until the player is gone: on a
// descriptor that may block, since the program has it, and may make it block at any time. No deadline ends a read or a write that blocks. What
// ends them is the end of the stream.
const (
	lentReads  = 900 * time.Millisecond // from the context's end to that of reading: before the server reads (a second)
	lentWrites = 3 * time.Second        // and to that of writing: when the last line must have been written
)

// reclaim keeps the server from waiting for ever on a connection that a program has, once ctx has ended. What it returns is to be called when
// the program has it no more.
func reclaim(ctx context.Context, conn *net.TCPConn) (over func()) {
	var timers [2]*time.Timer
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		timers[0] = time.AfterFunc(lentReads, func() { conn.CloseRead() })
		timers[1] = time.AfterFunc(lentWrites, func() { conn.CloseWrite() })
	})
	return func() {
		if stop() {
			return
		}
		<-ended
		if timers[0].Stop() { // or else the server may be in such a call already, and nothing else will end it
			timers[1].Stop()
		}
	}
}
