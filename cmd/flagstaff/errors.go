package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a mistake on the command line or in the environment: exit status 2.
type usageError struct {
	err  error
	hint string
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }
func (e usageError) Hint() string  { return e.hint }

// exitError ends the program with a status and says nothing: all has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// report says what went wrong, with the way out where the error knows one, and
// returns the exit status: 0 done, 1 failed, 2 usage.
func report(stderr io.Writer, err error) int {
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintln(stderr, "error:", err)
	var hint interface{ Hint() string }
	if errors.As(err, &hint) && hint.Hint() != "" {
		fmt.Fprintln(stderr, "hint:", hint.Hint())
	}
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes no argument, and got %q", cmd.CommandPath(), args[0]), "'" + cmd.CommandPath() + " --help' shows how it is used"}
}

// unknownCommand names the commands there are, and the one that was probably meant.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{fmt.Errorf("there is no command %q", args[0]), "did you mean '" + cmd.Name() + " " + near[0] + "'?"}
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usageError{fmt.Errorf("there is no command %q", args[0]), "the commands are " + strings.Join(names, ", ")}
}

// plainValue says what is wrong with a flag's value in words, where package strconv has said it.
func plainValue(err error) error {
	var n *strconv.NumError
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	if bad.GetFlag().Value.Type() == "duration" {
		return fmt.Errorf("--%s: %q is no time", bad.GetFlag().Name, bad.GetValue())
	}
	if !errors.As(err, &n) {
		return err
	}
	what := "no whole number"
	switch {
	case n.Err == strconv.ErrRange:
		what = "too large"
	case n.Func == "ParseBool":
		what = "neither true nor false"
	case n.Func == "ParseFloat":
		what = "no number"
	}
	return fmt.Errorf("--%s: %q is %s", bad.GetFlag().Name, bad.GetValue(), what)
}
