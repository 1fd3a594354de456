//go:build !unix || solaris

package oci

import (
	"errors"
	"io/fs"
	"os"
)

func lockFile(string, bool) (*os.File, error) { return nil, errors.ErrUnsupported }

func ownedByUs(fs.FileInfo) bool { return true }
