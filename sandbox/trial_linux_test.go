package sandbox

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestTrial: what a session's user cannot run or read where it runs is told before anybody plays, with the way out.
func TestTrial(t *testing.T) {
	prepare(t, Policy{}, "/bin/true") // skips where nothing can be prepared
	base, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	path := func(name string) string { return filepath.Join(base, name) }
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path(name)), 0o755), os.WriteFile(path(name), []byte(text), mode), os.Chmod(path(name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("run", "#!/bin/sh\necho fine\n", 0o755)
	write("mine", "#!/bin/sh\n", 0o700)
	write("secret.txt", "", 0o600)
	write("half.sh", "", 0o744)
	write("binary", "", 0o711)
	write("stranger", "#!/no/such/interpreter\n", 0o755)
	write("relative", "#!python3\n", 0o755)
	write("nameless", "#! \n", 0o755)
	write("root/dynamic", loadedBy("/lib64/no-such-loader.so"), 0o755)
	write("root/script", "#!/no/such/interpreter\n", 0o755)
	write("patched", loadedBy("./ld.so"), 0o755)
	write("elsewhere/run", "#!/bin/sh\n", 0o755)
	write("dir/chal.py", "", 0o644)
	write("closed/chal.py", "", 0o644)
	write("closed/run", "", 0o755)
	write("unread/chal.py", "", 0o644)
	for name, mode := range map[string]os.FileMode{"": 0o755, "closed": 0o700, "unread": 0o711} {
		if err := os.Chmod(path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../elsewhere/run", path("dir/run")); err != nil {
		t.Fatal(err)
	}
	write("root/text", "", 0o644)
	// What runs these is there, so that nothing else is wrong.
	write("root/bin/sh", "#!/bin/sh\n", 0o755)
	write("root/windows", "#!/bin/sh\r\n", 0o755)
	write("root/words", "print()\n", 0o755)
	const others = true // where sessions have users of their own
	for name, test := range map[string]struct {
		policy     Policy
		argv       []string
		others     bool
		want, hint string
	}{
		"fine":               {Policy{Dir: path("dir"), Files: []string{path("run")}}, []string{path("run")}, false, "", ""},
		"files of all kinds": {Policy{Files: []string{path("half.sh"), path("binary"), "/dev/null"}}, []string{"cat"}, false, "", ""},
		"unreadable listing": {Policy{Dir: path("unread")}, []string{"cat", "chal.py"}, false, "", ""},
		"program":            {Policy{}, []string{path("mine")}, others, "not for a session's user to run: permission denied", "chmod o+rX " + path("mine")},
		"directory":          {Policy{Dir: path("closed")}, []string{"cat", "chal.py"}, others, path("closed") + " is not for a session's user to read", "chmod o+rX"},
		"file":               {Policy{Files: []string{path("secret.txt")}}, []string{"cat"}, others, path("secret.txt") + " is not for", "chmod o+rX"},
		"root":               {Policy{Root: path("closed")}, []string{"/run"}, others, "/run is not for a session's user", "chmod"},
		"text in a root":     {Policy{Root: path("root")}, []string{"/text"}, false, "/text is not executable", "chmod +x " + path("root/text")},
		"Windows in a root":  {Policy{Root: path("root")}, []string{"/windows"}, false, "/windows has lines that end as on Windows", "sed -i 's/\\r$//' " + path("root/windows")},
		"words in a root":    {Policy{Root: path("root")}, []string{"/words"}, false, "nor a script that begins with #!", "/bin/sh /words"},
		"interpreter":        {Policy{}, []string{path("stranger")}, false, "is run by /no/such/interpreter, which a session cannot run: no such file", "--file"},
		"name, no path":      {Policy{}, []string{path("relative")}, false, "is run by python3, which a session cannot run: no such file", "#!/usr/bin/env python3"},
		"no interpreter":     {Policy{}, []string{path("nameless")}, false, "names no interpreter in its first line", "#!/bin/sh"},
		"loader":             {Policy{Root: path("root")}, []string{"/dynamic"}, false, "is run by /lib64/no-such-loader.so, which a session cannot run: no such file", "copy the loader"},
		"script in a root":   {Policy{Root: path("root")}, []string{"/script"}, false, "is run by /no/such/interpreter", "put it into the root"},
		"loader beside it":   {Policy{}, []string{path("patched")}, false, "is run by ./ld.so, which a session cannot run: no such file", "--dir DIR"},
		"link":               {Policy{Dir: path("dir")}, []string{path("dir/run")}, false, "does not exist where sessions run", "does a link lead out"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(test.want, "#!") && otherFormats() {
				t.Skip("the kernel was told of other formats")
			}
			if os.Geteuid() != 0 {
				if test.others {
					t.Skip("sessions have the server's own user here")
				}
				test.policy.Weaker = []Feature{FeatureMemory, FeatureProcesses}
			}
			r, err := Prepare(test.policy, test.argv...)
			if err == nil {
				r.Close()
			}
			var no *ProgramError
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "":
			case !errors.As(err, &no) || !strings.Contains(no.Error(), test.want) || !strings.Contains(no.Hint(), test.hint):
				t.Errorf("got %v, want %q with the hint %q", err, test.want, test.hint)
			}
		})
	}
}

