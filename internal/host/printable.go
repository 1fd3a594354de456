package host

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/visible"
)

// printable makes what a value says harmless to a terminal: programs, and so players, write to the log. Line feeds and tabs the
// handler itself makes visible.
func printable(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(harmless(v.String()))
	case slog.KindAny:
		switch v := v.Any().(type) {
		case slog.Level, time.Time, *slog.Source:
		default:
			a.Value = slog.StringValue(harmless(fmt.Sprintf("%+v", v)))
		}
	}
	return a
}

// harmless is visible.Lines for the handler, which makes an escape character of what it takes for one that was quoted.
func harmless(s string) string { return visible.Lines(strings.ReplaceAll(s, `\x1b`, `\x1B`)) }
