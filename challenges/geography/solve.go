package geography

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Solver plays the ranked game over the protocol, from the text alone, as a player's script would.
type Solver struct {
	// Log, if set, gets one line for each question: its number, the question, the answer, the verdict.
	Log io.Writer
}

// Solve plays the ranked game and returns the flag. It is the reference solver, and the challenge's
// health check. The error says which question went wrong, and how.
func Solve(ctx context.Context, t *tube.Tube) (flag string, err error) { return Solver{}.Solve(ctx, t) }

// Solve plays the ranked game on a tube that was just connected, and returns the flag. When the game is
// lost, the error has the question, the answer that was sent and the server's verdict; otherwise it is
// the tube's. The calls end with ctx and take each at most the tube's timeout.
func (s Solver) Solve(ctx context.Context, t *tube.Tube) (flag string, err error) {
	t = t.With(ctx)
	if _, err := t.SendLineAfter("> ", "start"); err != nil {
		return "", fmt.Errorf("wait for the server: %w", err)
	}
	var asked string // the last question and its answer, for the error
	for {
		line, err := t.RecvLine()
		if err != nil {
			return flag, fmt.Errorf("wait for the server: %w", err)
		}
		word, rest, _ := strings.Cut(line, " ")
		switch strings.TrimPrefix(word, "> ") {
		case "Q":
			question, answer, err := s.answer(t, rest)
			if err != nil {
				return flag, err
			}
			asked = fmt.Sprintf("%s: answered %q", question, answer)
		case "OK", "NO", "LATE", "BAD":
			s.logf("%s: %s\n", asked, line)
			if word != "OK" {
				return flag, fmt.Errorf("%s: %s", asked, line)
			}
		case "FLAG":
			flag = rest // the last one is the challenge's; those before are of checkpoints
		case "BYE":
			s.logf("%s\n", line)
			if flag == "" {
				return "", errors.New("the game ended without a flag: " + line)
			}
			return flag, nil
		}
	}
}

// answer reads the rest of a question and answers it.
func (s Solver) answer(t *tube.Tube, head string) (question, answer string, err error) {
	var block []string
	for {
		start, err := t.RecvN(2)
		if err != nil {
			return "", "", fmt.Errorf("wait for the server: %w", err)
		}
		if start == "> " {
			break
		}
		line, err := t.RecvLine()
		if err != nil {
			return "", "", fmt.Errorf("wait for the server: %w", err)
		}
		if start == "| " {
			block = append(block, line)
		}
	}
	parts := strings.SplitN(head, " ", 3) // 17/60 kind prompt
	if len(parts) < 3 {
		return "", "", fmt.Errorf("read question: no question: %q", head)
	}
	k := kindNamed(parts[1])
	if k == nil {
		return "", "", fmt.Errorf("read question: no such kind: %q", head)
	}
	answer = k.solve(parts[2], block)
	if err := t.SendLine(answer); err != nil {
		return "", "", fmt.Errorf("wait for the server: %w", err)
	}
	return head, answer, nil
}

func (s Solver) logf(format string, args ...any) {
	if s.Log != nil {
		fmt.Fprintf(s.Log, format, args...)
	}
}
