package geography

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/geo"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// longestLine is the longest line a player may send, in bytes. The longest answer, 14 neighbours with
// their full names in another alphabet, is well below.
const longestLine = 1024

// player is one session: its view, and what is waiting to be sent.
type player struct {
	s    *chal.Session
	o    *Options
	view view
	out  []byte // sent before the next wait, in one piece

	practice *turns // of all sessions
}

// How a session ends without a fault.
var (
	errQuit = errors.New("the player has quit")
	errOver = errors.New("the ranked game is over") // and BYE is said
)

func (p *player) play(ctx context.Context) error {
	p.hello()
	err := p.menu(ctx)
	switch {
	case errors.Is(err, errQuit), errors.Is(err, io.EOF):
		p.bye(nil)
	case !errors.Is(err, errOver):
		return err
	}
	return p.flush()
}

// menu takes commands until the session is over.
func (p *player) menu(ctx context.Context) error {
	for {
		p.prompt()
		in, _, err := p.read(0)
		if err != nil {
			return err
		}
		if in.bad != "" {
			p.bad(in.bad)
			continue
		}
		done, err := p.common(in)
		if err != nil {
			return err
		}
		if done {
			continue
		}
		switch word, arg := in.command(); word {
		case "start":
			if arg == "" {
				return p.ranked(ctx)
			}
			p.bad("start is the ranked game, of all kinds: practice KIND is for one") // whose clock nobody wants to start by mistake
		case "practice":
			err = p.practise(arg)
		case "replay":
			err = p.replay(arg)
		case "menu", "help", "?":
			p.info(menuText(p)...)
		default:
			p.bad("unknown command: try start practice menu json lang ascii color hint quit")
		}
		if err != nil {
			return err
		}
	}
}

// input is one line from the player.
type input struct {
	text   string // trimmed
	bad    string // why it is none; the text is then empty
	answer bool   // a JSON answer, never a command
	order  bool   // a JSON command, never an answer
}

// command splits the line at its first space.
func (in input) command() (word, arg string) {
	if in.answer {
		return "", ""
	}
	word, arg, _ = strings.Cut(in.text, " ")
	return strings.ToLower(word), strings.TrimSpace(arg)
}

// read sends what is waiting, then waits for a line, at most limit for both (zero: the session's idle time for each).
// took is how long that was.
func (p *player) read(limit time.Duration) (in input, took time.Duration, err error) {
	from := p.s.Tube
	if limit > 0 {
		from = from.Within(limit)
	}
	start := time.Now()
	if err := p.flushTo(from); err != nil {
		return input{}, time.Since(start), err
	}
	line, err := from.RecvLine()
	if errors.Is(err, tube.ErrTooLong) {
		if _, err = from.Skip("\n"); err == nil || errors.Is(err, io.EOF) {
			line, err = strings.Repeat("x", longestLine+1), nil
		}
	}
	took = time.Since(start)
	if err != nil {
		return input{}, took, err
	}
	return p.parse(line), took, nil
}

// parse judges the form of a line.
func (p *player) parse(line string) input {
	switch {
	case len(line) > longestLine:
		return input{bad: fmt.Sprintf("the line is longer than %d bytes", longestLine)}
	case strings.ContainsRune(line, 0):
		return input{bad: "the line has NUL bytes"}
	case !utf8.ValidString(line):
		return input{bad: "the line is not UTF-8"}
	}
	if p.view.json {
		return parseJSON(line)
	}
	in := input{text: strings.TrimSpace(line)}
	if in.text == "" {
		in.bad = "the line is empty"
	}
	return in
}

// common does the commands that are the same in the menu and in a game.
func (p *player) common(in input) (done bool, err error) {
	word, arg := in.command()
	v := &p.view
	onOff := map[bool]string{true: "on", false: "off"}
	switch {
	case word == "quit" && arg == "":
		return true, errQuit
	case word == "json" && arg == "":
		if v.json = !v.json; v.json {
			p.helloJSON()
		} else {
			p.info("json is off")
		}
	case word == "ascii" && arg == "":
		v.ascii = !v.ascii
		p.info("ascii is " + onOff[v.ascii])
	case word == "color" && arg == "":
		v.color = !v.color
		p.info("color is " + onOff[v.color])
	case word == "lang":
		arg = strings.ToLower(arg)
		if !slices.Contains(geo.Languages(), arg) {
			p.bad("lang takes one of: " + strings.Join(geo.Languages(), " "))
			break
		}
		v.lang = arg
		p.info("countries are named in " + languageNames[arg] + "; answers may be in any language")
	case word == "hint" && arg == "":
		p.info(append(wrap(fmt.Sprintf(generalHint, len(geo.Languages())), 76), forms()...)...)
	default:
		return false, nil
	}
	return true, nil
}

const generalHint = "Answers: places in any of %d languages, in any case, with or without accents; countries also by " +
	"ISO code. Where sources differ, any of theirs is right. Practice first, it explains every answer; then " +
	"script it: read up to the prompt, answer the last line that starts with Q."

// forms lists how answers look, kind by kind.
func forms() []string {
	lines := []string{""}
	for _, k := range kinds {
		for i, l := range wrap(k.form, 64) {
			lines = append(lines, fmt.Sprintf("%-12s %s", map[bool]string{true: k.name}[i == 0], l))
		}
	}
	return lines
}

// practise asks without a clock and explains.
func (p *player) practise(arg string) error {
	seed := randomSeed()
	if arg == "" {
		return p.drill(newGame(seed))
	}
	k := kindNamed(strings.ToLower(arg))
	if k == nil {
		p.bad("practice takes no kind, or one of: " + kindNames())
		return nil
	}
	return p.drill(newDrill(seed, k, practiceRounds))
}

