package sandbox

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// try finds out, as a session's user in the finished root, whether a session can run the program and read what the policy
// shows it: the rights and the place of files often are others than those of who starts the server. The error is a
// *[ProgramError].
func (r *Runner) try(s *slot) error {
	if err := r.fits(); err != nil {
		return err
	}
	m := newScript(msgSpawn)
	r.plan.becomeUser(m)
	const inRoot = -100 // AT_FDCWD
	access := func(path string, mode int) {
		m.call(path, unix.SYS_FACCESSAT, inRoot, path, mode)
	}
	program := r.argv[0]
	first := len(m.what)
	access(program, unix.X_OK)
	runs := r.interpreter()
	if runs.script && runs.path == "" {
		return &ProgramError{program, "names no interpreter in its first line", "begin it with #!/bin/sh, or #!/usr/bin/env python3", nil}
	}
	if runs.path != "" {
		access(runs.path, unix.X_OK)
	}
	if runs.script {
		access(program, unix.R_OK)
	}
	if r.plan.root && r.plan.Root == "" { // an ordinary user's sessions may do what the server may
		for _, f := range append([]string{r.plan.Dir}, r.plan.Files...) {
			info, err := os.Stat(f)
			switch {
			case err != nil, below(f, "/dev") && !below(f, "/dev/shm"): // the sandbox has one of its own
			case info.IsDir(), info.Mode()&0o005 == 0o001: // what may be entered or run need not be read
				access(f, unix.X_OK)
			case info.Mode().IsRegular():
				access(f, unix.R_OK)
			}
		}
	}
	b, err := m.bytes()
	if err != nil {
		return err
	}
	if err := s.ch.send(m.withUser(b, r.plan.ids+s.user)); err != nil {
		return err
	}
	a, err := s.ch.receive(answerExited)
	if err != nil {
		return err
	}
	if a.err == 0 {
		return r.knownInRoot()
	}
	if a.step < first {
		return a.failure(m)
	}
	path := m.what[a.step]
	switch {
	case path == runs.path:
		return runs.unusable(program, r.plan.Root, a.err)
	case path == program && a.err == unix.ENOENT:
		return &ProgramError{program, "does not exist where sessions run", "does a link lead out of what they see? name what it leads to", a.err}
	case path == program && noexec(filepath.Join(r.plan.Root, program)):
		return &ProgramError{program, "cannot be run: " + a.err.Error(), "the file system of " + filepath.Join(r.plan.Root, program) + " is mounted noexec: have it elsewhere", a.err}
	case path == program && unexecutable(filepath.Join(r.plan.Root, program)):
		return &ProgramError{program, "is not executable", "chmod +x " + filepath.Join(r.plan.Root, program), a.err}
	case path == program:
		return &ProgramError{program, "is not for a session's user to run: " + a.err.Error(), mayRead(path), a.err}
	}
	return &ProgramError{path, "is not for a session's user to read: " + a.err.Error(), mayRead(path), a.err}
}

// knownInRoot says why the kernel would not know what to do with a program in a root, or nil. Of the host's programs [FindProgram] has said it.
func (r *Runner) knownInRoot() error {
	root, program := r.plan.Root, r.argv[0]
	if root == "" {
		return nil
	}
	f, err := openIn(root, program)
	if err != nil {
		return nil // not to be read, or behind a link that only sessions can follow
	}
	defer f.Close()
	return known(f, program, filepath.Join(root, program), "name what runs it, by its whole path: /usr/bin/python3 "+program+", or /bin/sh "+program)
}

// noexec says whether nothing can be run where a file of the host's is.
func noexec(path string) bool {
	var system unix.Statfs_t
	return unix.Statfs(path, &system) == nil && system.Flags&unix.ST_NOEXEC != 0
}

// unexecutable says whether nobody may run a file.
func unexecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 == 0
}

// fits looks at what the program was built for.
func (r *Runner) fits() error {
	f, err := openIn(r.plan.Root, r.argv[0])
	if err != nil {
		return nil // trying says more
	}
	defer f.Close()
	program, err := elf.NewFile(f)
	if err != nil {
		return nil // a script
	}
	if r.plan.Syscalls != SyscallsOff && program.Machine == elf.EM_ARM {
		return &ProgramError{
			r.argv[0], "is a program of 32-bit ARM, whose system calls have other numbers than those that the filter knows",
			"build it for 64 bits, or run it without the filter: --syscalls off; everything else of the sandbox stays", nil,
		}
	}
	if r.plan.Proc {
		return nil
	}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, _ := program.DynString(tag)
		for _, p := range paths {
			if strings.Contains(p, "$ORIGIN") || strings.Contains(p, "${ORIGIN}") {
				return &ProgramError{
					r.argv[0], "looks for its libraries beside itself (" + p + "), and finds out where that is in /proc, which sessions have none of",
					"give them one: --proc", nil,
				}
			}
		}
	}
	return nil
}

// mayRead says how everybody may read a path.
func mayRead(path string) string {
	return "sessions have users of their own: chmod o+rX " + path + ", and o+x for the directories above"
}

// interpreter is what the kernel runs a program by: the one that a script names, or the loader of a program with shared libraries.
type interpreter struct {
	path   string // relative ones start in the session's working directory; "": there is none, or it is not known
	script bool
}

// interpreter returns what runs the program.
func (r *Runner) interpreter() (runs interpreter) {
	f, err := openIn(r.plan.Root, r.argv[0])
	if err != nil {
		return runs
	}
	defer f.Close()
	start := make([]byte, 256) // what the kernel looks at
	n, _ := io.ReadFull(f, start)
	line, ok := bytes.CutPrefix(start[:n], []byte("#!"))
	if !ok {
		runs.path = loader(f)
		return runs
	}
	runs.script = true
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if words := bytes.Fields(line); len(words) > 0 {
		runs.path = string(words[0])
	}
	return runs
}

// loader returns the loader that a program names, or "".
func loader(f *os.File) string {
	program, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP && part.Filesz < unix.PathMax {
			name, _ := io.ReadAll(part.Open())
			return string(bytes.TrimRight(name, "\x00"))
		}
	}
	return ""
}

// unusable says that a session cannot run a program by i.
func (i interpreter) unusable(program, root string, err unix.Errno) error {
	reason := "is run by " + i.path + ", which a session cannot run: " + err.Error()
	hint := "show it to the program (--file), or name the interpreter there is"
	switch {
	case err == unix.EACCES && filepath.IsAbs(i.path):
		hint = mayRead(i.path)
	case !filepath.IsAbs(i.path) && i.script:
		hint = "name the interpreter by its whole path, or by #!/usr/bin/env " + filepath.Base(i.path)
	case !filepath.IsAbs(i.path) && root == "":
		hint = "its path is looked for from where the program runs: --dir DIR shows it that directory, with the libraries in it"
	case i.script && root != "":
		hint = "put it into the root, or name the interpreter there is"
	case root != "":
		hint = "copy the loader and the libraries (ldd) into the root, or link the program statically (gcc -static)"
	}
	return &ProgramError{program, reason, hint, err}
}

// openIn opens a file of the host or, where root is not empty, of that directory.
func openIn(root, path string) (*os.File, error) {
	if root == "" {
		return os.Open(path)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Open(strings.TrimPrefix(path, "/"))
}
