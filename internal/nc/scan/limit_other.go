//go:build !unix

package scan

// room is how many ports may be looked at together.
func room() int { return atOnce }

// lacking is what an attempt failed for want of, where those in flight give it back; nil for any other failure.
func lacking(error) error { return nil }

// readyPoller has nothing to do on this system.
func readyPoller() error { return nil }
