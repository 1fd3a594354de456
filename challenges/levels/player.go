package levels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	idleTime    = 2 * time.Minute // for one line, typed by a person
	sessionTime = 10 * time.Minute
	maxHints    = 8 // a session, so that nobody has us write for ever
)

// player is a session as the levels talk with it.
type player struct {
	*chal.Session
	level *Level
	hints int
	told  bool // no has said why

	midLine bool // what was sent last may not be the end of a line
}

// tcp completes a level on TCP. The lesson is said before play begins, unless the level is one where the
// server does not speak first.
func tcp(l Level, play func(ctx context.Context, p *player) error) Level {
	l.Network = "tcp"
	if l.IdleTimeout == 0 {
		l.IdleTimeout = idleTime
	}
	if l.SessionTimeout == 0 {
		l.SessionTimeout = sessionTime
	}
	l.Handler = chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
		p := &player{Session: s, level: &l}
		return p.explain(play(ctx, p))
	})
	return l
}

// greeting returns the lesson as it is printed.
func (l *Level) greeting() string {
	text := "| " + strings.ReplaceAll(l.Name+": "+l.Description+"\n\n"+l.Lesson, "\n", "\n| ") + "\n"
	return strings.ReplaceAll(text, "| \n", "|\n")
}

// greet says the lesson and then line, in one write.
func (p *player) greet(line string) error {
	return p.Send(p.level.greeting() + line + "\n")
}

// answer waits for the player's next line. It answers "hint" itself.
func (p *player) answer() (string, error) { return p.answerOn(p.Tube) }

// answerOn is answer on a view of the session's tube.
func (p *player) answerOn(t *tube.Tube) (string, error) {
	for {
		line, err := t.RecvLine()
		if err != nil || !isHint(line) || p.hints == maxHints {
			return line, err
		}
		p.hints++
		if err := p.sayHint(); err != nil {
			return "", err
		}
	}
}

// hinted answers a line "hint" where other things than lines are due, and says whether there was one: who is stuck
// there has nothing else to say, and would only be told when the time is up. It waits on in, a view that has its deadline.
func (p *player) hinted(in *tube.Tube) (bool, error) {
	const line = "hint\n"
	head, err := in.Peek(len(line))
	if strings.EqualFold(head, "hint\r") {
		head, err = in.Peek(len(line) + 1)
	}
	if err != nil || !isHint(head) || p.hints == maxHints {
		return false, nil // who reads on meets the same error
	}
	if _, err := in.RecvLine(); err != nil {
		return false, err
	}
	p.hints++
	return true, p.sayHint()
}

func isHint(line string) bool { return strings.EqualFold(strings.TrimSpace(line), "hint") }

// hint returns the hint as it is printed.
func (l *Level) hint() string { return "HINT " + strings.ReplaceAll(l.Hint, "\n", "\nHINT ") + "\n" }

// sayHint gives the hint alone.
func (p *player) sayHint() error {
	if p.midLine {
		return p.Send("\n" + p.level.hint())
	}
	return p.Send(p.level.hint())
}

// no tells the player why the level is lost, and the hint. It returns only an error of the tube.
func (p *player) no(format string, args ...any) error {
	p.told = true
	if p.midLine {
		format = "\nNO " + format
	} else {
		format = "NO " + format
	}
	return p.Send(fmt.Sprintf(format, args...) + "\n" + p.level.hint())
}

// won gives the player the flag.
func (p *player) won() error { return p.Say("FLAG " + p.Flag) }

// explain tells a player whose line did not come in time, was too long, or will not come since the player
// has half-closed, what was missing. Who has closed altogether does not hear it. The error stays: it is why
// the session ends.
func (p *player) explain(err error) error {
	var e *tube.Error
	if !errors.As(err, &e) || p.told {
		return err
	}
	switch {
	case errors.Is(err, tube.ErrTooLong):
		p.no("%d bytes have come and no end of line: a line ends with LF, the byte 0x0a.", e.N)
	case errors.Is(err, os.ErrDeadlineExceeded) && e.N > 0:
		p.no("I have %s from you and still wait for the end of the line: LF, the byte 0x0a.", quote(string(e.Got)))
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.no("I waited, and nothing came from you.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		p.no("You ended what you send after %s, and I still waited for the rest of it.", quote(string(e.Got)))
	case errors.Is(err, io.EOF):
		p.no("You ended what you send, and I still waited for an answer.")
	}
	return err
}

// quote quotes what a player sent, for one line.
func quote(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%.60q... (%d bytes)", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// word makes up a word that can be said and typed.
func word(r *rand.Rand) string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	var b strings.Builder
	for range 3 {
		b.WriteByte(consonants[r.IntN(len(consonants))])
		b.WriteByte(vowels[r.IntN(len(vowels))])
	}
	return b.String()
}

// newRand returns a generator of its own for a session.
func newRand() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

// await is for solvers: it reads lines until one begins with the word key and returns the rest of it.
func await(t *tube.Tube, key string) (string, error) {
	for {
		line, err := t.RecvLine()
		if err != nil {
			return "", fmt.Errorf("wait for %s: %w", key, err)
		}
		first, rest, _ := strings.Cut(line, " ")
		if first == key {
			return rest, nil
		}
		if first == "NO" {
			return "", errors.New(line)
		}
	}
}

// dialKey is the context's key for how a solver makes further connections, where tests have a network of
// their own.
type dialKey struct{}

// again makes a further connection to where t leads: some levels can not be solved with one.
func again(ctx context.Context, t *tube.Tube) (net.Conn, error) {
	if dial, ok := ctx.Value(dialKey{}).(func() (net.Conn, error)); ok {
		return dial()
	}
	a := t.RemoteAddr()
	return new(net.Dialer).DialContext(ctx, a.Network(), a.String())
}

// solverTube is how a solver holds a further connection.
func solverTube(ctx context.Context, c net.Conn) *tube.Tube {
	return tube.New(c, tube.WithContext(ctx), tube.WithTimeout(30*time.Second))
}
