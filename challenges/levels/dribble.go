package levels

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	dribbleBatches = 3
	dribbleSums    = 3 // a batch: more than one, so that fragments run across the ends of lines
	dribblePause   = 4 * time.Millisecond
	dribbleMost    = 9 // bytes in a fragment
)

// dribble: a stream has no messages.
//
// The sums of a batch are sent glued together and cut anywhere. The next batch waits for the answers to
// the last, so no single recv can return everything, however long the player waits before it.
func dribble(Options) Level {
	return tcp(dribbleText, func(ctx context.Context, p *player) error {
		if err := p.greet("SUMS " + strconv.Itoa(dribbleBatches*dribbleSums)); err != nil {
			return err
		}
		r := newRand()
		for range dribbleBatches {
			var sums [dribbleSums][2]int
			var text strings.Builder
			for i := range sums {
				sums[i] = [2]int{100 + r.IntN(900), 100 + r.IntN(900)}
				fmt.Fprintf(&text, "SUM %d + %d\n", sums[i][0], sums[i][1])
			}
			if err := sendFragments(ctx, p.Tube, r, text.String()); err != nil {
				return err
			}
			for _, s := range sums {
				got, err := p.answer()
				if err != nil {
					return err
				}
				if n, err := strconv.Atoi(strings.TrimSpace(got)); err != nil || n != s[0]+s[1] {
					return p.no("%d + %d is %d, you said %s: what one recv returns is not one line.", s[0], s[1], s[0]+s[1], quote(got))
				}
			}
		}
		return p.won()
	})
}

// sendFragments sends text in fragments of 1 to 9 bytes. The pause, and TCP_NODELAY, which Go sets, make
// each a segment of its own.
func sendFragments(ctx context.Context, t *tube.Tube, r *rand.Rand, text string) error {
	for len(text) > 0 {
		n := min(1+r.IntN(dribbleMost), len(text))
		if err := t.Send(text[:n]); err != nil {
			return err
		}
		if err := pause(ctx, dribblePause); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

func solveDribble(_ context.Context, t *tube.Tube) (string, error) {
	for range dribbleBatches * dribbleSums {
		sum, err := await(t, "SUM")
		if err != nil {
			return "", err
		}
		var a, b int
		if _, err := fmt.Sscanf(sum, "%d + %d", &a, &b); err != nil {
			return "", fmt.Errorf("read sum %q: %w", sum, err)
		}
		if err := t.SendLine(strconv.Itoa(a + b)); err != nil {
			return "", err
		}
	}
	return await(t, "FLAG")
}
