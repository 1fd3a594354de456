package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// controllers are those that a policy needs, under their names in both versions of control groups.
var controllers = []string{"memory", "pids", "cpu"}

// hierarchy is a directory under which groups of one or more controllers can be made.
type hierarchy struct {
	dir         string // the server's own group, or one above
	controllers []string
	version     int
}

// cgroupPrefix begins the name of every group of ours; the process that made it follows.
const cgroupPrefix = "flagstaff-"

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

// findHierarchies says where groups of the wanted controllers can be made; version 2 before version 1. It
// tries, because nothing else tells. A controller without a place is in why.
func findHierarchies(want []string) (found []hierarchy, why map[string]string) {
	why = map[string]string{}
	mounts, own := cgroupMounts(), ownCgroups()
	for _, c := range want {
		why[c] = "no control group file system with the controller " + c
	}
	if m, ok := mounts["2"]; ok {
		dir, have, err := version2(m, own[""], want)
		if len(have) > 0 {
			found = append(found, hierarchy{dir, have, 2})
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
		found = append(found, hierarchy{dir, []string{c}, 1})
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
	try := filepath.Join(dir, fmt.Sprintf("%stry-%s-%d", cgroupPrefix, processName(), lastTry.Add(1)))
	if err := os.Mkdir(try, 0o755); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	return os.Remove(try)
}

// groups are the control groups of one runner, in every hierarchy it uses.
type groups struct {
	places []hierarchy // with dir the runner's own group
	limits []limitFile
	open   atomic.Int32 // files of slots' groups that are kept open
}

// maxKept is how many slots keep the file open that counts kills: those that are used again and again. A descriptor for every
// session would halve the number that a server can hold.
const maxKept = 16

// limitFile is what a session's group is told.
type limitFile struct {
	controller, file, value string
	optional                bool
}

var lastRunner atomic.Uint64

// newGroups makes a runner's groups. Those of servers that were killed before they could are taken away first.
func newGroups(found []hierarchy, p Policy) (g *groups, err error) {
	for _, h := range found {
		sweep(h.dir)
	}
	for range 1000 { // a server of the same name may have left some behind
		g, err = groupsNamed(fmt.Sprintf("%s%s-%d", cgroupPrefix, processName(), lastRunner.Add(1)), found, p)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return g, err
}

func groupsNamed(name string, found []hierarchy, p Policy) (*groups, error) {
	g := &groups{}
	for _, h := range found {
		dir := filepath.Join(h.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			g.remove()
			return nil, fmt.Errorf("sandbox: make a control group: %w", err)
		}
		g.places = append(g.places, hierarchy{dir, h.controllers, h.version})
		if h.version == 2 {
			if err := enable(dir, h.controllers); err != nil {
				g.remove()
				return nil, fmt.Errorf("sandbox: switch on controllers: %w", err)
			}
		}
		for _, c := range h.controllers {
			g.limits = append(g.limits, limitFiles(c, h.version, p)...)
			if c == "cpu" {
				if err := weigh(dir, h.version); err != nil {
					g.remove()
					return nil, fmt.Errorf("sandbox: weigh a control group: %w", err)
				}
			}
		}
	}
	return g, nil
}

// weigh gives a runner's group of the controller cpu its weight: on each processor all its sessions together count as two processes
// outside. As one, which is what a group counts as by default, they would be taken off the processor for whatever else there is to do:
// twice as many switches, a sixth fewer sessions started, and with somebody's busy programs next door a wait ten times as long.
func weigh(dir string, version int) error {
	weight := 2 * runtime.NumCPU()
	name, value := "cpu.shares", min(1024*weight, 1<<18) // what the system takes at most, in both
	if version == 2 {
		name, value = "cpu.weight", min(100*weight, 10_000)
	}
	return os.WriteFile(filepath.Join(dir, name), strconv.AppendInt(nil, int64(value), 10), 0)
}

// own is how many processes of a session's group are not the program's: its slot.
const own = 1

// quotaPeriod is how often the system gives a group its processor time anew. It is what a new group has by itself.
const quotaPeriod = 100 * time.Millisecond

func limitFiles(controller string, version int, p Policy) []limitFile {
	period := strconv.FormatInt(quotaPeriod.Microseconds(), 10)
	quota := strconv.Itoa(int(math.Ceil(p.Cores * float64(quotaPeriod.Microseconds()))))
	memory := strconv.FormatInt(p.Memory, 10)
	switch {
	case controller == "memory" && p.Memory < 0, controller == "pids" && p.Processes < 0, controller == "cpu" && p.Cores < 0:
		return nil
	case controller == "pids":
		return []limitFile{{controller, "pids.max", strconv.Itoa(p.Processes + own), false}}
	case controller == "memory" && version == 2:
		return []limitFile{{controller, "memory.max", memory, false}, {controller, "memory.swap.max", "0", true}}
	case controller == "memory":
		return []limitFile{{controller, "memory.limit_in_bytes", memory, false}, {controller, "memory.memsw.limit_in_bytes", memory, true}}
	case version == 2:
		return []limitFile{{controller, "cpu.max", quota + " " + period, false}}
	}
	return []limitFile{{controller, "cpu.cfs_quota_us", quota, false}} // the period is the system's own
}

// sweep takes away the groups of servers that are dead.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, cgroupPrefix+"*"))
	for _, g := range left {
		if !forsaken(g) {
			continue
		}
		slots, _ := filepath.Glob(filepath.Join(g, "slot*"))
		for _, s := range slots {
			os.Remove(s)
		}
		os.Remove(g)
	}
}

// forsaken says whether the server that made a group has ended. Of one in another pid namespace nobody knows from here, but from soon
// after it has made a group there is a slot in it.
func forsaken(group string) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(filepath.Base(group), cgroupPrefix), "try-")
	parts := strings.Split(name, "-")
	if len(parts) < 3 {
		return false
	}
	ns, nsErr := strconv.ParseUint(parts[0], 10, 64)
	pid, pidErr := strconv.Atoi(parts[1])
	if nsErr != nil || pidErr != nil || pid <= 0 {
		return false
	}
	if ns == pidNamespace() {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	}
	slots, _ := filepath.Glob(filepath.Join(group, "slot*"))
	for _, s := range slots {
		if members, err := os.ReadFile(filepath.Join(s, "cgroup.procs")); err != nil || len(members) > 0 {
			return false
		}
	}
	info, err := os.Stat(group)
	return err == nil && time.Since(info.ModTime()) > time.Minute
}

