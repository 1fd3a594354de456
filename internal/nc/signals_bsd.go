//go:build unix && !linux

package nc

// Signals are the runtime's where nothing catches them.

func plainSignals() {}
func plainQuit()    {}
func caughtQuit()   {}
