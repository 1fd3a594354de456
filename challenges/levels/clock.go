package levels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	clockQuestions = 20
	clockDelay     = 400 * time.Millisecond // from a question to its answer: one at a time is 8 s
	clockBudget    = 6 * time.Second
	clockBeat      = 700 * time.Millisecond            // between PINGs
	clockPong      = 2 * time.Second                   // for the answer to a PING
	clockLossy     = clockDelay + 100*time.Millisecond // from start, while one answer gets lost
	clockGets      = 5 * clockQuestions                // at most, so that a session's memory is bounded
)

// clock: timeouts, pipelining and a heartbeat.
//
// Each answer comes late, one gets lost, and PINGs come in between: so a player must send all questions
// before the first answer, must not wait for ever, and must not believe that something coming in means
// that the answer is coming.
func clock(Options) Level {
	return tcp(clockText, func(_ context.Context, p *player) error {
		if err := p.greet(fmt.Sprintf("READY %d numbers, %v from start", clockQuestions, clockBudget)); err != nil {
			return err
		}
		line, err := p.answer()
		if err != nil {
			return err
		}
		if !strings.EqualFold(strings.TrimSpace(line), "start") {
			return p.no("You sent %s; the line start starts the clock.", quote(line))
		}
		g := newClockGame(p)
		for !g.over {
			if err := g.step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// clockGame is one run against the clock. One goroutine does it all: it waits for a line until the next
// thing is due, and a line that is not yet complete then stays in the tube.
type clockGame struct {
	p       *player
	values  [clockQuestions]int
	lost    int  // the question whose answers are lost at first
	retried bool // it was asked again, late enough
	gets    int
	most    int // how many answers were under way at the most
	due     []clockAnswer
	start   time.Time
	end     time.Time
	beat    time.Time // the next PING
	ping    string    // unanswered
	pongBy  time.Time
	over    bool
}

type clockAnswer struct {
	at time.Time
	i  int
}

func newClockGame(p *player) *clockGame {
	now, r := time.Now(), newRand()
	g := &clockGame{p: p, start: now, end: now.Add(clockBudget), lost: r.IntN(clockQuestions)}
	g.beat = now.Add(100*time.Millisecond + time.Duration(r.IntN(300))*time.Millisecond)
	for i := range g.values {
		g.values[i] = 1 + r.IntN(999)
	}
	return g
}

// step does what is due and then waits for the player's next line, or for the next thing to be due.
func (g *clockGame) step() error {
	now := time.Now()
	if err := g.answer(now); err != nil {
		return err
	}
	if !now.Before(g.end) {
		return g.late()
	}
	if g.ping != "" && !now.Before(g.pongBy) {
		return g.lose("I sent PING %s, and no pong %s came within %v: you look dead.", g.ping, g.ping, clockPong)
	}
	if g.ping == "" && !now.Before(g.beat) {
		g.ping, g.pongBy, g.beat = word(newRand()), now.Add(clockPong), now.Add(clockBeat)
		if err := g.p.Say("PING " + g.ping); err != nil {
			return err
		}
	}
	line, err := g.p.answerOn(g.p.Within(time.Until(g.next())))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.hear(line)
}

// next returns when the next thing is due.
func (g *clockGame) next() time.Time {
	t := g.end
	other := g.beat
	if g.ping != "" {
		other = g.pongBy
	}
	if other.Before(t) {
		t = other
	}
	if len(g.due) > 0 && g.due[0].at.Before(t) {
		t = g.due[0].at
	}
	return t
}

// answer sends the answers that are due, in one write.
func (g *clockGame) answer(now time.Time) error {
	var b strings.Builder
	for len(g.due) > 0 && !now.Before(g.due[0].at) {
		if i := g.due[0].i; i != g.lost || g.retried {
			fmt.Fprintf(&b, "VALUE %d %d\n", i+1, g.values[i])
		}
		g.due = g.due[1:]
	}
	if b.Len() == 0 {
		return nil
	}
	return g.p.Send(b.String())
}

// hear takes a line of the player's.
func (g *clockGame) hear(line string) error {
	verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch strings.ToLower(verb) {
	case "get":
		i, err := strconv.Atoi(arg)
		if err != nil || i < 1 || i > clockQuestions {
			return g.lose("You sent %s; I know get 1 to get %d.", quote(line), clockQuestions)
		}
		if g.gets++; g.gets > clockGets {
			return g.lose("You asked %d times for %d numbers.", g.gets, clockQuestions)
		}
		now := time.Now()
		if i-1 == g.lost && now.Sub(g.start) > clockLossy {
			g.retried = true
		}
		g.due = append(g.due, clockAnswer{now.Add(clockDelay), i - 1})
		g.most = max(g.most, len(g.due))
		return nil
	case "pong":
		if arg != g.ping || arg == "" {
			return g.lose("You sent %s; the last PING was %s.", quote(line), quote(g.ping))
		}
		g.ping = ""
		return nil
	case "sum":
		sum := 0
		for _, v := range g.values {
			sum += v
		}
		if n, err := strconv.Atoi(arg); err != nil || n != sum {
			return g.lose("The sum of the %d numbers is %d, you said %s.", clockQuestions, sum, quote(arg))
		}
		g.over = true
		return g.p.won()
	}
	return g.lose("You sent %s; I know get, pong and sum.", quote(line))
}

func (g *clockGame) lose(format string, args ...any) error {
	g.over = true
	return g.p.no(format, args...)
}

// late says why the time was not enough.
func (g *clockGame) late() error {
	switch {
	case g.gets == 0:
		return g.lose("In %v you asked for nothing.", clockBudget)
	case g.most == 1:
		return g.lose("You waited for each answer before the next question: that takes %v, and you have %v.", clockQuestions*clockDelay, clockBudget)
	case g.gets >= clockQuestions && !g.retried:
		return g.lose("The answer to get %d got lost, and in %v you have not asked again: set a time limit of your own.", g.lost+1, clockBudget)
	}
	return g.lose("The %v are over; %d questions came, and no sum.", clockBudget, g.gets)
}

func solveClock(_ context.Context, t *tube.Tube) (string, error) {
	if _, err := await(t, "READY"); err != nil {
		return "", err
	}
	values := map[int]int{}
	ask := "start\n"
	for len(values) < clockQuestions {
		for i := 1; i <= clockQuestions; i++ {
			if _, ok := values[i]; !ok {
				ask += fmt.Sprintf("get %d\n", i)
			}
		}
		if err := t.Send(ask); err != nil {
			return "", err
		}
		ask = ""
		// One deadline for all answers: PINGs do not make it longer.
		if err := hearClock(t, t.Within(clockDelay+500*time.Millisecond), values); err != nil {
			return "", err
		}
	}
	sum := 0
	for _, v := range values {
		sum += v
	}
	if err := t.SendLine(fmt.Sprintf("sum %d", sum)); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}

// hearClock collects values until it has all, or until the view's time is up.
func hearClock(t, view *tube.Tube, values map[int]int) error {
	for len(values) < clockQuestions {
		line, err := view.RecvLine()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		key, rest, _ := strings.Cut(line, " ")
		switch key {
		case "PING":
			if err := t.SendLine("pong " + rest); err != nil {
				return err
			}
		case "VALUE":
			var i, v int
			if _, err := fmt.Sscan(rest, &i, &v); err != nil {
				return fmt.Errorf("read value %q: %w", rest, err)
			}
			values[i] = v
		case "NO":
			return errors.New(line)
		}
	}
	return nil
}
