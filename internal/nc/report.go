package nc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// reporter writes what nc tells to the standard error. The lines that -v adds
// are OpenBSD's to the letter: scripts look for them.
type reporter struct {
	mu      sync.Mutex
	w       *os.File
	name    string
	verbose int
	json    bool
	color   bool
	tty     bool         // w is a terminal
	beside  func(string) // writes beside an edited line, when there is one
	line    string       // the line that stands at the end of the terminal for now
}

// told is an error that has been told already; only its status is left.
type told struct{ error }

// explained is an error with a way out.
type explained struct {
	err  error
	hint string
}

func (e *explained) Error() string { return e.err.Error() }
func (e *explained) Unwrap() error { return e.err }

func withHint(err error, hint string) error { return &explained{err, hint} }

func (r *reporter) write(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beside != nil {
		r.beside(s)
		return
	}
	if r.line != "" {
		s = clearLine + s + r.line
	}
	r.w.WriteString(s)
}

const clearLine = "\r\x1b[K"

// setStatus shows a line that the next one takes the place of; an empty one takes it away.
func (r *reporter) setStatus(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line != r.line {
		r.line = line
		r.w.WriteString(clearLine + line)
	}
}

func (r *reporter) setBeside(f func(string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beside = f
}

// say writes a line if -v was given.
func (r *reporter) say(format string, args ...any) {
	if r.verbose > 0 && !r.json {
		r.write(fmt.Sprintf(format+"\n", args...))
	}
}

// sayMore writes a line if -vv was given.
func (r *reporter) sayMore(format string, args ...any) {
	if r.verbose > 1 && !r.json {
		r.write(fmt.Sprintf(format+"\n", args...))
	}
}

// note writes a line whatever was given.
func (r *reporter) note(format string, args ...any) {
	if r.json {
		r.event("note", "text", fmt.Sprintf(format, args...))
		return
	}
	r.write(r.name + ": " + fmt.Sprintf(format+"\n", args...))
}

// event writes a line of JSON if --json was given. The fields are pairs of name and value.
func (r *reporter) event(kind string, fields ...any) {
	if !r.json {
		return
	}
	line := append([]byte(`{"time":`), jsonValue(time.Now().UTC().Format(time.RFC3339Nano))...)
	line = append(append(line, `,"event":`...), jsonValue(kind)...)
	for i := 0; i+1 < len(fields); i += 2 {
		line = append(append(append(line, ','), jsonValue(fields[i])...), ':')
		line = append(line, jsonValue(fields[i+1])...)
	}
	r.write(string(line) + "}\n")
}

func jsonValue(v any) []byte {
	p, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return p
}

// fail tells an error with its way out and returns the exit status.
func (r *reporter) fail(err error) int {
	var u *usageError
	if errors.As(err, &u) {
		r.tell(u.msg, u.hint)
		return exitUsage
	}
	if _, ok := err.(told); ok {
		return exitNetwork
	}
	if errors.Is(err, context.Canceled) {
		return exitNetwork // whoever cancelled knows
	}
	hint := ""
	var e *explained
	if errors.As(err, &e) {
		hint = e.hint
	}
	r.tell(err.Error(), hint)
	return exitNetwork
}

// tell writes an error and its hint.
func (r *reporter) tell(msg, hint string) {
	if r.json {
		r.event("error", "error", msg, "hint", hint)
		return
	}
	errorWord, hintWord := "error:", "hint:"
	if r.color {
		errorWord, hintWord = "\x1b[1;31merror:\x1b[0m", "\x1b[1mhint:\x1b[0m"
	}
	s := errorWord + " " + msg + "\n"
	if hint != "" {
		s += hintWord + " " + hint + "\n"
	}
	r.write(s)
}
