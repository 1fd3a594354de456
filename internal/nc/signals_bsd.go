//go:build unix && !linux

package nc

// SIGQUIT is the runtime's where nothing catches it: it tells where all goroutines are.

func plainQuit()  {}
func caughtQuit() {}
