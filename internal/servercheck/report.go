package servercheck

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// report writes what happened, as it happens.
type report struct {
	out     io.Writer
	json    *json.Encoder // nil for text
	color   bool
	kind    kind
	addr    string
	seed    uint64
	ran     int
	failed  []string
	skipped []string
	err     error // the first from out
}

func newReport(out io.Writer, k kind, addr string, o Options) *report {
	r := &report{out: out, kind: k, addr: addr, seed: o.Seed}
	if o.JSON {
		r.json = json.NewEncoder(out)
		r.json.SetEscapeHTML(false)
		return r
	}
	if f, ok := out.(*os.File); ok {
		r.color = term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	r.printf("%s at %s\n\n", r.paint("1", k.name), addr)
	return r
}

// paint colours s on a terminal; style is a list of SGR parameters.
func (r *report) paint(style, s string) string {
	if !r.color {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (r *report) printf(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.out, format, args...)
	}
}

func (r *report) encode(v any) {
	if r.err == nil {
		r.err = r.json.Encode(v)
	}
}

// jsonBytes is how an excerpt stands in a JSON report.
type jsonBytes struct {
	Total  int    `json:"total"`  // bytes in all
	Offset int    `json:"offset"` // where hex begins
	Hex    string `json:"hex"`
}

type jsonCheck struct {
	Event    string     `json:"event"` // "check"
	Kind     string     `json:"kind"`
	Check    string     `json:"check"`
	Forces   string     `json:"forces"`
	Status   string     `json:"status"` // "passed", "failed" or "skipped"
	MS       float64    `json:"ms"`
	Cause    string     `json:"cause,omitempty"`
	Hint     string     `json:"hint,omitempty"`
	Sent     *jsonBytes `json:"sent,omitempty"`
	Expected *jsonBytes `json:"expected,omitempty"`
	Received *jsonBytes `json:"received,omitempty"`
}

type jsonResult struct {
	Event   string   `json:"event"` // "result"
	Kind    string   `json:"kind"`
	Addr    string   `json:"addr"`
	Passed  bool     `json:"passed"`
	Checks  int      `json:"checks"` // how many ran
	Failed  []string `json:"failed"`
	Skipped []string `json:"skipped"`
	Seed    uint64   `json:"seed"`
}

func toJSON(e *excerpt) *jsonBytes {
	if e == nil {
		return nil
	}
	return &jsonBytes{e.total, e.off, hex.EncodeToString(e.b)}
}

func (r *report) check(c check, f *failure, took time.Duration) {
	r.ran++
	if f != nil {
		r.failed = append(r.failed, c.Name)
	}
	if r.json != nil {
		j := jsonCheck{Event: "check", Kind: r.kind.name, Check: c.Name, Forces: c.Forces, Status: "passed", MS: float64(took.Microseconds()) / 1000}
		if f != nil {
			j.Status, j.Cause, j.Hint = "failed", f.cause, f.hint
			j.Sent, j.Expected, j.Received = toJSON(f.sent), toJSON(f.want), toJSON(f.got)
		}
		r.encode(j)
		return
	}
	if f == nil {
		r.printf("  %s    %-11s %s\n", r.paint("32", "ok"), c.Name, c.Forces)
		return
	}
	r.printf("  %s  %-11s %s\n\n", r.paint("1;31", "FAIL"), c.Name, c.Forces)
	r.printf("%s\n", r.paint("1", f.cause))
	if f.hint != "" {
		r.printf("hint: %s\n", f.hint)
	}
	mark := -1
	if f.want != nil && f.got != nil {
		mark = firstDifference(f.want, f.got)
	}
	r.dump("sent", f.sent, -1)
	r.dump("expected", f.want, mark)
	r.dump("received", f.got, mark)
	r.printf("\n")
}

func (r *report) skip(c check) {
	r.skipped = append(r.skipped, c.Name)
	if r.json != nil {
		r.encode(jsonCheck{Event: "check", Kind: r.kind.name, Check: c.Name, Forces: c.Forces, Status: "skipped"})
	}
}

func (r *report) end(passed bool) error {
	if r.json != nil {
		r.encode(jsonResult{"result", r.kind.name, r.addr, passed, r.ran, append([]string{}, r.failed...), append([]string{}, r.skipped...), r.seed})
		return r.err
	}
	if passed {
		r.printf("\n%s\n", r.paint("1;32", fmt.Sprintf("All %d checks passed.", r.ran)))
		return r.err
	}
	r.printf("%d of %d checks passed", r.ran-len(r.failed), r.ran)
	if len(r.skipped) > 0 {
		r.printf("; not run yet: %s", strings.Join(r.skipped, ", "))
	}
	r.printf(".\nThe same bytes again: --seed %d. What the server should do: docs/servers/%s.md\n", r.seed, r.kind.name)
	return r.err
}

// firstDifference returns where two excerpts of streams that begin at the same
// byte differ first, or -1.
func firstDifference(a, b *excerpt) int {
	if a.off != b.off {
		return -1
	}
	for i := range max(len(a.b), len(b.b)) {
		if i >= len(a.b) || i >= len(b.b) || a.b[i] != b.b[i] {
			return a.off + i
		}
	}
	return -1
}

// dumpRows is how many rows of 16 bytes a dump shows.
const dumpRows = 8

// dump writes e as offsets, bytes in hexadecimal and what is printable of
// them; the byte at mark, counted from the start of the stream, stands out.
func (r *report) dump(title string, e *excerpt, mark int) {
	if e == nil {
		return
	}
	r.printf("  %-9s ", title)
	if e.total == 0 {
		r.printf("nothing\n")
		return
	}
	b, off := e.b, e.off
	if n := len(b) - dumpRows*16; n > 0 {
		// Show the rows around the mark, or the last ones.
		from := n + 15
		if mark >= 0 {
			from = min(from, max(0, mark-off-dumpRows*8))
		}
		from &^= 15
		b, off = b[from:], off+from
		b = b[:min(len(b), dumpRows*16)]
	}
	r.printf("%d %s", e.total, plural(e.total, "byte", "bytes"))
	if len(b) < e.total {
		r.printf(", of which %d to %d", off, off+len(b)-1)
	}
	if mark >= 0 {
		r.printf(" (first difference at %d)", mark)
	}
	r.printf("\n")
	for at := 0; at < len(b); at += 16 {
		row := b[at:min(at+16, len(b))]
		var hexes, text strings.Builder
		for i := range 16 {
			if i == 8 {
				hexes.WriteByte(' ')
			}
			if i >= len(row) {
				hexes.WriteString("   ")
				continue
			}
			c, h := string(row[i]), fmt.Sprintf("%02x", row[i])
			if row[i] < ' ' || row[i] > '~' {
				c = "."
			}
			if off+at+i == mark {
				h, c = r.paint("1;31", h), r.paint("1;31", c)
			}
			hexes.WriteString(h + " ")
			text.WriteString(c)
		}
		r.printf("    %06x  %s |%s|\n", off+at, hexes.String(), text.String())
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
