// Package solver answers the proof of work of a server while its words go by.
//
//	v := solver.Start(solver.Config{Report: r, Write: send, Over: over})
//	go func() { <-v.Free(); …send the input… }()
//	for { …read p…; v.Feed(p) }
//	v.Gone()
//	<-v.Done()
//
// The input waits for it, or a server would take the first line of the input
// for the answer. Where there is somebody to ask, it asks before it works.
package solver

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/pow"
)

// How long the server may be silent: until a puzzle that ends without a line
// end is taken as complete; until the input goes to a server that has asked for
// no work, and to one whose words sound as if it were about to; and to one that
// has not said anything yet. --pow-wait takes the place of the last three.
const (
	puzzleQuiet = 200 * time.Millisecond
	inputQuiet  = 100 * time.Millisecond
	soundsQuiet = 2 * time.Second
	firstWord   = 2 * time.Second
)

// Config is what a Solver works with. Over, Report and Write must be set.
type Config struct {
	// Asks says that there is somebody to ask: what is typed passes [Solver.Intercept].
	Asks bool
	// Wait takes the place of the times the server may be quiet before the input goes.
	Wait time.Duration
	CRLF bool // ends the answer

	Report *report.Reporter
	Write  func([]byte) error // sends the answer
	Status func(string)       // shows how far it is; may be nil
	Touch  func()             // called while it works; may be nil
	Over   <-chan struct{}    // closed when nobody waits for an answer any more
}

// Solver looks for puzzles in what arrives, beside the stream, and sends the
// answers. Its methods may be called by many at once.
type Solver struct {
	c       Config
	working atomic.Bool

	mu     sync.Mutex
	buf    []byte
	inLine bool // what arrived last does not end a line
	state  state
	reply  []byte        // the unfinished reply to the question
	busy   chan struct{} // closed when the puzzle at hand is done with

	fed     chan struct{} // one token: something has arrived
	gone    chan struct{} // closed when nothing more will
	replies chan string
	free    chan struct{} // closed when the input may go
	release func()        // closes free
	done    chan struct{}
	err     error // set before done is closed
}

type state int

const (
	idle state = iota
	asking
	solving
)

// unseen is how much may wait while a puzzle is solved; the Finder looks no further.
const unseen = 64 << 10

// Start looks for puzzles until the session is over.
func Start(c Config) *Solver {
	if c.Status == nil {
		c.Status = func(string) {}
	}
	if c.Touch == nil {
		c.Touch = func() {}
	}
	v := &Solver{c: c, fed: make(chan struct{}, 1), gone: make(chan struct{}), replies: make(chan string, 1), free: make(chan struct{}), done: make(chan struct{})}
	v.release = sync.OnceFunc(func() { close(v.free) })
	if v.c.Asks {
		v.release() // who types sees what the server asks
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-c.Over:
		case <-v.gone:
		case <-v.done:
		}
		cancel()
	}()
	go func() {
		defer close(v.done)
		defer v.release()
		v.run(ctx)
	}()
	return v
}

// Asks reports whether it asks before it works.
func (v *Solver) Asks() bool { return v.c.Asks }

// Free is closed when the input may go.
func (v *Solver) Free() <-chan struct{} { return v.free }

// Gone says that the server has ended. It is called once.
func (v *Solver) Gone() { close(v.gone) }

// Done is closed when the Solver has ended.
func (v *Solver) Done() <-chan struct{} { return v.done }

// Err says which puzzle the server did not get an answer to, once Done is closed.
func (v *Solver) Err() error { return v.err }

// Working reports whether it shows what it does by Status.
func (v *Solver) Working() bool { return v.working.Load() }

// statusEvery is how often Status is told.
const statusEvery = 100 * time.Millisecond

