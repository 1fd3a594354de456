package servercheck

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

var chatChecks = []check{
	{Info{"connect", "Something listens at the address."}, checkConnect},
	{Info{"name", "A client is asked for its name first, and told who is in the room."}, chatName},
	{Info{"joined", "The others are told who joined; the one who joins is told who is there, himself not counted."}, chatJoined},
	{Info{"talk", "A line reaches everybody else with its author's name, and not its author."}, chatTalk},
	{Info{"left", "The others are told who left, by FIN or by RST."}, chatLeft},
	{Info{"silent", "Who has not given a name is not in the room: told nothing, and spoken of to nobody."}, chatSilent},
	{Info{"refused", "A name that is not 1 to 16 ASCII letters and digits, or taken, is refused with a reason, and the connection ends."}, chatRefused},
	{Info{"pieces", "A line may arrive in pieces, and several lines at once; what no newline ends was never said."}, chatPieces},
	{Info{"text", "Lines end with LF or CRLF, and their text is UTF-8, unchanged but for that ending."}, chatText},
	{Info{"long", "A line longer than 1,000 bytes ends its author's connection, and nobody else's."}, chatLong},
	{Info{"stuck", "A client that does not read keeps nobody else waiting."}, chatStuck},
}

// guest is a connection to the room, and those it must hear about.
type guest struct {
	*wire
	name string
}

// next receives the next line, passing over news of people who are not known:
// guests of the check before this one, or of somebody else.
func (g *guest) next(what string, known ...*guest) (string, error) {
	for {
		s, err := g.line(what)
		if err != nil {
			return "", err
		}
		f := strings.Fields(s)
		if len(f) == 3 && f[0] == "*" && (f[2] == "joined" || f[2] == "left") &&
			f[1] != g.name && !slices.ContainsFunc(known, func(k *guest) bool { return k.name == f[1] }) {
			continue
		}
		return s, nil
	}
}

// hears expects a line. why may give the cause of another one.
func (g *guest) hears(want string, why func(got string) string, known ...*guest) error {
	got, err := g.next(fmt.Sprintf("the line %q", want), known...)
	if err != nil {
		f := err.(*failure)
		f.want = whole(want + "\n")
		return f
	}
	if got == want {
		return nil
	}
	cause := ""
	if why != nil {
		cause = why(got)
	}
	if cause == "" && got == want+"\r" {
		cause = "The line ends with CRLF: lines of the server end with LF alone, and a CR that a client sent is taken off."
	}
	if cause == "" {
		cause = fmt.Sprintf("Another line came than %q: %s", want, clip(got))
	}
	return &failure{cause: cause, sent: g.r.sent.excerpt(), want: whole(want + "\n"), got: g.r.got.excerpt()}
}

// visitor connects and waits to be asked for a name.
func (p *player) visitor(ctx context.Context) (*guest, error) {
	w, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	g := &guest{wire: w}
	return g, g.hears("name?", func(got string) string {
		return fmt.Sprintf("The first line must be %q, before anything else: %s came.", "name?", strings.TrimSuffix(clip(got), "."))
	})
}

// guest connects and joins under a random name. present are those who are there.
func (p *player) guest(ctx context.Context, present ...*guest) (*guest, error) {
	return p.join(ctx, p.text(4+p.rng.IntN(12)), present...)
}

// join connects and joins under a name.
func (p *player) join(ctx context.Context, name string, present ...*guest) (*guest, error) {
	g, err := p.visitor(ctx)
	if err != nil {
		return nil, err
	}
	g.name = name
	if err := g.send(g.name + "\n"); err != nil {
		return nil, err
	}
	return g, g.welcomed(present...)
}

// welcomed expects the list of who is there.
func (g *guest) welcomed(present ...*guest) error {
	s, err := g.line("the list of who is there")
	if err != nil {
		return err
	}
	list, ok := strings.CutPrefix(s, "* here:")
	names := strings.Split(strings.TrimPrefix(list, " "), " ")
	if strings.TrimSpace(list) == "" {
		names = nil
	}
	switch {
	case !ok && strings.HasPrefix(s, "<"):
		return g.fail(fmt.Sprintf("A message reached a client before it was in the room: %s", clip(s)))
	case !ok && strings.HasPrefix(s, "* "+g.name+" joined"):
		return g.fail("Who joins is told of his own coming: the others are told, and he is told who is there.")
	case !ok && strings.HasPrefix(s, "* "):
		return g.fail(fmt.Sprintf("News of the room reached a client before it was told who is there: %s", clip(s)))
	case !ok && strings.HasPrefix(s, "!"):
		return g.fail(fmt.Sprintf("The good name %q was refused: %s", g.name, clip(s)))
	case !ok:
		return g.fail(fmt.Sprintf("The line after the name must begin with %q: %s", "* here:", clip(s)))
	case slices.Contains(names, g.name):
		return g.fail("The list of who is there counts the one who just joined.")
	case !slices.IsSorted(names):
		return g.fail(fmt.Sprintf("The names in the list are not sorted by their bytes: %s", clip(s)))
	}
	for _, o := range present {
		if n := len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s != o.name })); n != 1 {
			return g.fail(fmt.Sprintf("%s is in the room, and stands in the list %d times: %s", o.name, n, clip(s)))
		}
	}
	return nil
}