// remove takes the runner's groups away; all slots' must be gone.
func (g *groups) remove() {
	for _, h := range g.places {
		removeGroup(h.dir)
	}
}

// removeGroup waits for processes that have just ended to leave.
func removeGroup(dir string) {
	for wait := time.Millisecond; wait < time.Second; wait *= 2 {
		if err := os.Remove(dir); !errors.Is(err, syscall.EBUSY) {
			return
		}
		time.Sleep(wait)
	}
}

// group is one slot's, in every hierarchy.
type group struct {
	of     *groups
	dirs   []string
	join   []*os.File // cgroup.procs of each
	memory string     // that of dirs which limits memory; empty: none does
	kept   int        // the descriptor of the file that counts the processes killed for want of memory, or -1
	share  *share     // nil: it has none of its own
	count  uint64     // what that file said at the end of the session before
}

// slot makes the groups of slot n.
func (g *groups) slot(n int) (*group, error) {
	sg := &group{of: g, kept: -1}
	for _, h := range g.places {
		dir := filepath.Join(h.dir, "slot"+strconv.Itoa(n))
		err := os.Mkdir(dir, 0o755)
		left := errors.Is(err, fs.ErrExist) // another slot could not take it away
		if err != nil && !left {
			sg.remove()
			return nil, fmt.Errorf("sandbox: make a control group: %w", err)
		}
		sg.dirs = append(sg.dirs, dir)
		if err := g.fill(sg, h, dir, left); err != nil {
			sg.remove()
			return nil, fmt.Errorf("sandbox: control group: %w", err)
		}
	}
	return sg, nil
}

// fill sets a group up; one that was left by another slot has a past. Every file that is opened costs a KiB as long as the group is there, its name and
// inode, so none is without need.
func (g *groups) fill(sg *group, h hierarchy, dir string, left bool) error {
	for _, c := range h.controllers {
		for _, l := range g.limits {
			if l.controller != c {
				continue
			}
			err := os.WriteFile(filepath.Join(dir, l.file), []byte(l.value), 0)
			if err != nil && !(l.optional && errors.Is(err, fs.ErrNotExist)) {
				return err
			}
		}
		switch c {
		case "cpu":
			sg.share = newShare(dir, h.version)
		case "memory":
			sg.memory = dir
			if left {
				sg.memoryKills(false)
			}
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	sg.join = append(sg.join, f)
	return nil
}

// keep says whether another file may be kept open.
func (g *groups) keep() bool {
	if g.open.Add(1) <= maxKept {
		return true
	}
	g.open.Add(-1)
	return false
}

// memoryKills says whether processes were killed for want of memory since it was last asked. It may keep the file open for the
// next time.
func (g *group) memoryKills(keep bool) bool {
	if g.memory == "" {
		return false
	}
	f := g.kept
	if f < 0 {
		var err error
		if f, err = unix.Open(g.memoryFile("memory.oom_control", "memory.events"), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return false
		}
		if keep && g.of.keep() {
			g.kept = f
		} else {
			defer unix.Close(f)
		}
	}
	var b [512]byte
	n, err := unix.Pread(f, b[:], 0)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b[:n]) {
		if v, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			count, _ := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 64)
			more := count > g.count
			g.count = count
			return more
		}
	}
	return false
}

// memoryFile is a file of the group that limits memory, by its names in both versions.
func (g *group) memoryFile(version1, version2 string) string {
	name := version1
	for _, h := range g.of.places {
		if h.version == 2 && slices.Contains(h.controllers, "memory") {
			name = version2
		}
	}
	return g.memory + "/" + name
}

// held is how much memory the group holds, in bytes.
func (g *group) held() int64 {
	if g.memory == "" {
		return 0
	}
	f, err := unix.Open(g.memoryFile("memory.usage_in_bytes", "memory.current"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(f)
	var b [32]byte
	n, _ := unix.Read(f, b[:])
	held, _ := strconv.ParseInt(string(bytes.TrimSpace(b[:max(n, 0)])), 10, 64)
	return held
}

// joined closes what was needed for the slot to enter.
func (g *group) joined() {
	for _, f := range g.join {
		f.Close()
	}
	g.join = nil
}

// remove takes the groups away; the slot's processes must have ended, or be about to.
func (g *group) remove() {
	g.joined()
	if g.kept >= 0 {
		unix.Close(g.kept)
		g.kept = -1
		g.of.open.Add(-1)
	}
	for _, d := range g.dirs {
		removeGroup(d)
	}
}
