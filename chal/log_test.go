package chal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// TestNoFlagInTheLog: whatever a handler logs or returns, and however, the flag is taken out.
func TestNoFlagInTheLog(t *testing.T) {
	const flag = "flag{secret}"
	for name, h := range map[string]Handler{
		"message": HandlerFunc(func(_ context.Context, s *Session) error { s.Log.Info("won " + s.Flag); return nil }),
		"text":    HandlerFunc(func(_ context.Context, s *Session) error { s.Log.Info("won", "what", s.Flag); return nil }),
		"bytes":   HandlerFunc(func(_ context.Context, s *Session) error { s.Log.Info("won", "what", []byte(s.Flag)); return nil }),
		"struct": HandlerFunc(func(_ context.Context, s *Session) error {
			s.Log.Info("won", "what", struct{ F string }{s.Flag})
			return nil
		}),
		"with": HandlerFunc(func(_ context.Context, s *Session) error { s.Log.With("what", s.Flag).Info("won"); return nil }),
		"group": HandlerFunc(func(_ context.Context, s *Session) error {
			s.Log.WithGroup("g").Info("won", slog.Group("h", "what", s.Flag))
			return nil
		}),
		"error":      HandlerFunc(func(_ context.Context, s *Session) error { return fmt.Errorf("cannot hand out %s", s.Flag) }),
		"panic":      HandlerFunc(func(_ context.Context, s *Session) error { panic(s.Flag) }),
		"middleware": LogSessions()(HandlerFunc(func(_ context.Context, s *Session) error { return errors.New(s.Flag) })),
	} {
		var got string
		s := &Server{Flag: flag, Handler: h}
		inWorld(t, s, func(w *world) {
			p := w.player()
			w.readAll(p)
			p.Close()
			synctest.Wait()
			got = w.log.String()
		})
		if strings.Contains(got, "secret") || !strings.Contains(got, "[flag]") || !strings.Contains(got, "session=") {
			t.Errorf("%s: the log is %q, want [flag] in the flag's place", name, got)
		}
	}
}
