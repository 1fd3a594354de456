package levels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	finishTime = 20 * time.Second // for everything the player sends, and its end
	finishMost = 32 << 10
)

// finish: the answer comes after the player's FIN.
func finish(Options) Level {
	return tcp(finishText, func(_ context.Context, p *player) error {
		if err := p.greet("SEND some lines, then end what you send"); err != nil {
			return err
		}
		in := p.Within(finishTime) // one deadline for all: bytes that dribble in do not make it longer
		for hint := true; hint; {
			var err error
			if hint, err = p.hinted(in); err != nil {
				return err
			}
		}
		text, err := in.RecvAll(finishMost)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.no("You sent %d bytes in %v and never closed your sending side.", p.Buffered(), finishTime)
			return err
		case errors.Is(err, tube.ErrTooLong):
			return p.no("That is more than %d bytes: I can not keep all of it until you end.", finishMost)
		case err != nil:
			return err
		case isHint(text):
			return p.sayHint()
		case text == "":
			return p.no("You closed your sending side, as you should, but sent nothing before.")
		}
		if err := p.Sayf("GOT %d bytes, %d lines", len(text), strings.Count(text, "\n")); err != nil {
			return err
		}
		return p.won()
	})
}

func solveFinish(_ context.Context, t *tube.Tube) (string, error) {
	if _, err := await(t, "SEND"); err != nil {
		return "", err
	}
	if err := t.Send("a line\nand another\n"); err != nil {
		return "", err
	}
	if err := t.CloseWrite(); err != nil {
		return "", fmt.Errorf("half-close: %w", err)
	}
	return await(t, "FLAG")
}
