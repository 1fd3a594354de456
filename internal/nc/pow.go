package nc

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/pow"
)

// How long the server may be silent: until a puzzle that ends without a line
// end is taken as complete, until the input goes to a server that has asked for
// no work, and the same for one that has not said anything yet.
const (
	puzzleQuiet = 200 * time.Millisecond
	inputQuiet  = time.Second
	firstWord   = 5 * time.Second
)

// solver is --pow: it looks for puzzles in what arrives, beside the stream,
// and sends the answers. The input waits for it, or a server would take the
// first line of the input for the answer.
type solver struct {
	s    *session
	asks bool // there is somebody to ask

	mu     sync.Mutex
	buf    []byte
	inLine bool // what arrived last does not end a line
	state  solverState
	reply  []byte        // the unfinished reply to the question
	busy   chan struct{} // closed when the puzzle at hand is done with

	fed     chan struct{} // one token: something has arrived
	gone    chan struct{} // closed when nothing more will
	replies chan string
	free    chan struct{} // closed when the input may go
	release func()        // closes free
	done    chan struct{}
}

type solverState int

const (
	solverIdle solverState = iota
	solverAsking
	solverSolving
)

// unseen is how much may wait while a puzzle is solved; the Finder looks no further.
const unseen = 64 << 10

// startSolver looks for puzzles until the session is over.
func (s *session) startSolver() *solver {
	v := &solver{s: s, fed: make(chan struct{}, 1), gone: make(chan struct{}), replies: make(chan string, 1), free: make(chan struct{}), done: make(chan struct{})}
	v.release = sync.OnceFunc(func() { close(v.free) })
	v.asks = !s.n.c.noStdin && s.n.in.Terminal() && term.IsTerminal(int(s.n.r.w.Fd()))
	if v.asks {
		v.release() // who types sees what the server asks
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-s.over:
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

// feed takes what arrived; it never waits.
func (v *solver) feed(p []byte) {
	v.mu.Lock()
	v.buf = append(v.buf, p[:min(len(p), unseen-len(v.buf))]...)
	v.inLine = len(p) > 0 && p[len(p)-1] != '\n'
	v.mu.Unlock()
	select {
	case v.fed <- struct{}{}:
	default:
	}
}

func (v *solver) take() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.buf
	v.buf = nil
	return p
}

func (v *solver) run(ctx context.Context) {
	var finder pow.Finder
	quiet := time.NewTimer(firstWord)
	defer quiet.Stop()
	flushed := true // nothing is waiting for its end
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.gone:
			return // nobody is left to be answered
		case <-v.fed:
			for puzzle, ok := finder.Feed(v.take()); ok; puzzle, ok = finder.Feed(nil) {
				v.answer(ctx, puzzle)
			}
			flushed = false
			quiet.Reset(puzzleQuiet)
		case <-quiet.C:
			if flushed {
				v.release()
				continue
			}
			flushed = true
			if puzzle, ok := finder.Flush(); ok {
				v.answer(ctx, puzzle)
			}
			quiet.Reset(inputQuiet - puzzleQuiet)
		}
	}
}

// answer solves one puzzle, if it may, and sends the answer.
func (v *solver) answer(ctx context.Context, puzzle pow.Puzzle) {
	busy := make(chan struct{})
	v.mu.Lock()
	v.busy = busy
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.state, v.busy = solverIdle, nil
		v.mu.Unlock()
		close(busy)
		v.release()
	}()
	r := v.s.n.r
	if v.asks && !v.consent(ctx, puzzle) {
		return
	}
	v.become(solverSolving)
	if !v.asks {
		r.say("Solving the %s: %s", puzzle.Describe(), about(puzzle.Estimate()))
	}
	begin := time.Now()
	text, err := puzzle.Solve(ctx, func(pow.Progress) {
		v.s.sent.Touch() // -w and --idle-timeout are about the server, and it waits for us
	})
	if err == nil {
		line := text + "\n"
		if v.s.n.c.crlf {
			line = text + "\r\n"
		}
		err = v.s.write([]byte(line))
	}
	took := time.Since(begin)
	switch {
	case err != nil && ended(v.gone):
		r.note("the server went away before the %s was solved", puzzle.Describe())
	case err != nil && ended(v.s.over):
	case err != nil:
		r.note("the %s is not answered: %v", puzzle.Describe(), err)
	default:
		r.say("Solved the %s in %.2f s, answer sent", puzzle.Describe(), took.Seconds())
		r.event("pow", "puzzle", puzzle.Describe(), "answer", text, "seconds", took.Seconds())
	}
}

// freshLine leaves the server's line if that is not at its end.
func (v *solver) freshLine() {
	v.mu.Lock()
	inLine := v.inLine
	v.mu.Unlock()
	if inLine && !v.s.n.r.json {
		v.s.n.r.write("\n")
	}
}

func ended(c chan struct{}) bool {
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

func (v *solver) become(state solverState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state, v.reply = state, nil
}

// consent asks at the terminal; the next line typed is the reply.
func (v *solver) consent(ctx context.Context, puzzle pow.Puzzle) bool {
	v.freshLine()
	v.s.n.r.note("the server asks for a %s: %s of this machine", puzzle.Describe(), about(puzzle.Estimate()))
	select {
	case <-v.replies: // too late for an earlier question
	default:
	}
	v.become(solverAsking)
	for {
		v.s.n.r.note("solve it? y or n")
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

// settled waits until the puzzle at hand is done with: the end of the input
// must not overtake the answer.
func (v *solver) settled() {
	v.mu.Lock()
	busy := v.busy
	if v.state == solverAsking {
		v.say("n") // nobody is left to be asked
	}
	v.mu.Unlock()
	if busy != nil {
		select {
		case <-busy:
		case <-v.s.over:
		}
	}
}

// say hands a reply on; the caller holds the lock.
func (v *solver) say(reply string) {
	select {
	case v.replies <- reply:
	default:
	}
}

// intercept takes out of what was typed the reply to a question, and what the
// server would mistake for the answer. It returns what is left.
func (v *solver) intercept(p []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(p) == 0:
		return p
	case v.state == solverSolving:
		v.s.n.r.note("not sent: the answer is still being computed")
		return nil
	case v.state == solverAsking:
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
				v.state, v.reply = solverSolving, nil
				return nil
			case ok:
				v.state, v.reply = solverIdle, nil
				return rest
			}
		}
	}
	return p
}
