package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// shown are the host's paths that a root made of the host's system has besides, outer directories before inner ones, which would else be hidden.
func (p Policy) shown(program string) []string {
	list := append([]string{}, p.Files...)
	if p.Dir != "" {
		list = append(list, p.Dir)
	}
	list = append(list, program)
	slices.Sort(list)
	return slices.Compact(list)
}

// showable says which of what the policy shows would not be seen, because a session has something of its own in its place, or is the host
// itself. Nothing of that may be left out without a word. The error is a *[ProgramError].
func (p Policy) showable(program string) error {
	for _, path := range p.shown(program) {
		names := []string{path}
		if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
			names = append(names, real)
		}
		for _, name := range names {
			if reason, hint := p.unshowable(name); reason != "" {
				if name != path {
					reason = fmt.Sprintf("leads to %s, which %s", name, reason)
				}
				return &ProgramError{path, reason, hint, nil}
			}
		}
	}
	return nil
}

// unshowable says why a path of the host cannot be shown, and what to do instead.
func (p Policy) unshowable(name string) (reason, hint string) {
	var mode fs.FileMode
	if info, err := os.Stat(name); err == nil { // what is missing has an error of its own
		mode = info.Mode()
	}
	const instead = "name what the program needs of it"
	switch {
	case p.Tmp > 0 && below(name, "/tmp"):
		return "would be hidden by the session's own /tmp", "move it elsewhere"
	case p.Proc && below(name, "/proc"):
		return "would be hidden by the session's own /proc", "leave it out"
	case below(name, ownMount), (p.Flag != "" || p.SessionFlag) && below(name, flagPath):
		return "would be hidden by the session's flag", "move it elsewhere"
	case name == "/":
		return "is the whole host, and a session has a root of its own", instead + ", or make another directory its whole file system: --root DIR"
	case name == "/etc":
		return "is the host's, and a session has one of its own", instead + ": /etc/NAME"
	case mode.IsDir() && below(name, "/proc"):
		return "shows the host's processes and settings", "give each session a /proc of its own (--proc), or name single files of it: /proc/cpuinfo"
	case mode.IsDir() && below(name, "/sys"):
		return "shows the host's devices and settings", "name single files of it: /sys/devices/system/cpu/online"
	case mode.IsDir() && below(name, "/dev") && !below(name, "/dev/shm"):
		return "is the host's, and a session has one of its own, with null, zero, full, random and urandom", "leave it out"
	case mode&fs.ModeDevice != 0 && !slices.ContainsFunc(devices, func(d string) bool { return name == "/dev/"+d }):
		return "is a device, and a session can open no other than null, zero, full, random and urandom", "leave it out"
	}
	return "", ""
}
