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
	access(program, unix.X_OK)
	interpreter, reads := r.interpreter()
	if interpreter != "" {
		access(interpreter, unix.X_OK)
	}
	if reads {
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
	if err != nil || a.err == 0 {
		return err
	}
	path := m.what[max(a.step, 0)]
	switch {
	case !strings.HasPrefix(path, "/"): // a step before
		return a.failure(m)
	case path == interpreter:
		hint := "show it to the program (--file), or name the interpreter there is"
		if a.err == unix.EACCES {
			hint = mayRead(path)
		}
		return &ProgramError{program, "is run by " + path + ", which a session cannot run: " + a.err.Error(), hint, a.err}
	case path == program && a.err == unix.ENOENT:
		return &ProgramError{program, "does not exist where sessions run", "does a link lead out of what they see? name what it leads to", a.err}
	case path == program && r.plan.Root == "" && unix.Access(program, unix.X_OK) != nil: // not even for who starts the server
		return &ProgramError{program, "cannot be run: " + a.err.Error(), "is its file system mounted noexec? copy it elsewhere", a.err}
	case path == program:
		return &ProgramError{program, "is not for a session's user to run: " + a.err.Error(), mayRead(path), a.err}
	}
	return &ProgramError{path, "is not for a session's user to read: " + a.err.Error(), mayRead(path), a.err}
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

// interpreter returns what the kernel runs a script by, and whether the program is one that is read; "" is none, or not known.
func (r *Runner) interpreter() (path string, reads bool) {
	f, err := openIn(r.plan.Root, r.argv[0])
	if err != nil {
		return "", false
	}
	defer f.Close()
	start := make([]byte, 256) // what the kernel looks at
	n, _ := io.ReadFull(f, start)
	line, ok := bytes.CutPrefix(start[:n], []byte("#!"))
	if !ok {
		return "", false
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if words := bytes.Fields(line); len(words) > 0 && filepath.IsAbs(string(words[0])) {
		path = string(words[0])
	}
	return path, true
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
