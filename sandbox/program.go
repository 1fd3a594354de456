package sandbox

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ProgramError says why a program cannot be run.
type ProgramError struct {
	Name   string // as it was given
	Reason string
	hint   string
	err    error
}

func (e *ProgramError) Error() string { return e.Name + " " + e.Reason }

// Hint is what to do about it.
func (e *ProgramError) Hint() string { return e.hint }

// Unwrap returns what is behind it, if anything: fs.ErrNotExist or exec.ErrNotFound among others.
func (e *ProgramError) Unwrap() error { return e.err }

// FindProgram returns the path of the program that a Runner with policy p would run for name; a *[ProgramError] says why none.
func FindProgram(p Policy, name string) (string, error) {
	if name == "" {
		return "", &ProgramError{`""`, "is no name of a program", "name it after --", nil}
	}
	if p.Root != "" {
		if !filepath.IsAbs(name) {
			return "", &ProgramError{name, "is no whole path, by which programs are named in another root", "write " + filepath.Join("/", p.Dir, name), nil}
		}
		if missing(p.Root, name) {
			return "", &ProgramError{name, "does not exist in " + p.Root, "its path is looked for in that directory", fs.ErrNotExist}
		}
		return name, nil
	}
	path := name
	if !strings.Contains(name, "/") {
		found, err := exec.LookPath(name)
		if err != nil {
			return "", &ProgramError{name, "is not in $PATH", "is it installed? a program that is here is named ./" + name, exec.ErrNotFound}
		}
		path = found
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	if err := runnable(name, path); err != nil {
		return "", err
	}
	return path, nil
}

// missing says whether a path does not exist in a root. Of one that leads out of it by a link nobody knows from here.
func missing(root, name string) bool {
	r, err := os.OpenRoot(root)
	if err != nil {
		return false // the root has an error of its own
	}
	defer r.Close()
	_, err = r.Stat(strings.TrimPrefix(filepath.Clean(name), "/"))
	return errors.Is(err, fs.ErrNotExist)
}

// runnable says why the kernel would not run a file, or nil.
func runnable(name, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ProgramError{name, "does not exist", "its path is looked for from where the server is started", err}
	case err != nil:
		return &ProgramError{name, "cannot be looked at: " + err.Error(), "", err}
	case info.IsDir():
		return &ProgramError{name, "is a directory", "name the program in it", nil}
	case info.Mode()&0o111 == 0:
		return &ProgramError{name, "is not executable", "chmod +x " + name + ", or name what runs it: python3 " + name, nil}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil // executable, and not to be read: the kernel knows
	}
	defer f.Close()
	return known(f, name, name, "name what runs it: python3 "+name+", or sh "+name)
}

// known says why the kernel would not know what to do with a file, which is at place on this host, or nil. run is what to do about one that
// something else must run.
func known(f *os.File, name, place, run string) error {
	start := make([]byte, 256)
	n, _ := io.ReadFull(f, start)
	start = start[:n]
	if line, _, ok := bytes.Cut(start, []byte("\n")); ok && bytes.HasPrefix(line, []byte("#!")) && bytes.HasSuffix(line, []byte("\r")) {
		return &ProgramError{name, "has lines that end as on Windows, so that its first names no interpreter there is", "sed -i 's/\\r$//' " + place, nil}
	}
	if runtime.GOOS == "linux" && !bytes.HasPrefix(start, []byte("#!")) && !bytes.HasPrefix(start, []byte("\x7fELF")) && !otherFormats() {
		return &ProgramError{name, "is neither a program of this system nor a script that begins with #!", run, nil}
	}
	if machine := foreign(f); machine != "" && !otherFormats() {
		return &ProgramError{name, "was built for other machines (" + machine + ")", "build it for " + runtime.GOARCH, nil}
	}
	return nil
}

// foreign says for what other machine a program was made, or "".
func foreign(f *os.File) string {
	program, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	own := map[string][]elf.Machine{"amd64": {elf.EM_X86_64, elf.EM_386}, "arm64": {elf.EM_AARCH64, elf.EM_ARM}}[runtime.GOARCH]
	if own == nil || slices.Contains(own, program.Machine) {
		return ""
	}
	return strings.TrimPrefix(program.Machine.String(), "EM_")
}

// otherFormats says whether the kernel was told of more formats than its own.
func otherFormats() bool {
	entries, err := os.ReadDir("/proc/sys/fs/binfmt_misc")
	return err == nil && len(entries) > 2 // register and status
}

func below(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}
