package nc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/hexdump"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/transcript"
)

// taps writes down what passes: --hex-dump, --output and --transcript. It is
// shared by all sessions of a run.
type taps struct {
	mu         sync.Mutex
	begun      bool
	files      []*os.File
	made       []string // those of them that were not there before
	anew       bool     // the files are emptied at the beginning
	hex, raw   io.Writer
	sent, got  hexdump.Dumper
	transcript io.Writer
	cast       *transcript.Writer // from the beginning
	cols, rows int
	echo       func() bool // whether what is sent is also seen, as it was typed; nil: it is not
}

// newTaps opens the files; it returns nil when nothing is written down. What they hold stays until there is something to take
// its place: a connection.
func (n *netcat) newTaps() (*taps, error) {
	c := n.c
	if c.HexDump == "" && c.Output == "" && c.Transcript == "" {
		return nil, nil
	}
	t := &taps{cols: 80, rows: 24, anew: !c.AppendOutput, sent: hexdump.Dumper{Mark: '>'}, got: hexdump.Dumper{Mark: '<'}}
	if w, h, err := term.GetSize(int(n.stdout.Fd())); err == nil && w > 0 && h > 0 {
		t.cols, t.rows = w, h
	}
	for _, to := range []struct {
		name string
		w    *io.Writer
	}{{c.HexDump, &t.hex}, {c.Output, &t.raw}, {c.Transcript, &t.transcript}} {
		switch to.name {
		case "":
			continue
		case "-":
			*to.w = told{n.r}
			continue
		}
		flags := os.O_WRONLY
		if c.AppendOutput {
			flags |= os.O_APPEND
		}
		f, err := os.OpenFile(to.name, flags, 0)
		if errors.Is(err, fs.ErrNotExist) {
			if f, err = os.OpenFile(to.name, flags|os.O_CREATE, 0o600); err == nil {
				t.made = append(t.made, to.name)
			}
		}
		if err != nil {
			t.close()
			return nil, report.WithHint(err, "is the directory there and writable?")
		}
		t.files = append(t.files, f)
		*to.w = f
	}
	if err := t.distinct(c.History); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// distinct refuses one file for two things, whatever it is called; history may be none's name, or not be there yet.
func (t *taps) distinct(history string) error {
	var all []os.FileInfo
	if fi, err := os.Stat(history); err == nil {
		all = append(all, fi)
	}
	for _, f := range t.files {
		fi, err := f.Stat()
		if err != nil || !fi.Mode().IsRegular() {
			continue
		}
		if slices.ContainsFunc(all, func(other os.FileInfo) bool { return os.SameFile(fi, other) }) {
			return report.Usage("give each its own", "%s is named for two things of --output, --hex-dump, --transcript and --history", f.Name())
		}
		all = append(all, fi)
	}
	return nil
}

// told writes beside what nc tells.
type told struct{ r *report.Reporter }

func (t told) Write(p []byte) (int, error) {
	t.r.Write(string(p))
	return len(p), nil
}

// begin is called when there is a connection.
func (t *taps) begin() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun {
		return nil
	}
	t.begun = true
	for _, f := range t.files {
		if fi, err := f.Stat(); !t.anew || err == nil && !fi.Mode().IsRegular() {
			continue
		}
		if err := f.Truncate(0); err != nil {
			return fmt.Errorf("empty the file: %w", err)
		}
	}
	if t.transcript == nil {
		return nil
	}
	var err error
	if t.cast, err = transcript.New(t.transcript, time.Now(), t.cols, t.rows); err != nil {
		return fmt.Errorf("write the transcript: %w", err)
	}
	return nil
}

// sentBytes and gotBytes write down what went and what came.
func (t *taps) sentBytes(p []byte) error { return t.write(&t.sent, p, true) }
func (t *taps) gotBytes(p []byte) error  { return t.write(&t.got, p, false) }

func (t *taps) write(d *hexdump.Dumper, p []byte, sent bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hex != nil {
		if _, err := t.hex.Write(d.Dump(nil, p)); err != nil {
			return fmt.Errorf("write the hex dump: %w", err)
		}
	}
	if t.raw != nil {
		if _, err := t.raw.Write(p); err != nil {
			return fmt.Errorf("write the output file: %w", err)
		}
	}
	if t.cast != nil {
		record := t.cast.Output
		if sent {
			record = t.cast.Input
		}
		now := time.Now()
		var err error
		if sent && t.echo != nil && t.echo() {
			err = t.cast.Output(p, now)
		}
		if err == nil {
			err = record(p, now)
		}
		if err != nil {
			return fmt.Errorf("write the transcript: %w", err)
		}
	}
	return nil
}

// tapError is the error of a file that what passes is written to. To who asks whose it is, it is that of the input or the output, whose
// bytes were to be written.
type tapError struct {
	error
	whose error
}

func (e tapError) Unwrap() []error { return []error{e.error, e.whose} }

// close closes the files, and takes away those that it made and had no use for.
func (t *taps) close() {
	if t.mu.TryLock() { // whoever has it hangs in a file that takes nothing
		if t.cast != nil {
			t.cast.Close(time.Now())
		}
		t.mu.Unlock()
	}
	for _, f := range t.files {
		f.Close()
	}
	if !t.begun {
		for _, name := range t.made {
			os.Remove(name)
		}
	}
}
