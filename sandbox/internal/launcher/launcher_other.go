//go:build !(linux && (amd64 || arm64))

package launcher

// Program is the launcher for this system; empty where there is none.
var Program []byte