// loadedBy returns the beginning of a program with shared libraries.
func loadedBy(loader string) string {
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	const header, part = 64, 56 // bytes
	b := append([]byte(elf.ELFMAG), byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT))
	b, _ = binary.Append(append(b, make([]byte, elf.EI_NIDENT-len(b))...), binary.LittleEndian, struct {
		Type, Machine            uint16
		Version                  uint32
		Entry, Phoff, Shoff      uint64
		Flags                    uint32
		Ehsize, Phentsize, Phnum uint16
		Shentsize, Shnum, Index  uint16
	}{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: header, Ehsize: header, Phentsize: part, Phnum: 1})
	n := uint64(len(loader) + 1)
	b, _ = binary.Append(b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: header + part, Filesz: n, Memsz: n})
	return string(b) + loader + "\x00"
}

// TestNoexec: a root whose file system runs nothing is not taken for one whose files are not for a session's user.
func TestNoexec(t *testing.T) {
	prepare(t, Policy{}, "/bin/true")
	if os.Geteuid() != 0 {
		t.Skip("only root can mount one")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOEXEC, "mode=755"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(dir, "chal"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Prepare(Policy{Root: dir}, "/chal")
	var no *ProgramError
	if !errors.As(err, &no) || !strings.Contains(no.Hint(), "noexec") {
		t.Errorf("got %v, want a hint about noexec", err)
	}
}

// TestGone takes a program away that sessions are started with.
func TestGone(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "flagstaff-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "run")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(program, []byte("#!/bin/sh\necho fine\n"), 0o755), os.Chmod(program, 0o755)); err != nil {
		t.Fatal(err)
	}
	r := prepare(t, Policy{Dir: dir}, program)
	if out, _, err := tryPlay(t, r, ""); out != "fine\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tryPlay(t, r, ""); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "start the server anew") {
		t.Errorf("got %v, want what to do", err)
	}
}

// TestNoDirectory says what to do about a working directory that is not in the root.
func TestNoDirectory(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "chal"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	prepare(t, Policy{}, "/bin/true")
	_, err := Prepare(Policy{Root: root, Dir: "/srv"}, "/chal")
	var hint interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "change to the directory /srv: no such file") || !errors.As(err, &hint) {
		t.Errorf("got %v, want an error with a hint", err)
	}
	for what, p := range map[string]Policy{enterRoot: {Root: "/root"}, enterDir + "/root": {Dir: "/root"}} {
		err := hinted(&stepError{what, unix.EACCES}, p)
		if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "chmod o+rX /root") || !errors.Is(err, unix.EACCES) {
			t.Errorf("%s: got %v without a hint", what, err)
		}
	}
}

// TestNoCapability says what a root needs that may not change its groups.
func TestNoCapability(t *testing.T) {
	err := hinted(&stepError{leaveGroups, unix.EPERM}, Policy{})
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "CAP_SETGID and CAP_SETUID") {
		t.Errorf("got %v without a hint", err)
	}
}

// TestStderrPipe: what a session does to the size of its standard error is undone for the next.
func TestStderrPipe(t *testing.T) {
	r := prepare(t, Policy{}, testkit.Program(t, "/usr/bin/python3"), "-c", "import fcntl\nprint(fcntl.fcntl(2, 1032))\nfcntl.fcntl(2, 1031, 4096)")
	for range 2 {
		if out, exit := play(t, r, Session{}, ""); out != fmt.Sprintln(stderrPipe) {
			t.Errorf("got %q, %s, want %d", out, exit.Stderr, stderrPipe)
		}
	}
}

// TestNames looks at what ps shows of the launcher and its slots.
func TestNames(t *testing.T) {
	r := prepare(t, Policy{}, "/bin/true")
	pid := r.launcher.cmd.Process.Pid
	name := func(pid string) string {
		b, err := os.ReadFile("/proc/" + pid + "/comm")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	launcher := strconv.Itoa(pid)
	if got := name(launcher); got != "fs-launcher" {
		t.Errorf("the launcher is called %q", got)
	}
	children, err := os.ReadFile("/proc/" + launcher + "/task/" + launcher + "/children")
	if err != nil {
		t.Skip(err) // not every kernel tells
	}
	for _, child := range strings.Fields(string(children)) {
		if got := name(child); got != "fs-slot" {
			t.Errorf("a slot is called %q", got)
		}
	}
}

// TestForeign does not start what was built for another machine.
func TestForeign(t *testing.T) {
	if otherFormats() {
		t.Skip("the kernel was told of other formats")
	}
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	const machine, sparc = 18, 2 // of the ELF header
	binary.NativeEndian.PutUint16(own[machine:], sparc)
	name := filepath.Join(t.TempDir(), "chal")
	if err := os.WriteFile(name, own, 0o755); err != nil {
		t.Fatal(err)
	}
	var no *ProgramError
	if _, err := FindProgram(Policy{}, name); !errors.As(err, &no) || !strings.Contains(no.Error(), "other machines (SPARC)") {
		t.Errorf("got %v", err)
	}
}