// room returns n guests who have heard of each other's coming.
func (p *player) room(ctx context.Context, n int) ([]*guest, error) {
	var all []*guest
	for i := range n {
		// The order of bytes is not that of a dictionary, and a name is kept as it was given.
		g, err := p.join(ctx, []string{"a", "Z", "7", "b"}[i%4]+p.text(3+p.rng.IntN(12)), all...)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			if err := o.hears("* "+g.name+" joined", nil, append(all, g)...); err != nil {
				return nil, err
			}
		}
		all = append(all, g)
	}
	return all, nil
}

func chatName(ctx context.Context, p *player) error {
	if _, err := p.guest(ctx); err != nil {
		return err
	}
	_, err := p.join(ctx, p.text(16))
	return err
}

func chatJoined(ctx context.Context, p *player) error {
	_, err := p.room(ctx, 4)
	return err
}

// says sends a line as from and expects all others to hear it.
func says(from *guest, text string, all []*guest, why func(got string) string) error {
	if err := from.send(text + "\n"); err != nil {
		return err
	}
	for _, o := range all {
		if o == from {
			continue
		}
		if err := o.hears("<"+from.name+"> "+text, why, all...); err != nil {
			return err
		}
	}
	return nil
}

func chatTalk(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 3)
	if err != nil {
		return err
	}
	for range 2 {
		for i, g := range all {
			before := all[(i+len(all)-1)%len(all)]
			err := says(g, p.text(20), all, func(got string) string {
				if strings.HasPrefix(got, "<"+before.name+"> ") {
					return fmt.Sprintf("%s was sent his own line back: a line goes to everybody else.", before.name)
				}
				return ""
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func chatLeft(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 3)
	if err != nil {
		return err
	}
	a, byFIN, byRST := all[0], all[1], all[2]
	if err := byFIN.finish(); err != nil {
		return err
	}
	for _, o := range []*guest{a, byRST} {
		if err := o.hears("* "+byFIN.name+" left", nil, all...); err != nil {
			f := err.(*failure)
			f.cause = "After a client's FIN the others were not told that it left. " + f.cause
			return f
		}
	}
	byRST.reset()
	if err := a.hears("* "+byRST.name+" left", nil, all...); err != nil {
		f := err.(*failure)
		f.cause = "After a client's RST the others were not told that it left. " + f.cause
		f.hint = "an error of recv is an end too: take the client out of the room in a finally or a defer"
		return f
	}
	again, err := p.guest(ctx, a)
	if err != nil {
		return err
	}
	if err := a.hears("* "+again.name+" joined", nil, append(all, again)...); err != nil {
		return err
	}
	return says(again, "still here", []*guest{a, again}, nil)
}

func chatSilent(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 2)
	if err != nil {
		return err
	}
	silent, err := p.visitor(ctx)
	if err != nil {
		return err
	}
	if err := says(all[0], p.text(10), all, nil); err != nil {
		return err
	}
	gone, err := p.visitor(ctx)
	if err != nil {
		return err
	}
	if err := gone.finish(); err != nil {
		return err
	}
	if err := says(all[1], p.text(10), all, nil); err != nil {
		return err
	}
	silent.name = p.text(8)
	if err := silent.send(silent.name + "\n"); err != nil {
		return err
	}
	if err := silent.welcomed(all...); err != nil {
		return err
	}
	for _, o := range all {
		err := o.hears("* "+silent.name+" joined", func(got string) string {
			if strings.HasPrefix(got, "* ") {
				return fmt.Sprintf("A client that never gave a name was spoken of: %s", clip(got))
			}
			return ""
		}, append(all, silent)...)
		if err != nil {
			return err
		}
	}
	return nil
}

func chatRefused(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 1)
	if err != nil {
		return err
	}
	for _, name := range []string{"", strings.Repeat("x", 17), "two words", "semi;colon", "naïve", all[0].name} {
		g, err := p.visitor(ctx)
		if err != nil {
			return err
		}
		if err := g.send(name + "\n"); err != nil {
			return err
		}
		what := fmt.Sprintf("the refusal of the name %q", name)
		s, err := g.line(what)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(s, "! ") || len(s) < 3 {
			if name == all[0].name {
				return g.fail(fmt.Sprintf("The name %q was given twice: somebody in the room has it already.", name))
			}
			return g.fail(fmt.Sprintf("The name %q should have been refused with a line that begins with %q: %s", name, "! ", clip(s)))
		}
		if err := g.eof("the server"); err != nil {
			f := err.(*failure)
			f.cause = fmt.Sprintf("After the refusal of the name %q: ", name) + f.cause
			return f
		}
	}
	g, err := p.guest(ctx, all...)
	if err != nil {
		return err
	}
	got, err := all[0].line("the news of who joined")
	if err != nil {
		return err
	}
	if want := "* " + g.name + " joined"; got != want {
		return all[0].fail(fmt.Sprintf("Somebody who was refused was spoken of in the room: %s", clip(got)))
	}
	return nil
}

func chatPieces(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 1)
	if err != nil {
		return err
	}
	a := all[0]
	g, err := p.visitor(ctx)
	if err != nil {
		return err
	}
	g.name = p.text(9)
	in := func(pieces ...string) error {
		for _, s := range pieces {
			if err := g.send(s); err != nil {
				return err
			}
			p.pause(ctx)
		}
		return nil
	}
	heard := func(s string) func() error {
		return func() error { return a.hears(s, nil, a, g) }
	}
	for _, step := range []func() error{
		func() error { return in(g.name[:3], g.name[3:], "\n") },
		func() error { return g.welcomed(a) },
		heard("* " + g.name + " joined"),
		func() error { return in("good ", "mor", "ning\nand ", "welcome\n") },
		heard("<" + g.name + "> good morning"),
		heard("<" + g.name + "> and welcome"),
	} {
		if err := step(); err != nil {
			f := err.(*failure)
			f.cause = "A line that arrived in pieces was not put together: what one recv returns is not a line. " + f.cause
			return f
		}
	}
	h, err := p.visitor(ctx)
	if err != nil {
		return err
	}
	h.name = p.text(7)
	if err := h.send(h.name + "\none\ntwo\n"); err != nil {
		return err
	}
	for _, s := range []string{"* " + h.name + " joined", "<" + h.name + "> one", "<" + h.name + "> two"} {
		if err := a.hears(s, nil, a, g, h); err != nil {
			f := err.(*failure)
			f.cause = "A name and two lines that arrived at once were not told apart: what one recv returns may hold several lines. " + f.cause
			return f
		}
	}
	if err := h.send("half a li"); err != nil {
		return err
	}
	if err := h.finish(); err != nil {
		return err
	}
	return a.hears("* "+h.name+" left", func(got string) string {
		if strings.HasPrefix(got, "<"+h.name+"> ") {
			return "What a client had not ended with a newline was said when it left: it was no line."
		}
		return ""
	}, a, g, h)
}

