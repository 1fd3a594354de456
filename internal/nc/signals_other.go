//go:build !unix

package nc

import (
	"os"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

var endingSignals = []os.Signal{os.Interrupt}

func endBy(os.Signal) { os.Exit(report.ExitNetwork) }

func suspend() {}
