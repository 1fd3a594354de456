//go:build !unix

package nc

import (
	"os"
	"os/signal"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

func plainSignals() {}

// catch sends the signal that ends nc to ch.
func catch(ch chan<- os.Signal) (stop func()) {
	signal.Notify(ch, os.Interrupt)
	return func() { signal.Stop(ch) }
}

func endBy(os.Signal) { os.Exit(report.ExitNetwork) }

func quit() { endBy(os.Interrupt) }

func catchOthers(chan<- os.Signal) {}
func catchStops(chan<- os.Signal)  {}
func catchScreen(chan<- os.Signal) {}

// continueSignal is none here.
var continueSignal os.Signal

func suspend(bool) {}
