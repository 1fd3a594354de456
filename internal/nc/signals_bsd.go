//go:build unix && !linux

package nc

import "os"

var otherSignals []os.Signal

// Signals are the runtime's where nothing catches them.

func plain(...os.Signal)  {}
func caught(...os.Signal) {}

// catchStops does nothing: what was caught once would never stop nc again.
func catchStops(chan<- os.Signal) {}
