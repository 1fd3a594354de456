package chal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// sessionLog is the slog.Handler of a session. It knows the session's attributes but formats them only
// when something is logged, because most sessions log nothing.
type sessionLog struct {
	base slog.Handler
	s    *Session
}

func (h *sessionLog) attrs() []slog.Attr {
	return []slog.Attr{slog.String("session", h.s.ID), slog.String("remote", h.s.Remote.String())}
}

func (h *sessionLog) Enabled(ctx context.Context, l slog.Level) bool { return h.base.Enabled(ctx, l) }

func (h *sessionLog) Handle(ctx context.Context, r slog.Record) error {
	return h.flagless(h.base.WithAttrs(h.attrs())).Handle(ctx, r)
}

func (h *sessionLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.flagless(h.base.WithAttrs(h.attrs())).WithAttrs(attrs)
}

func (h *sessionLog) WithGroup(name string) slog.Handler {
	return h.flagless(h.base.WithAttrs(h.attrs())).WithGroup(name)
}

func (h *sessionLog) flagless(base slog.Handler) slog.Handler {
	if h.s.Flag == "" {
		return base
	}
	return &flagless{base, h.s.Flag}
}

// flagless takes a flag out of what it passes on.
type flagless struct {
	slog.Handler
	flag string
}

func (h *flagless) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, hide(r.Message, h.flag), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h *flagless) attr(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, hide(v.String(), h.flag))
	case slog.KindGroup:
		members := make([]slog.Attr, 0, len(v.Group()))
		for _, m := range v.Group() {
			members = append(members, h.attr(m))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)}
	case slog.KindAny:
		// What it says decides: errors and structs, whatever they are written as.
		if s := fmt.Sprintf("%+v", v.Any()); strings.Contains(s, h.flag) {
			return slog.String(a.Key, hide(s, h.flag))
		}
		if p, ok := v.Any().([]byte); ok && strings.Contains(string(p), h.flag) {
			return slog.String(a.Key, hide(string(p), h.flag))
		}
	}
	return a
}

func (h *flagless) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, h.attr(a))
	}
	return &flagless{h.Handler.WithAttrs(clean), h.flag}
}

func (h *flagless) WithGroup(name string) slog.Handler {
	return &flagless{h.Handler.WithGroup(name), h.flag}
}

// hide takes a flag out of a text.
func hide(s, flag string) string {
	if flag == "" {
		return s
	}
	return strings.ReplaceAll(s, flag, "[flag]")
}
