//go:build !unix

package tube

import (
	"fmt"
	"os/exec"
	"runtime"
)

func startPTY(*exec.Cmd) (*fileConn, error) {
	return nil, fmt.Errorf("%s has no pseudo-terminals that can be opened here; start the program without WithPTY", runtime.GOOS)
}
