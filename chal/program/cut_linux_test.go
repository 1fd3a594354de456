package program

import (
	"context"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// lingering is a runner of programs that take their time to die, and keep their connection from returning to what the server needs.
type lingering struct {
	started chan syscall.RawConn // what a program has got
	dead    chan struct{}        // closed: they are
}

func (l lingering) Start(_ context.Context, conn syscall.Conn, _ sandbox.Session) (process, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	l.started <- raw
	return l, nil
}

func (l lingering) Kill(sandbox.Reason)                  {}
func (l lingering) Enforced() map[sandbox.Feature]string { return nil }
func (l lingering) Close() error                         { return nil }

func (l lingering) Wait() (sandbox.Exit, error) {
	<-l.dead
	return sandbox.Exit{Reason: sandbox.ReasonKilled}, nil
}

// TestCutWhileBlocking ends a server while a program, which takes long to die, has made its connection block, and its player says nothing
// and reads nothing. Neither may hold the server up.
func TestLentWhileCut(t *testing.T) {
	for name, full := range map[string]bool{"silent player": false, "player who does not read": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lingering{make(chan syscall.RawConn), make(chan struct{})}
			h := &Handler{runner: r, policy: sandbox.Policy{}.Limits()}
			h.watch.idle, h.watch.output = -1, -1
			l, err := chal.Listen(t.Context(), "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &chal.Server{Handler: h, Log: slog.New(slog.DiscardHandler)}
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx, l, 0) }()
			player, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer player.Close()
			raw := <-r.started
			err = raw.Control(func(fd uintptr) {
				if full {
					fill(int(fd))
				}
				err = unix.SetNonblock(int(fd), false)
			})
			if err != nil {
				t.Fatal(err)
			}
			end()
			// The program dies after the server has begun to read and to write.
			time.AfterFunc(2*time.Second, func() { close(r.dead) })
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Error("the server has not ended")
				player.Close()
				<-ended
			}
			h.watch.wait()
			if !full {
				if text, _ := io.ReadAll(player); string(text) != "\nThe server is shutting down. Goodbye.\n" {
					t.Errorf("the player was told %q", text)
				}
			}
		})
	}
}

// fill writes until nothing more fits.
func fill(fd int) {
	for some := make([]byte, 64<<10); ; {
		if _, err := unix.Write(fd, some); err != nil {
			return
		}
	}
}
