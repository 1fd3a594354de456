//go:build !unix

package main

import (
	"errors"
	"os"
)

func sendSignal(*os.Process, string) error { return errors.New("only Unix has signals to send") }
