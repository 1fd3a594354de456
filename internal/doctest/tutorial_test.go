package doctest

import (
	"context"
	"fmt"
	"go/format"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/challenges/levels"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// serveLevels serves all levels at free ports until the test has ended, and
// returns which is where.
func serveLevels(t *testing.T) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	ports := map[string]string{}
	at := func(l levels.Level, a net.Addr) {
		_, port, err := net.SplitHostPort(a.String())
		if err != nil {
			t.Fatal(err)
		}
		ports[fmt.Sprint(l.Port)] = port
	}
	key := []byte("tutorial")
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, l := range levels.All(levels.Options{Key: key, Callback: true}) {
		if l.Network == "udp" {
			pc, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			at(l, pc.LocalAddr())
			wg.Go(func() {
				l.ServePacket(ctx, pc, levels.PacketConfig{Flag: levels.Flag(key, l.Name), Log: quiet})
			})
			continue
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at(l, ln.Addr())
		srv := l.Server(levels.Flag(key, l.Name))
		srv.Log = quiet
		wg.Go(func() { srv.Run(ctx, ln, time.Second) })
	}
	return ports
}

// TestTutorial does everything that docs/sockets says, levels included.
func TestTutorial(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	o := Options{Program: testkit.Program, Levels: serveLevels(t)}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			Run(t, file, o)
		})
	}
}

// TestTutorialFormat: the programs in Go look as gofmt writes them.
func TestTutorialFormat(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, file := range files {
		_, blocks, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, b := range blocks {
			if b.lang != "go" {
				continue
			}
			programs++
			if want, err := format.Source([]byte(b.text)); err != nil || string(want) != b.text {
				t.Errorf("%s:%d: not formatted: %v", file, b.line, err)
			}
		}
	}
	if programs < 10 {
		t.Errorf("only %d programs in Go", programs)
	}
}
