//go:build !unix

package nc

import "os"

var endingSignals = []os.Signal{os.Interrupt}

func endBy(os.Signal) { os.Exit(exitNetwork) }

func suspend() {}
