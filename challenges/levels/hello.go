package levels

import (
	"context"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// hello: connect, read what the server says, send a line.
func hello(Options) Level {
	return tcp(helloText, func(_ context.Context, p *player) error {
		want := word(newRand())
		if err := p.greet("WORD " + want); err != nil {
			return err
		}
		got, err := p.answer()
		switch {
		case err != nil:
			return err
		case got == want:
			return p.won()
		case got == "":
			return p.no("You sent an empty line; the word was %q.", want)
		case strings.TrimSpace(got) == want:
			return p.no("You sent %s, with blanks around the word; every byte counts.", quote(got))
		}
		return p.no("You sent %s; the word was %q, new for every connection, so read it first.", quote(got), want)
	})
}

func solveHello(_ context.Context, t *tube.Tube) (string, error) {
	w, err := await(t, "WORD")
	if err != nil {
		return "", err
	}
	if err := t.SendLine(w); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
