//go:build !unix

package tube

func isNotConnected(error) bool { return false }
