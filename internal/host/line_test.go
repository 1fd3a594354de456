package host

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/internal/admit"
	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// nobody is for players who never get that far.
var nobody = chal.HandlerFunc(func(context.Context, *chal.Session) error { return errors.New("somebody got in") })

// TestToldThatItIsTLS: players who wait for a banner in plain text are told that the port speaks TLS, all of them, whatever else the
// line asks for.
func TestToldThatItIsTLS(t *testing.T) {
	cert, err := makeCert("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, work := range map[string]func() uint32{"TLS": nil, "TLS and work": func() uint32 { return 1 }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{
					door: &admit.Door{Players: &chal.Slots{PerSource: -1}}, work: work,
					tls: &tls.Config{Certificates: []tls.Certificate{cert}},
				}
				server := &chal.Server{Handler: nobody, Log: slog.New(slog.DiscardHandler)}
				l.apply(server)
				var network memnet.Network
				at, err := network.Listen("127.0.0.1:1337")
				if err != nil {
					t.Fatal(err)
				}
				var serving, playing sync.WaitGroup
				serving.Go(func() { server.Serve(at) })
				for range 50 {
					playing.Go(func() {
						conn, err := network.Dial("127.0.0.1:1337")
						if err != nil {
							t.Error(err)
							return
						}
						p := tube.New(conn)
						defer p.Close()
						if got, err := p.RecvAll(1000); !strings.HasPrefix(got, "This port speaks TLS: ncat --ssl") {
							t.Errorf("a player who waits is told %q, %v", got, err)
						}
					})
				}
				playing.Wait()
				server.Close()
				serving.Wait()
			})
		})
	}
}