// Feed takes what arrived; it never waits.
func (v *Solver) Feed(p []byte) {
	v.mu.Lock()
	v.buf = append(v.buf, p[:min(len(p), unseen-len(v.buf))]...)
	v.inLine = len(p) > 0 && p[len(p)-1] != '\n'
	v.mu.Unlock()
	select {
	case v.fed <- struct{}{}:
	default:
	}
}

func (v *Solver) take() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.buf
	v.buf = nil
	return p
}

func (v *Solver) run(ctx context.Context) {
	var finder pow.Finder
	var said []byte // the end of what the server said before its first puzzle
	wait := func(d time.Duration) time.Duration {
		if w := v.c.Wait; w > 0 {
			return w
		}
		return d
	}
	quiet := time.NewTimer(wait(firstWord)) // until the input goes
	defer quiet.Stop()
	complete := time.NewTimer(time.Hour) // until a puzzle has no more to come
	complete.Stop()
	defer complete.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.gone:
			return // nobody is left to be answered
		case <-v.fed:
			p := v.take()
			said = append(said, p...)
			said = said[max(0, len(said)-4<<10):]
			for puzzle, ok := finder.Feed(p); ok; puzzle, ok = finder.Feed(nil) {
				v.answer(ctx, puzzle)
			}
			complete.Reset(puzzleQuiet)
			if soundsLikeWork(said) {
				quiet.Reset(wait(soundsQuiet))
			} else {
				quiet.Reset(wait(inputQuiet))
			}
		case <-complete.C:
			if puzzle, ok := finder.Flush(); ok {
				v.answer(ctx, puzzle)
			}
		case <-quiet.C:
			v.release()
		}
	}
}

// soundsLikeWork reports whether words that come before puzzles stand in a text.
func soundsLikeWork(text []byte) bool {
	lower := strings.ToLower(string(text))
	if strings.Contains(lower, "proof-of-work: disabled") { // kctf's words
		return false
	}
	words := strings.FieldsFunc(lower, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return slices.ContainsFunc(words, func(w string) bool {
		switch w {
		case "pow", "proof", "kctf", "redpwn", "hashcash", "difficulty", "md5", "sha1", "sha224", "sha256", "sha384", "sha512":
			return true
		}
		return false
	})
}

// answer solves one puzzle, if it may, and sends the answer.
func (v *Solver) answer(ctx context.Context, puzzle pow.Puzzle) {
	busy := make(chan struct{})
	v.mu.Lock()
	v.busy = busy
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.state, v.busy = idle, nil
		v.mu.Unlock()
		close(busy)
		v.release()
	}()
	r := v.c.Report
	early := !v.c.Asks && ended(v.free) // the input went first
	if v.c.Asks && !v.consent(ctx, puzzle) {
		return
	}
	v.become(solving)
	if !v.c.Asks {
		r.Say("Solving the %s: %s", puzzle.Describe(), about(puzzle.Estimate()))
	}
	begin := time.Now()
	v.working.Store(true)
	told := begin
	text, err := puzzle.Solve(ctx, func(p pow.Progress) {
		v.c.Touch()
		if time.Since(told) > statusEvery {
			told = time.Now()
			if !v.c.Asks && v.c.Report.TTY {
				v.freshLine()
			}
			v.c.Status(progress(p, told.Sub(begin)))
		}
	})
	v.c.Status("")
	v.working.Store(false)
	if err == nil {
		line := text + "\n"
		if v.c.CRLF {
			line = text + "\r\n"
		}
		err = v.c.Write([]byte(line))
	}
	took := time.Since(begin)
	switch {
	case err != nil && early && ended(v.gone):
		v.err = report.WithHint(fmt.Errorf("the server asked for a %s after the input had been sent to it", puzzle.Describe()), "--pow-wait TIME keeps the input back until it has been quiet for so long")
	case err != nil && ended(v.gone):
		v.err = report.WithHint(fmt.Errorf("the server went away before the %s was solved", puzzle.Describe()), "it may set a time limit: a faster machine, or all of this one")
	case err != nil && ended(v.c.Over):
	case err != nil:
		v.err = fmt.Errorf("the %s is not answered: %w", puzzle.Describe(), err)
	default:
		v.err = nil
		r.Say("Solved the %s in %.2f s, answer sent", puzzle.Describe(), took.Seconds())
		r.Event("pow", "puzzle", puzzle.Describe(), "answer", text, "seconds", took.Seconds())
	}
}

