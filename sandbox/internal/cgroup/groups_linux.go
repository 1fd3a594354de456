package cgroup

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

// Groups are the control groups of one sandbox, in every hierarchy it uses, and those of its slots below. Its methods, and those of
// different slots' groups, may be called at the same time.
type Groups struct {
	places []Hierarchy // with Dir the sandbox's own group
	limits []limitFile
	shares shares
	open   atomic.Int32 // files of slots' groups that are kept open
}

// maxKept is how many files stay open: those of the slots that are used again and again. To find one by its name takes ten times as long as to read
// it, but two descriptors for every session would halve the number that a server can hold.
const maxKept = 32

// Limits are those of each slot's groups. What is negative is not limited.
type Limits struct {
	Memory    int64   // bytes, swap included
	Processes int     // all that are in the group
	Cores     float64 // processors, in each tenth of a second
}

// limitFile is what a slot's group is told.
type limitFile struct {
	controller, file, value string
	optional                bool
}

var last atomic.Uint64 // sandbox of this process

// New makes a sandbox's groups. Those of servers that were killed before they could are taken away first.
func New(found []Hierarchy, l Limits) (g *Groups, err error) {
	for _, h := range found {
		sweep(h.Dir)
	}
	for range 1000 { // a server of the same name may have left some behind
		g, err = named(fmt.Sprintf("%s%s-%d", prefix, processName(), last.Add(1)), found, l)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return g, err
}

func named(name string, found []Hierarchy, l Limits) (*Groups, error) {
	g := &Groups{}
	for _, h := range found {
		dir := filepath.Join(h.Dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			g.Close()
			return nil, fmt.Errorf("make a control group: %w", err)
		}
		g.places = append(g.places, Hierarchy{dir, h.Controllers, h.Version})
		if h.Version == 2 {
			if err := enable(dir, h.Controllers); err != nil {
				g.Close()
				return nil, fmt.Errorf("switch on controllers: %w", err)
			}
		}
		for _, c := range h.Controllers {
			g.limits = append(g.limits, limitFiles(c, h.Version, l)...)
			if c == "cpu" {
				if err := weigh(dir, h.Version); err != nil {
					g.Close()
					return nil, fmt.Errorf("weigh a control group: %w", err)
				}
			}
		}
	}
	return g, nil
}

// weigh gives a sandbox's group of the controller cpu its weight: on each processor all its sessions together count as two processes
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

// quotaPeriod is how often the system gives a group its processor time anew. It is what a new group has by itself.
const quotaPeriod = 100 * time.Millisecond

func limitFiles(controller string, version int, l Limits) []limitFile {
	period := strconv.FormatInt(quotaPeriod.Microseconds(), 10)
	quota := strconv.Itoa(int(math.Ceil(l.Cores * float64(quotaPeriod.Microseconds()))))
	memory := strconv.FormatInt(l.Memory, 10)
	switch {
	case controller == "memory" && l.Memory < 0, controller == "pids" && l.Processes < 0, controller == "cpu" && l.Cores < 0:
		return nil
	case controller == "pids":
		return []limitFile{{controller, "pids.max", strconv.Itoa(l.Processes), false}}
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
	left, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
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
	name := strings.TrimPrefix(strings.TrimPrefix(filepath.Base(group), prefix), "try-")
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

// Places returns where the sandbox's groups are: each Dir is its own.
func (g *Groups) Places() []Hierarchy { return g.places }

// Close takes the groups away; all slots' must be gone.
func (g *Groups) Close() {
	g.shares.close()
	for _, h := range g.places {
		removeGroup(h.Dir)
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

// Group is one slot's, in every hierarchy: it lasts as long as the slot, which serves one session after another. Its methods may not be called at
// the same time. A nil Group is that of a slot without: it starves nobody, and holds nothing.
type Group struct {
	of     *Groups
	dirs   []string
	join   []*os.File // cgroup.procs of each
	memory string     // that of dirs which limits memory; empty: none does
	kills  figure     // how many processes were killed for want of memory
	usage  figure     // of memory
	share  *share     // nil: it has none of its own
	count  uint64     // what kills said at the end of the session before
}

// Slot makes the groups of slot n.
func (g *Groups) Slot(n int) (*Group, error) {
	sg := &Group{of: g, kills: -1, usage: -1}
	for _, h := range g.places {
		dir := filepath.Join(h.Dir, "slot"+strconv.Itoa(n))
		err := os.Mkdir(dir, 0o755)
		left := errors.Is(err, fs.ErrExist) // another slot could not take it away
		if err != nil && !left {
			sg.Remove()
			return nil, fmt.Errorf("make a control group: %w", err)
		}
		sg.dirs = append(sg.dirs, dir)
		if err := g.fill(sg, h, dir, left); err != nil {
			sg.Remove()
			return nil, fmt.Errorf("control group: %w", err)
		}
	}
	return sg, nil
}

// fill sets a group up; one that was left by another slot has a past. Every file that is opened costs a KiB as long as the group is there, its name and
// inode, so none is without need.
func (g *Groups) fill(sg *Group, h Hierarchy, dir string, left bool) error {
	for _, c := range h.Controllers {
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
			sg.share = newShare(dir, h.Version)
		case "memory":
			sg.memory = dir
			if left {
				sg.starved(false)
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

// figure is a file of the group that limits memory, read after each session: its descriptor while it is kept open, or -1.
type figure int

// read reads the file, by its names in both versions, into b. It may stay open for the next time.
func (f *figure) read(g *Group, version1, version2 string, keep bool, b []byte) []byte {
	fd := int(*f)
	if fd < 0 {
		var err error
		if fd, err = unix.Open(g.memoryFile(version1, version2), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return nil
		}
		if keep && g.of.keep() {
			*f = figure(fd)
		} else {
			defer unix.Close(fd)
		}
	}
	n, _ := unix.Pread(fd, b, 0)
	return b[:max(n, 0)]
}

func (f *figure) close(g *Group) {
	if *f >= 0 {
		unix.Close(int(*f))
		*f = -1
		g.of.open.Add(-1)
	}
}

// keep says whether another file may be kept open.
func (g *Groups) keep() bool {
	if g.open.Add(1) <= maxKept {
		return true
	}
	g.open.Add(-1)
	return false
}

// Starved says whether processes were killed for want of memory since it was last asked.
func (g *Group) Starved() bool { return g != nil && g.starved(true) }

// starved may keep the file open for the next time.
func (g *Group) starved(keep bool) bool {
	if g.memory == "" {
		return false
	}
	var b [512]byte
	for line := range bytes.Lines(g.kills.read(g, "memory.oom_control", "memory.events", keep, b[:])) {
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
func (g *Group) memoryFile(version1, version2 string) string {
	name := version1
	for _, h := range g.of.places {
		if h.Version == 2 && slices.Contains(h.Controllers, "memory") {
			name = version2
		}
	}
	return g.memory + "/" + name
}

// Held is how much memory the group holds, in bytes; 0 where that is not limited.
func (g *Group) Held() int64 {
	if g == nil || g.memory == "" {
		return 0
	}
	var b [32]byte
	held, _ := strconv.ParseInt(string(bytes.TrimSpace(g.usage.read(g, "memory.usage_in_bytes", "memory.current", true, b[:]))), 10, 64)
	return held
}

// Entrances are the files by which the slot enters: it writes 0 to each.
func (g *Group) Entrances() []*os.File { return g.join }

// Entered closes them.
func (g *Group) Entered() {
	for _, f := range g.join {
		f.Close()
	}
	g.join = nil
}

// Begin says that a session begins.
func (g *Group) Begin() {
	if g != nil && g.share != nil {
		g.of.shares.begin(g.share)
	}
}

// End says that it has ended: what was taken from it because it was busy is the next one's.
func (g *Group) End() {
	if g != nil && g.share != nil {
		g.of.shares.end(g.share)
	}
}

// Remove takes the groups away; the slot's processes must have ended, or be about to.
func (g *Group) Remove() {
	g.Entered()
	g.kills.close(g)
	g.usage.close(g)
	for _, d := range g.dirs {
		removeGroup(d)
	}
}
