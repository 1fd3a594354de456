package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Controllers are those that a sandbox needs, under their names in both versions of control groups.
var Controllers = []string{"memory", "pids", "cpu"}

// Hierarchy is a directory under which groups of one or more controllers can be made.
type Hierarchy struct {
	Dir         string // the server's own group, or one above
	Controllers []string
	Version     int
}

// prefix begins the name of every group of ours; the process that made it follows.
const prefix = "flagstaff-"

// processName names this process among all of the system: containers may share the control groups, and in each the first process is
// number 1.
func processName() string { return fmt.Sprintf("%d-%d", pidNamespace(), os.Getpid()) }

// pidNamespace is the number of the namespace that our process numbers are of; 0 is not known.
func pidNamespace() uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) != nil {
		return 0
	}
	return st.Ino
}

// Find says where groups of the wanted controllers can be made; version 2 before version 1. It
// tries, because nothing else tells, and may move this process into a group of its own. A controller without a place is in why.
func Find(want []string) (found []Hierarchy, why map[string]string) {
	why = map[string]string{}
	mounts, own := cgroupMounts(), ownCgroups()
	for _, c := range want {
		why[c] = "no control group file system with the controller " + c
	}
	if m, ok := mounts["2"]; ok {
		dir, have, err := version2(m, own[""], want)
		if len(have) > 0 {
			found = append(found, Hierarchy{dir, have, 2})
		}
		for _, c := range have {
			delete(why, c)
		}
		for c := range why {
			if err != nil {
				why[c] = err.Error()
			}
		}
	}
	for _, c := range want {
		if _, missing := why[c]; !missing {
			continue
		}
		m, ok := mounts[c]
		if !ok {
			continue
		}
		dir, err := writable(m, own[c])
		if err != nil {
			why[c] = err.Error()
			continue
		}
		delete(why, c)
		found = append(found, Hierarchy{dir, []string{c}, 1})
	}
	return found, why
}

// cgroupMounts finds where controllers of version 1 are mounted, and version 2 under "2".
func cgroupMounts() map[string]string {
	m := map[string]string{}
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		switch f[2] {
		case "cgroup2":
			m["2"] = f[1]
		case "cgroup":
			for o := range strings.SplitSeq(f[3], ",") {
				m[o] = f[1]
			}
		}
	}
	return m
}

// ownCgroups returns this process's groups by controller; version 2's under "".
func ownCgroups() map[string]string {
	m := map[string]string{}
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for c := range strings.SplitSeq(f[1], ",") {
				m[c] = f[2]
			}
		}
	}
	return m
}

// writable returns the server's own group below mount, or mount itself, if groups can be made there.
func writable(mount, own string) (dir string, err error) {
	for _, dir = range []string{filepath.Join(mount, own), mount} {
		if err = tryGroup(dir); err == nil {
			return dir, nil
		}
	}
	return "", err
}

var lastTry atomic.Uint64

func tryGroup(dir string) error {
	try := filepath.Join(dir, fmt.Sprintf("%stry-%s-%d", prefix, processName(), lastTry.Add(1)))
	if err := os.Mkdir(try, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	return os.Remove(try)
}
