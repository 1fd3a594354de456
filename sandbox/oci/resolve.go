package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// resolve follows the links in the name of a directory, as a process in the image would, and returns a name without
// any. What is missing it makes, and tells made, unless that is nil.
func resolve(root *os.Root, name string, made func(string)) (string, error) {
	const maxLinks = 40 // as the kernel
	at, rest, links := ".", strings.Split(name, "/"), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at) // of "." it is "."
			continue
		}
		next := path.Join(at, part)
		info, err := root.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && made != nil:
			if err := root.Mkdir(next, 0o700); err != nil {
				return "", err
			}
			made(next)
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", &fs.PathError{Op: "follow", Path: name, Err: syscall.ELOOP}
			}
			to, err := root.Readlink(next)
			if err != nil {
				return "", err
			}
			if path.IsAbs(to) {
				at = "."
			}
			rest = append(strings.Split(to, "/"), rest...)
			continue
		case !info.IsDir():
			return "", &fs.PathError{Op: "follow", Path: next, Err: syscall.ENOTDIR}
		}
		at = next
	}
	return at, nil
}

// Find looks up a program in the image, as a shell there would: a name without a slash in the
// directories of searchPath, which colons separate, a relative one in dir. It returns its absolute path, or a
// *[ProgramError].
func (i *Image) Find(name, dir, searchPath string) (string, error) {
	root, err := os.OpenRoot(i.Root)
	if err != nil {
		return "", fmt.Errorf("look up %q: %w", name, err)
	}
	defer root.Close()
	if strings.Contains(name, "/") {
		if !path.IsAbs(name) {
			name = path.Join("/", dir, name)
		}
		return name, program(root, name)
	}
	found := &ProgramError{name, "it is in none of " + searchPath, "name it by its whole path"}
	for d := range strings.SplitSeq(searchPath, ":") {
		full := path.Join("/", d, name)
		err := program(root, full)
		if err == nil {
			return full, nil
		}
		if e, ok := errors.AsType[*ProgramError](err); ok && e.Why != absent {
			found = e
		}
	}
	return "", found
}

const absent = "there is no such file in the image"

// program says why a file cannot be run by the image's user.
func program(root *os.Root, name string) error {
	hidden := &ProgramError{name, "the image does not let its user run it", "name the user who may, or \"root\" to show everything that the image has"}
	at := name
	for range 40 {
		dir, err := resolve(root, path.Dir(at), nil)
		if errors.Is(err, fs.ErrPermission) {
			return hidden
		}
		if err != nil {
			return &ProgramError{name, absent, ""}
		}
		for d := dir; ; d = path.Dir(d) {
			if info, err := root.Lstat(d); err != nil || info.Mode()&0o001 == 0 {
				return hidden
			}
			if d == "." {
				break
			}
		}
		file := path.Join(dir, path.Base(at))
		info, err := root.Lstat(file)
		switch {
		case err != nil:
			return &ProgramError{name, absent, ""}
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := root.Readlink(file)
			if err != nil {
				return fmt.Errorf("look up %q: %w", name, err)
			}
			if at = to; !path.IsAbs(to) {
				at = path.Join("/", dir, to)
			}
			continue
		case !info.Mode().IsRegular():
			return &ProgramError{name, "it is no file", ""}
		case info.Mode()&0o001 == 0:
			return hidden
		}
		return nil
	}
	return &ProgramError{name, "too many symbolic links", ""}
}