// progress says how far a solver is.
func progress(p pow.Progress, took time.Duration) string {
	if p.Done >= p.Total || p.Done == 0 {
		return fmt.Sprintf("solving: %.1f s, longer than expected", took.Seconds())
	}
	left := time.Duration(float64(took) / float64(p.Done) * float64(p.Total-p.Done))
	return fmt.Sprintf("solving: %.0f %%, %s left", 100*float64(p.Done)/float64(p.Total), about(left))
}

// freshLine leaves the server's line if that is not at its end.
func (v *Solver) freshLine() {
	v.mu.Lock()
	inLine := v.inLine
	v.inLine = false
	v.mu.Unlock()
	if inLine && !v.c.Report.JSON {
		v.c.Report.Write("\n")
	}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// about says an estimate in words.
func about(d time.Duration) string {
	switch {
	case d <= 0:
		return "out of reach"
	case d < 100*time.Millisecond:
		return "less than 0.1 s"
	case d < 10*time.Second:
		return fmt.Sprintf("about %.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("about %.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("about %.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("about %.0f hours", d.Hours())
}

func (v *Solver) become(s state) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state, v.reply = s, nil
}

// consent asks at the terminal; the next line typed is the reply.
func (v *Solver) consent(ctx context.Context, puzzle pow.Puzzle) bool {
	v.freshLine()
	v.c.Report.Note("the server asks for a %s: %s of this machine", puzzle.Describe(), about(puzzle.Estimate()))
	select {
	case <-v.replies: // too late for an earlier question
	default:
	}
	v.become(asking)
	for {
		v.c.Report.Note("solve it? y or n")
		select {
		case <-ctx.Done():
			return false
		case <-v.gone:
			return false // the server has lost its patience
		case reply := <-v.replies:
			if yes, ok := yesOrNo(reply); ok {
				return yes
			}
		}
	}
}

func yesOrNo(reply string) (yes, ok bool) {
	switch strings.ToLower(strings.TrimSpace(reply)) {
	case "y", "yes":
		return true, true
	case "n", "no":
		return false, true
	}
	return false, false
}

// Settle waits until the puzzle at hand is done with: the end of the input
// must not overtake the answer.
func (v *Solver) Settle() {
	v.mu.Lock()
	busy := v.busy
	if v.state == asking {
		v.say("n") // nobody is left to be asked
	}
	v.mu.Unlock()
	if busy != nil {
		select {
		case <-busy:
		case <-v.c.Over:
		}
	}
}

// say hands the latest reply on; the caller holds the lock.
func (v *Solver) say(reply string) {
	select {
	case <-v.replies: // one that was no answer, typed in the same breath
	default:
	}
	v.replies <- reply
}

// Intercept takes out of what was typed the reply to a question, and what the
// server would mistake for the answer. It returns what is left.
func (v *Solver) Intercept(p []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(p) == 0:
		return p
	case v.state == solving:
		v.c.Report.Note("not sent: the answer is still being computed")
		return nil
	case v.state == asking:
		v.reply = append(v.reply, p...)
		for {
			line, rest, whole := bytes.Cut(v.reply, []byte{'\n'})
			if !whole {
				return nil
			}
			v.reply = rest
			v.say(string(line))
			switch yes, ok := yesOrNo(string(line)); {
			case ok && yes:
				v.state, v.reply = solving, nil
				return nil
			case ok:
				v.state, v.reply = idle, nil
				return rest
			}
		}
	}
	return p
}
