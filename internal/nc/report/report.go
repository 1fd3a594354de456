// Package report is what nc tells people and scripts: the lines of -v, the
// events of --json, and errors that name the cause and the way out.
//
//	r := &report.Reporter{W: os.Stderr, Name: "nc", Verbose: 1}
//	r.Say("Listening on %s %d", host, port)
//	os.Exit(r.Fail(report.WithHint(err, "is the port right?")))
//
// A library of nc returns errors; who returns one does not tell it. What is told
// appears whole: lines of several goroutines are never mixed, and stand beside
// the line that is being typed.
package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/visible"
)

// Exit statuses.
const (
	ExitDone    = 0
	ExitNetwork = 1
	ExitUsage   = 2
)

// Reporter writes what nc tells to the standard error. The lines that -v adds
// are OpenBSD's to the letter: scripts look for them. Its methods may be called
// by many at once, its fields are set before.
type Reporter struct {
	mu      sync.Mutex
	W       *os.File
	Name    string
	Verbose int
	JSON    bool
	Color   bool
	TTY     bool         // W is a terminal
	beside  func(string) // writes beside an edited line, when there is one
	line    string       // the line that stands at the end of the terminal at present
}

// Write writes a text as it is.
func (r *Reporter) Write(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beside != nil {
		r.beside(s)
		return
	}
	if r.line != "" {
		s = clearLine + s + r.line
	}
	r.put(s)
}

// put writes what is told. Who reads it may have gone, as in 2>&1 | head -1: that ends nobody's transfer.
func (r *Reporter) put(s string) { relay.WriteAll(r.W, []byte(s)) }

const clearLine = "\r\x1b[K"

// SetStatus shows a line that the next one takes the place of; an empty one takes it away.
func (r *Reporter) SetStatus(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line != r.line {
		r.line = line
		r.put(clearLine + line)
	}
}

// SetBeside gives away the writing, to who edits a line; nil takes it back.
func (r *Reporter) SetBeside(f func(string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beside = f
}

// Say writes a line if -v was given.
func (r *Reporter) Say(format string, args ...any) {
	if r.Verbose > 0 && !r.JSON {
		r.Write(line(format, args))
	}
}

// line makes a line of what is told. Peers choose some of the words, and must not choose what the terminal does, nor make lines of
// their own.
func line(format string, args []any) string {
	text := fmt.Sprintf(format, args...)
	if strings.Contains(format, "\n") {
		return visible.Lines(text) + "\n"
	}
	return visible.Text(text) + "\n"
}

// SayMore writes a line if -vv was given.
func (r *Reporter) SayMore(format string, args ...any) {
	if r.Verbose > 1 && !r.JSON {
		r.Write(line(format, args))
	}
}

// Note writes a line whatever was given.
func (r *Reporter) Note(format string, args ...any) {
	if r.JSON {
		r.Event("note", "text", fmt.Sprintf(format, args...))
		return
	}
	r.Write(r.Name + ": " + line(format, args))
}

// Event writes a line of JSON if --json was given. The fields are pairs of name and value.
func (r *Reporter) Event(kind string, fields ...any) {
	if !r.JSON {
		return
	}
	line := append([]byte(`{"time":`), jsonValue(time.Now().UTC().Format(time.RFC3339Nano))...)
	line = append(append(line, `,"event":`...), jsonValue(kind)...)
	for i := 0; i+1 < len(fields); i += 2 {
		line = append(append(append(line, ','), jsonValue(fields[i])...), ':')
		line = append(line, jsonValue(fields[i+1])...)
	}
	r.Write(string(line) + "}\n")
}

func jsonValue(v any) []byte {
	p, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return p
}

// Fail tells an error with its way out and returns the exit status.
func (r *Reporter) Fail(err error) int {
	var u *UsageError
	if errors.As(err, &u) {
		r.tell(u.Msg, u.Hint)
		return ExitUsage
	}
	if _, ok := err.(Told); ok {
		return ExitNetwork
	}
	if errors.Is(err, context.Canceled) {
		return ExitNetwork // whoever cancelled knows
	}
	hint := ""
	var e *Explained
	if errors.As(err, &e) {
		hint = e.Hint
	}
	r.tell(err.Error(), hint)
	return ExitNetwork
}

// tell writes an error and its hint.
func (r *Reporter) tell(msg, hint string) {
	if r.JSON {
		fields := []any{"error", msg}
		if hint != "" {
			fields = append(fields, "hint", hint)
		}
		r.Event("error", fields...)
		return
	}
	errorWord, hintWord := "error:", "hint:"
	if r.Color {
		errorWord, hintWord = "\x1b[1;31merror:\x1b[0m", "\x1b[1mhint:\x1b[0m"
	}
	s := errorWord + " " + visible.Text(msg) + "\n"
	if hint != "" {
		s += hintWord + " " + visible.Text(hint) + "\n"
	}
	r.Write(s)
}
