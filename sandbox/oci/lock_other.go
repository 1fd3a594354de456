//go:build !unix || solaris

package oci

import (
	"errors"
	"io/fs"
	"os"
)

const (
	alone = iota
	aloneOrNot
	together
)

func lockFile(string, int) (*os.File, error) { return nil, errors.ErrUnsupported }

func lock(*os.File, int) error { return errors.ErrUnsupported }

func ownedByUs(fs.FileInfo) bool { return true }
