//go:build !unix

package relay

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// Input is a descriptor that several sessions read one after another. A read
// here cannot be interrupted, so one goroutine reads ahead, and a chunk that a
// stopped session did not take waits for the next.
type Input struct {
	f      *os.File
	start  sync.Once
	chunks chan chunk
	left   []byte
	err    error
}

type chunk struct {
	p   []byte
	err error
}

// NewInput makes an Input of f.
func NewInput(f *os.File) *Input { return &Input{f: f, chunks: make(chan chunk)} }

// A Stop interrupts one reader of an Input.
type Stop struct {
	once, idleOnce sync.Once
	ch, idle       chan struct{}
	grace          time.Duration
	keep           func() bool
	turns          atomic.Uint64

	// Moved is for systems whose terminals have a foreground.
	Moved func(foreground bool)
}

// NewStop returns a Stop that has not happened.
func NewStop() (*Stop, error) {
	return &Stop{ch: make(chan struct{}), idle: make(chan struct{})}, nil
}

// Stop makes the reads that use s return [ErrStopped], those that wait and all later ones.
func (s *Stop) Stop() { s.once.Do(func() { close(s.ch) }) }

// WhenIdle stops the reader as soon as the input has had nothing for grace and
// keep, asked then and after each further grace, says no.
func (s *Stop) WhenIdle(grace time.Duration, keep func() bool) {
	s.idleOnce.Do(func() {
		s.grace, s.keep = grace, keep
		close(s.idle)
	})
}

// Turn counts how often the reader has begun and ended to wait for input: an
// odd number while it waits, an even one while it passes on what it has read.
func (s *Stop) Turn() uint64 { return s.turns.Load() }

// Release frees what the Stop holds.
func (s *Stop) Release() { s.Stop() }

// Read waits for bytes, the end, or stop (which may be nil).
func (in *Input) Read(p []byte, stop *Stop) (int, error) {
	in.start.Do(func() { go in.readAhead() })
	var stopped, idle <-chan struct{}
	if stop != nil {
		stopped, idle = stop.ch, stop.idle
		stop.turns.Add(1)
		defer stop.turns.Add(1)
		select {
		case <-stopped:
			return 0, ErrStopped
		default:
		}
	}
	var quiet <-chan time.Time
	for len(in.left) == 0 && in.err == nil {
		select {
		case c := <-in.chunks:
			in.left, in.err = c.p, c.err
		case <-stopped:
			return 0, ErrStopped
		case <-idle:
			idle, quiet = nil, time.After(stop.grace)
		case <-quiet:
			if stop.keep == nil || !stop.keep() {
				return 0, ErrStopped
			}
			quiet = time.After(stop.grace)
		}
	}
	if len(in.left) > 0 {
		n := copy(p, in.left)
		in.left = in.left[n:]
		return n, nil
	}
	return 0, in.err
}

func (in *Input) readAhead() {
	for {
		p := make([]byte, 64<<10)
		n, err := in.f.Read(p)
		if err != nil && err != io.EOF {
			err = fmt.Errorf("%w: %w", ErrInput, err)
		}
		in.chunks <- chunk{p[:n], err}
		if err != nil {
			return
		}
	}
}

// Ready reports whether a Read would return at once.
func (in *Input) Ready() bool {
	in.start.Do(func() { go in.readAhead() })
	if len(in.left) > 0 || in.err != nil {
		return true
	}
	select {
	case c := <-in.chunks:
		in.left, in.err = c.p, c.err
		return true
	default:
		return false
	}
}

// Terminal reports whether the input is a terminal.
func (in *Input) Terminal() bool { return term.IsTerminal(int(in.f.Fd())) }

// Regular reports whether the input is a file.
func (in *Input) Regular() bool {
	info, err := in.f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Background reports whether the input is the terminal of a process in the background, which is nothing here.
func (in *Input) Background() bool { return false }

func (in *Input) bufferSize() int { return BufferSize }

func writeAll(out *os.File, p []byte) error {
	_, err := out.Write(p)
	return err
}
