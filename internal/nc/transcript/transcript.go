// Package transcript writes a session as an asciicast of version 2
// (https://docs.asciinema.org/manual/asciicast/v2/), a line of JSON per event.
package transcript

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/crlf"
)

// A Writer writes one transcript. One goroutine uses it at a time.
type Writer struct {
	w     io.Writer
	start time.Time
	parts [2][]byte // an unfinished UTF-8 sequence of each direction
	lines crlf.Maker
}

// New writes the header.
func New(w io.Writer, start time.Time, width, height int) (*Writer, error) {
	_, err := fmt.Fprintf(w, `{"version":2,"width":%d,"height":%d,"timestamp":%d}`+"\n", width, height, start.Unix())
	return &Writer{w: w, start: start}, err
}

// Output records what was shown: what the peer sent, with CRLF for each LF, as a terminal shows it. Players write it to a raw one.
func (t *Writer) Output(p []byte, at time.Time) error {
	return t.event(0, "o", t.lines.Append(nil, p), at)
}

// Input records what was sent to the peer.
func (t *Writer) Input(p []byte, at time.Time) error { return t.event(1, "i", p, at) }

// Close records the beginnings of characters that have not ended. What they were written to stays open.
func (t *Writer) Close(at time.Time) error {
	var errs []error
	for dir, code := range []string{"o", "i"} {
		if rest := t.parts[dir]; len(rest) > 0 {
			t.parts[dir] = nil
			errs = append(errs, t.write(code, rest, at))
		}
	}
	return errors.Join(errs...)
}

// event keeps a character that is cut at the end of a chunk for the next one:
// JSON holds whole characters only. Bytes that are no UTF-8 become U+FFFD.
func (t *Writer) event(dir int, code string, p []byte, at time.Time) error {
	p = append(t.parts[dir], p...)
	cut := len(p)
	for i := 1; i <= min(utf8.UTFMax-1, len(p)); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-i:]) {
				cut = len(p) - i
			}
			break
		}
	}
	t.parts[dir] = append([]byte(nil), p[cut:]...)
	if cut == 0 {
		return nil
	}
	return t.write(code, p[:cut], at)
}

func (t *Writer) write(code string, p []byte, at time.Time) error {
	text, err := json.Marshal(string(p))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.w, "[%.6f,%q,%s]\n", at.Sub(t.start).Seconds(), code, text)
	return err
}
