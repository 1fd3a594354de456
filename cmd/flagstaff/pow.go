package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/flagstaff-ctf/flagstaff/pow"
)

func powCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pow",
		Short: "Make, solve and verify proof of work, as of kctf and redpwn",
		Long: `Make, solve and verify proof of work. Challenges and answers are those of
google/kctf and redpwn/pow: what one of them makes, the others solve and verify.`,
		Example: `  flagstaff pow challenge 1337
  flagstaff pow solve s.AAU5.AACqtcs2rmNYyKRG4GmyZ7fd`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(powChallengeCommand(), powSolveCommand(), powVerifyCommand())
	return cmd
}

func powChallengeCommand() *cobra.Command {
	var redpwn, prompt bool
	cmd := &cobra.Command{
		Use:   "challenge DIFFICULTY",
		Short: "Print a new challenge",
		Long: `Print a new challenge. The difficulty is proportional to the time it takes:
1337 is 0.15 to 0.3 s for flagstaff, and 1 to 2 s for the scripts players usually run.`,
		Example: `  flagstaff pow challenge 1337`,
		RunE: func(cmd *cobra.Command, args []string) error {
			const example = "flagstaff pow challenge 1337"
			if len(args) != 1 {
				return usageError{fmt.Errorf("pow challenge takes a difficulty, and got %d words", len(args)), example}
			}
			difficulty, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil || difficulty == 0 {
				return usageError{fmt.Errorf("difficulty %q is not a number from 1 to %d", args[0], uint32(math.MaxUint32)), example}
			}
			encoding := pow.KCTF
			if redpwn {
				encoding = pow.Redpwn
			}
			c := pow.New(uint32(difficulty))
			text := c.Encode(encoding)
			if prompt {
				text = c.Prompt(encoding)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().BoolVar(&redpwn, "redpwn", false, "write it as redpwn does")
	cmd.Flags().BoolVar(&prompt, "prompt", false, "print the whole text with which a server asks")
	return cmd
}

func powSolveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "solve CHALLENGE",
		Short: "Print the answer of a challenge",
		Long: `Print the answer of a challenge. Instead of the challenge alone, the text in
which a server asks will do, also with a puzzle on a hash:
sha256(XXXX+"suffix") == "…", with N zero bits, or hashcash -mbN RESOURCE.

On a terminal it says how far it is and how long it will take.`,
		Example: `  flagstaff pow solve s.AAU5.AACqtcs2rmNYyKRG4GmyZ7fd
  flagstaff pow solve 'sha256("abc" + S) starts with 20 zero bits'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			const example = "flagstaff pow solve s.AAU5.AACqtcs2rmNYyKRG4GmyZ7fd"
			if len(args) == 0 {
				return usageError{errors.New("pow solve takes a challenge, and got none"), example}
			}
			text := strings.Join(args, " ")
			var puzzle pow.Puzzle
			puzzle, err := pow.Parse(text)
			if err != nil {
				var f pow.Finder
				var ok bool
				if puzzle, ok = f.Feed([]byte(text)); !ok {
					puzzle, ok = f.Flush()
				}
				if !ok {
					return usageError{err, example}
				}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			show, done := powProgress(cmd.ErrOrStderr(), puzzle)
			answer, err := puzzle.Solve(ctx, show)
			done()
			if ctx.Err() != nil {
				return errors.New("interrupted before the challenge was solved")
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), answer)
			return err
		},
	}
}

// powProgress returns what shows progress on a terminal, and what clears it; on
// anything else neither says a word.
func powProgress(w io.Writer, puzzle pow.Puzzle) (show func(pow.Progress), done func()) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return nil, func() {}
	}
	about := puzzle.Estimate().Round(100 * time.Millisecond)
	fmt.Fprintf(w, "%s: about %v", puzzle.Describe(), about)
	start := time.Now()
	last := start
	show = func(p pow.Progress) {
		now := time.Now()
		if now.Sub(last) < 200*time.Millisecond || p.Done == 0 {
			return
		}
		last = now
		elapsed := now.Sub(start)
		part := float64(p.Done) / float64(p.Total)
		if part >= 1 {
			fmt.Fprintf(w, "\r\x1b[K%s: out of luck so far, %v", puzzle.Describe(), elapsed.Round(time.Second))
			return
		}
		left := time.Duration(float64(elapsed) * (1 - part) / part)
		fmt.Fprintf(w, "\r\x1b[K%s: %.0f %%, about %v left", puzzle.Describe(), 100*part, left.Round(100*time.Millisecond))
	}
	return show, func() { fmt.Fprint(w, "\r\x1b[K") }
}

func powVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify CHALLENGE ANSWER",
		Short: "Say whether an answer is right",
		Long: `Say whether an answer solves a challenge. The exit status is 0 when it does,
1 when it does not, 2 when there is no challenge to speak of.`,
		Example: `  flagstaff pow verify s.AAAB.AAAE s.AAAD`,
		RunE: func(cmd *cobra.Command, args []string) error {
			const example = "flagstaff pow verify s.AAAB.AAAE s.AAAD"
			if len(args) != 2 {
				return usageError{fmt.Errorf("pow verify takes a challenge and an answer, and got %d words", len(args)), example}
			}
			c, err := pow.Parse(args[0])
			if err != nil {
				return usageError{err, example}
			}
			if err := c.Verify(args[1]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "right")
			return err
		},
	}
}
