package nc

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/hexdump"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/transcript"
)

// taps writes down what passes: --hex-dump, --output and --transcript. It is
// shared by all sessions of a run.
type taps struct {
	mu   sync.Mutex
	hex  io.Writer
	raw  io.Writer
	sent hexdump.Dumper
	got  hexdump.Dumper
	cast *transcript.Writer
	open []io.Closer
}

// newTaps opens the files; it returns nil when nothing is written down.
func (n *netcat) newTaps() (*taps, error) {
	c := n.c
	if c.HexDump == "" && c.Output == "" && c.Transcript == "" {
		return nil, nil
	}
	t := &taps{sent: hexdump.Dumper{Mark: '>'}, got: hexdump.Dumper{Mark: '<'}}
	create := func(name string) (*os.File, error) {
		if name == "-" {
			return n.r.W, nil
		}
		flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if c.AppendOutput {
			flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		f, err := os.OpenFile(name, flags, 0o600)
		if err != nil {
			return nil, report.WithHint(err, "is the directory there and writable?")
		}
		t.open = append(t.open, f)
		return f, nil
	}
	if c.HexDump != "" {
		f, err := create(c.HexDump)
		if err != nil {
			return nil, err
		}
		t.hex = f
	}
	if c.Output != "" {
		f, err := create(c.Output)
		if err != nil {
			return nil, err
		}
		t.raw = f
	}
	if c.Transcript != "" {
		f, err := create(c.Transcript)
		if err != nil {
			return nil, err
		}
		t.cast, err = transcript.New(f, time.Now(), 80, 24)
		if err != nil {
			return nil, err
		}
	}
	return t, nil
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
		if err := record(p, time.Now()); err != nil {
			return fmt.Errorf("write the transcript: %w", err)
		}
	}
	return nil
}

func (t *taps) close() {
	for _, f := range t.open {
		f.Close()
	}
}