func chatText(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 2)
	if err != nil {
		return err
	}
	for _, s := range []string{"  indented,  and with  spaces ", "Grüße, 世界 👋", "<not> a * name?", "", strings.Repeat("x", 1000)} {
		if err := says(all[0], s, all, nil); err != nil {
			return err
		}
	}
	if err := all[0].send("from a terminal\r\n"); err != nil {
		return err
	}
	return all[1].hears("<"+all[0].name+"> from a terminal", nil, all...)
}

func chatLong(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 2)
	if err != nil {
		return err
	}
	// The server may stop reading, and reset, at any byte of it: no matter.
	all[1].send(strings.Repeat("x", 5000))
	if err := all[0].hears("* "+all[1].name+" left", nil, all...); err != nil {
		f := err.(*failure)
		f.cause = "5,000 bytes without a newline should have ended their author's connection: a server that waits for the end of any line can be made to hold any amount. " + f.cause
		return f
	}
	return nil
}

func chatStuck(ctx context.Context, p *player) error {
	all, err := p.room(ctx, 3)
	if err != nil {
		return err
	}
	stuck := all[2] // reads no more
	if c, ok := stuck.r.Conn.(interface{ SetReadBuffer(int) error }); ok {
		c.SetReadBuffer(4 << 10)
	}
	// More than the system's buffers of one connection hold: 4 MiB on Linux.
	const lines = 4600
	text := strings.Repeat("x", 980)
	sent := make(chan error, 1)
	// The one who reads is never more than 64 lines behind.
	ahead, stop := make(chan struct{}, 64), make(chan struct{})
	go func() {
		for i := range lines {
			select {
			case ahead <- struct{}{}:
			case <-stop:
				sent <- nil
				return
			}
			if err := all[0].send(fmt.Sprintf("%06d %s\n", i, text)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range lines {
		err := all[1].hears(fmt.Sprintf("<%s> %06d %s", all[0].name, i, text), nil, all[0], all[1])
		if err != nil {
			close(stop)
			all[0].reset() // so that send ends
			<-sent
			f := err.(*failure)
			f.cause = fmt.Sprintf("One client does not read, and after %d lines another hears nothing more: sending to the one keeps all waiting. ", i) + f.cause
			f.hint = "give each client a queue of its own, and drop the client when its queue is full"
			return f
		}
		<-ahead
	}
	return <-sent
}
