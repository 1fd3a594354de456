package chal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// FuzzServer lets a client send anything, in two segments, and half-close: the server must answer each
// line, end the session, and keep nothing.
func FuzzServer(f *testing.F) {
	f.Add([]byte("one\ntwo\r\nlast"), uint16(3))
	f.Add([]byte("\x00\xff\xfe\n\n\r\n\r"), uint16(1))
	f.Add(bytes.Repeat([]byte("long"), 1000), uint16(2000))
	f.Add([]byte("panic\n"), uint16(0))
	h := HandlerFunc(func(_ context.Context, s *Session) error {
		for {
			line, err := s.Ask("> ")
			switch {
			case errors.Is(err, tube.ErrTooLong):
				if _, err := s.Skip("\n"); err != nil {
					return err
				}
				line = "too long"
			case err != nil:
				return err
			case line == "panic":
				panic(line)
			}
			if err := s.Say(line); err != nil {
				return err
			}
		}
	})
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		s := &Server{Handler: h, MaxBuffer: 256, Log: slog.New(slog.DiscardHandler)}
		var network memnet.Network
		l, err := network.Listen("server:1337")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		c, err := network.Dial("server:1337")
		if err != nil {
			t.Fatal(err)
		}
		at := min(int(cut), len(input))
		go func() {
			c.Write(input[:at])
			c.Write(input[at:])
			c.CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.HasPrefix(got, []byte("> ")) {
			t.Errorf("client read %q, %v", got, err)
		}
		c.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
}
