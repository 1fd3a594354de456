//go:build !unix && !windows

package tube

func isReset(error) bool { return false }

func isNotConnected(error) bool { return false }