// replay practises a game that was played.
func (p *player) replay(id string) error {
	r, err := ParseReplay(id, p.o.Key)
	if err != nil {
		p.bad(err.Error())
		return nil
	}
	return p.drill(newGame(r.seed))
}

func (p *player) drill(g *game) error {
	right := 0
	source := chal.Source(p.s.Remote.Addr())
	for n := range g.plan {
		var q question
		p.practice.do(source, func() { q = g.next() })
		in, err := p.ask(q, n+1, len(g.plan), nil)
		if err != nil {
			return err
		}
		if word, arg := in.command(); word == "menu" && arg == "" {
			p.info(fmt.Sprintf("back in the menu: %d of %d right", right, n))
			return nil
		}
		p.practice.do(source, func() {
			ok := q.accepts(in.text)
			if ok {
				right++
			}
			p.explain(q, ok)
		})
	}
	p.info(fmt.Sprintf("that was practice: %d of %d right. `start` when you are ready.", right, len(g.plan)))
	return nil
}

// ask puts a question until something comes that counts as an answer. With a clock the error may be
// os.ErrDeadlineExceeded.
func (p *player) ask(q question, n, of int, c *clock) (input, error) {
	for {
		if c == nil {
			p.practice.do(chal.Source(p.s.Remote.Addr()), func() { p.question(q, n, of, nil) })
		} else {
			p.question(q, n, of, c)
		}
		in, err := p.answer(c)
		if err != nil {
			return in, err
		}
		if in.bad != "" {
			p.bad(in.bad)
			continue
		}
		word, arg := in.command()
		switch {
		case (word == "hint" || word == "help") && arg == "": // the menu knows help, too, and it is no answer that should end a game
			p.info(p.gameHint(q, c != nil)...)
			continue
		case word == "menu" && arg == "" && c == nil:
			return in, nil
		case word == "replay", slices.Contains([]string{"start", "practice", "menu"}, word) && (arg == "" || kindNamed(strings.ToLower(arg)) != nil):
			way := "quit ends it"
			if c == nil {
				way = "menu leaves practice, quit ends the session"
			}
			p.bad("a game is on; " + way)
			continue
		}
		switch done, err := p.common(in); {
		case err != nil:
			return in, err
		case !done && in.order:
			p.bad("that command takes no such argument")
		case !done && c != nil && q.reads != nil && !q.reads(in.text): // practice explains what would have been right
			p.bad("that cannot be read: " + q.kind.form)
		case !done:
			return in, nil
		}
	}
}

// answer waits for a line, on the clock where there is one.
func (p *player) answer(c *clock) (input, error) {
	if c == nil {
		in, _, err := p.read(0)
		return in, err
	}
	c.again(time.Now())
	limit := c.limit()
	if limit <= 0 {
		limit = 1 // what is there already may be read
	}
	in, took, err := p.read(limit)
	c.spend(took)
	c.waited = time.Now()
	return in, err
}

func (p *player) gameHint(q question, ranked bool) []string {
	lines := []string{q.kind.name + ": " + q.kind.form}
	if first, _ := utf8.DecodeRuneInString(q.answer); !ranked && q.kind.tier == 1 {
		lines = append(lines, fmt.Sprintf("The answer starts with %c and has %d characters.", first, utf8.RuneCountInString(q.answer)))
	}
	return lines
}

// ranked plays for the flag; it ends the session.
func (p *player) ranked(ctx context.Context) error {
	replay := p.o.newReplay(p.s)
	g, c := newGame(replay.seed), newClock(p.s)
	right, err := p.rounds(g, &c)
	res := Result{
		Session: p.s.ID, Team: p.s.Team, Right: right, Rounds: len(g.plan), Thinking: c.spent(), Replay: replay.ID(),
	}
	if p.o.Result != nil {
		p.o.Result(ctx, res)
	}
	if err != nil && !errors.Is(err, errQuit) && !errors.Is(err, io.EOF) {
		return err
	}
	p.bye(&res)
	return errOver
}

// rounds plays until the flag, a wrong answer or a late one.
func (p *player) rounds(g *game, c *clock) (right int, err error) {
	for right < len(g.plan) {
		q := g.next()
		c.next()
		in, err := p.ask(q, right+1, len(g.plan), c)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && c.limit() <= 0: // and not because nobody reads
			p.late(c)
			return right, nil
		case err != nil:
			return right, err
		case !q.accepts(in.text):
			p.verdict("NO", "that is wrong")
			return right, nil
		}
		right++
		p.verdict("OK", "")
		p.checkpoint(right, len(g.plan), c)
	}
	return right, nil
}

func (p *player) late(c *clock) {
	text := fmt.Sprintf("%d seconds are all there is for a round", int(roundTime.Seconds()))
	if c.left <= 0 {
		text = fmt.Sprintf("the %d seconds of thinking time are over", int(c.total.Seconds()))
	}
	p.verdict("LATE", text)
}

// checkpoint tells the score on the way, and at the end the flag.
func (p *player) checkpoint(right, of int, c *clock) {
	if right == of {
		p.flag(p.s.Flag)
		return
	}
	if right%checkpoint != 0 {
		return
	}
	p.info(fmt.Sprintf("checkpoint: %d of %d, %.1f s of thinking time left", right, of, c.left.Seconds()))
	if p.o.Partial != nil {
		if flag := p.o.Partial(p.s, right); flag != "" {
			p.flag(flag)
		}
	}
}

func randomSeed() (seed [32]byte) {
	rand.Read(seed[:]) // never fails
	return seed
}

func kindNames() string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return strings.Join(all, " ")
}
