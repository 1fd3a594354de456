package host

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/lmittmann/tint"
)

// TestHostileLog: nothing that a program or player says reaches the terminal as more than text, and nothing of it is lost.
func TestHostileLog(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "text=plain",
		"two words":              `text="two words"`,
		"\x1b]0;owned\a":         "text=^[]0;owned^G",
		"a\x1b[2K\x1b[1Gb c":     `text="a^[[2K^[[1Gb c"`,
		`\x1b[31mred now`:        `text="\\x1B[31mred now"`,
		`\\x1b[31mred now`:       `text="\\\\x1B[31mred now"`,
		"caf\xe9: what is wrong": `text="caf<e9>: what is wrong"`,
		"\ufffd and more":        `text="<U+FFFD> and more"`,
		"\u009b31m C1":           `text="<U+009B>31m C1"`,
		"right \u202e left":      `text="right <U+202E> left"`,
		"two\nlines\tand\r\x7f":  `text="two\nlines\tand^M^?"`,
		"Ünïcödé 日本":             `text="Ünïcödé 日本"`,
		"\x00":                   "text=^@",
	} {
		for _, plain := range []bool{false, true} {
			for _, value := range []any{in, errors.New(in)} {
				var out bytes.Buffer
				log := slog.New(tint.NewTextHandler(&out, &tint.Options{ReplaceAttr: printable, NoColor: plain}))
				log.Info("said", "text", value)
				got := strings.NewReplacer("\x1b[2m", "", "\x1b[0m", "", "\x1b[92m", "").Replace(out.String())
				got = strings.TrimSuffix(got[strings.Index(got, "text="):], "\n")
				if got != want {
					t.Errorf("%q, %T, plain %v: got %q, want %q", in, value, plain, got, want)
				}
			}
		}
	}
}
