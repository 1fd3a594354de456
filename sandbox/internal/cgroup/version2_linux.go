package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// In version 2 a group has processes or groups with limits, never both. A server is started inside the group that
// was delegated to it (systemd's Delegate=yes, a container), so it has to move into a group below first.

// serverSuffix ends the name of a server's own group.
const serverSuffix = "-server"

// version2 finds a group whose children can have the controllers, and switches these on: the server's own, else the
// one above if it too was delegated (DelegateSubgroup=), else, as root, that of the whole system. The error is about the first.
func version2(mount, own string, want []string) (dir string, have []string, err error) {
	dir = filepath.Join(mount, own)
	if base := filepath.Base(dir); strings.HasPrefix(base, prefix) && strings.HasSuffix(base, serverSuffix) {
		dir = filepath.Dir(dir) // we have moved before
	}
	try := []string{dir}
	if above := filepath.Dir(dir); dir != mount && delegated(above) {
		try = append(try, above)
	}
	if dir != mount {
		try = append(try, mount)
	}
	for _, dir := range try {
		have, e := offered(dir, want)
		if e == nil && len(have) > 0 {
			return dir, have, nil
		}
		if err == nil {
			err = e
		}
	}
	return "", nil, err
}

// offered switches on those of the controllers that a group has; perhaps the others are mounted as version 1.
func offered(dir string, want []string) (have []string, err error) {
	if err := tryGroup(dir); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	for _, c := range strings.Fields(string(b)) {
		if slices.Contains(want, c) {
			have = append(have, c)
		}
	}
	if len(have) == 0 {
		return nil, nil
	}
	err = enable(dir, have)
	if errors.Is(err, unix.EBUSY) && delegated(dir) {
		if err := moveBelow(dir); err != nil {
			return nil, err
		}
		err = enable(dir, have)
	}
	if err != nil {
		return nil, fmt.Errorf("switch on %s in %s: %w", strings.Join(have, ", "), dir, err)
	}
	return have, nil
}

func enable(dir string, names []string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+strings.Join(names, " +")), 0)
}

// delegated says whether a group is the server's to arrange. An ordinary user may write only to what was delegated;
// for root systemd marks it, and a root that has to be asked is that of a container.
func delegated(dir string) bool {
	if os.Geteuid() != 0 {
		return unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) == nil
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "cgroup.procs")); err != nil {
		return true // there is none above
	}
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		var v [1]byte
		if n, err := unix.Getxattr(dir, name, v[:]); err == nil && n == 1 && v[0] == '1' {
			return true
		}
	}
	return false
}

// moveBelow moves this process into a group of its own below the one it is in, if nobody else is there.
func moveBelow(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("read who is in the control group: %w", err)
	}
	for _, pid := range strings.Fields(string(b)) {
		if pid != strconv.Itoa(os.Getpid()) {
			return fmt.Errorf("the control group %s cannot be divided: process %s is in it too", dir, pid)
		}
	}
	below := filepath.Join(dir, prefix+processName()+serverSuffix)
	if err := os.Mkdir(below, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make a control group for the server: %w", err)
	}
	if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte("0"), 0); err != nil {
		os.Remove(below)
		return fmt.Errorf("enter the server's control group: %w", err)
	}
	return nil
}
