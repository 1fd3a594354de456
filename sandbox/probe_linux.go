package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/cgroup"
	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/launcher"
)

// Probe finds out what this host offers. It makes namespaces and control groups to see whether it may, and takes them away again.
func Probe() Host {
	h := Host{Root: os.Geteuid() == 0, Cgroups: map[string]int{}}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == 0 {
		h.Landlock = int(abi)
	}
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	h.Seccomp = errno == 0
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		h.OpenFiles = int(min(lim.Cur, 1<<31-1))
	}
	if unix.Getrlimit(unix.RLIMIT_NPROC, &lim) == nil && lim.Cur < 1<<31 {
		h.Processes = int(lim.Cur)
	}
	found, why := cgroup.Find(cgroup.Controllers)
	h.CgroupWhy = why
	for _, f := range found {
		for _, c := range f.Controllers {
			h.Cgroups[c] = f.Version
		}
	}
	_, err := firstID()
	h.IDs = h.Root && err == nil
	if err := tryNamespaces(h.Root); err != nil {
		h.Why = err.Error()
	} else {
		h.UserNamespaces = !h.Root
	}
	return h
}

// tryNamespaces starts the launcher and ends it at once.
func tryNamespaces(root bool) error {
	l, err := startLauncher(root, false)
	if err != nil {
		return err
	}
	l.close()
	return nil
}

// idBits is how many user IDs a server has for its sessions.
const idBits = 16

// firstID returns the first user ID for this server's sessions: of 2^16 IDs that no account has, chosen by
// the process ID and its namespace so that two servers on a host have different ones: the system counts processes by them.
func firstID() (int, error) {
	var namespace unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &namespace); err != nil {
		return 0, fmt.Errorf("read the namespace of processes: %w", err)
	}
	first := serverIDs(os.Getpid(), namespace.Ino)
	for _, file := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		b, err := os.ReadFile(file)
		if err != nil {
			return 0, fmt.Errorf("read which IDs there are: %w", err)
		}
		if !mapped(string(b), first, 1<<idBits) {
			return 0, errors.New("the server runs in a user namespace without IDs for sessions")
		}
	}
	return first, nil
}

// serverIDs spreads servers over 2^14 ranges. Those in one namespace have different process IDs; in many, of containers,
// the server is process 1, and the namespaces' numbers follow each other.
func serverIDs(pid int, namespace uint64) int {
	return 1<<30 + int((uint64(pid)+namespace*0x2545)&(1<<14-1))<<idBits
}

// mapped says whether n IDs from first on are in an ID map of the kernel's.
func mapped(idMap string, first, n int) bool {
	for line := range strings.Lines(idMap) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		from, err1 := strconv.Atoi(f[0])
		count, err2 := strconv.Atoi(f[2])
		if err1 == nil && err2 == nil && from <= first && first+n <= from+count {
			return true
		}
	}
	return false
}

// plan is how a policy is enforced on this host.
type plan struct {
	Policy
	env    []string
	root   bool // the server is root: sessions have user IDs of their own; else: a user namespace
	ids    int  // the first
	places []cgroup.Hierarchy
	addr   bool // memory by RLIMIT_AS
	nproc  bool // processes by RLIMIT_NPROC
	scopes bool // abstract sockets are fenced by Landlock
	mounts bool // sessions may have mounts of their own
}

// enforce decides how each part of p is enforced, or says which cannot be.
func enforce(p Policy) (*plan, error) {
	if len(launcher.Program) == 0 {
		return nil, &UnenforceableError{FeatureLauncher, "there is no launcher for this architecture", "run it on linux/amd64 or linux/arm64"}
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	pl := &plan{Policy: p.Limits(), root: os.Geteuid() == 0, env: environment([]string{defaultPath}, p.Env)}
	if pl.root {
		ids, err := firstID()
		if err != nil {
			hint := "run the server outside the user namespace, or as an ordinary user"
			if errors.Is(err, fs.ErrNotExist) {
				hint = "mount /proc: the sandbox is prepared with it"
			}
			return nil, &UnenforceableError{FeatureIdentity, err.Error(), hint}
		}
		pl.ids = ids
	}
	if err := pl.limits(); err != nil {
		return nil, err
	}
	if p.Network || p.Syscalls == SyscallsOff {
		if abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 || abi < 6 {
			return nil, &UnenforceableError{FeatureSyscalls, "with sockets allowed, sessions are kept apart by Landlock 6, which this kernel lacks", "take Linux 6.12 or later, or the default syscall filter without network"}
		}
		pl.scopes = true
	}
	pl.mounts = p.Tmp > 0 || p.Proc || p.SessionFlag
	if p.Proc && !pl.root {
		return nil, &UnenforceableError{FeatureProc, "a /proc of each session's own is made only by a server that runs as root", "leave it out, or run the server as root"}
	}
	if p.Proc {
		if err := needsPlace(p, "/proc", FeatureProc); err != nil {
			return nil, err
		}
	}
	if p.SessionFlag || p.Flag != "" {
		for _, place := range []string{flagPath, ownMount} {
			if err := needsPlace(p, place, FeatureFlag); err != nil {
				return nil, err
			}
		}
	}
	if p.Tmp > 0 {
		if err := needsPlace(p, "/tmp", FeatureTmp); err != nil {
			return nil, err
		}
	}
	return pl, nil
}

// limits decides how memory, processes and processor time are limited.
func (pl *plan) limits() error {
	var want []string
	for c, limited := range map[string]bool{"memory": pl.Memory > 0, "pids": pl.Processes >= 0, "cpu": pl.Cores > 0} {
		if limited {
			want = append(want, c)
		}
	}
	found, why := cgroup.Find(want)
	pl.places = found
	_, noMemory := why["memory"]
	_, noPids := why["pids"]
	_, noCPU := why["cpu"]
	if pl.Processes == 0 {
		pl.Processes = DefaultProcesses
		if noMemory && !pl.weaker(FeatureMemory) || noPids && !pl.root {
			pl.Processes = 1
		}
	}
	if noMemory {
		if pl.Processes != 1 && !pl.weaker(FeatureMemory) {
			return &UnenforceableError{FeatureMemory, why["memory"] + "; without one memory can be limited for a single process only", "allow one process (--processes 1), run where control groups can be made (systemd-run --user --scope -p Delegate=yes), or accept a limit for each process alone (--weaker-sandbox=memory)"}
		}
		if pl.Memory > 0 && pl.Syscalls == SyscallsOff && !pl.weaker(FeatureMemory) {
			return &UnenforceableError{FeatureMemory, why["memory"] + "; without one memory can be limited only with a syscall filter, which keeps programs from what no process's limit counts", "filter system calls, run where control groups can be made (systemd-run --user --scope -p Delegate=yes), or accept less (--weaker-sandbox=memory)"}
		}
		pl.addr = true
	}
	if noPids {
		// In a user namespace all sessions have one ID: it can only say "not one more".
		if pl.Processes != 1 && !pl.root && !pl.weaker(FeatureProcesses) {
			return &UnenforceableError{FeatureProcesses, why["pids"] + "; without one an ordinary user's sessions can be limited to one process only", "allow one process (--processes 1), run where control groups can be made, or accept none (--weaker-sandbox=processes)"}
		}
		pl.nproc = pl.root || pl.Processes == 1
	}
	if noCPU && pl.CPU < 0 && !pl.weaker(FeatureCPU) {
		return &UnenforceableError{FeatureCPU, why["cpu"] + "; without one there must be a limit of processor time", "give one (--cpu-time 60s), or accept none (--weaker-sandbox=cpu)"}
	}
	return nil
}

// slotProcesses is how many processes of a session's group are not the program's: its slot.
const slotProcesses = 1

// groupLimits are the policy's, as a slot's control groups are told them.
func (pl *plan) groupLimits() cgroup.Limits {
	l := cgroup.Limits{Memory: pl.Memory, Processes: pl.Processes, Cores: pl.Cores}
	if l.Processes >= 0 {
		l.Processes += slotProcesses
	}
	return l
}

func (pl *plan) hasCPU() bool {
	for _, h := range pl.places {
		if slices.Contains(h.Controllers, "cpu") {
			return true
		}
	}
	return false
}

// Report says how this host would enforce p, by feature, or what it cannot enforce.
func Report(p Policy) (map[Feature]string, error) {
	p, img, err := withImage(p)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	pl, err := enforce(p)
	if err != nil {
		return nil, err
	}
	r := &Runner{plan: pl, argv: []string{hostDirs[0]}} // no program: what every root shows
	l, err := r.launch()                                // all of it, or the report would promise what Prepare refuses
	if err != nil {
		return nil, err
	}
	l.close()
	return pl.report(), nil
}

// launcherProcess is a running launcher.
type launcherProcess struct {
	cmd    *exec.Cmd
	ctl    *channel
	asking sync.Mutex // one question at a time
	closed sync.Once
}

// startLauncher starts a launcher in new namespaces.
func startLauncher(root, network bool) (*launcherProcess, error) {
	program, err := launcherFile()
	if err != nil {
		return nil, err
	}
	defer program.Close()
	ours, theirs, err := channelPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd, err := runLauncher(program, theirs, root, network)
	if err != nil {
		ours.close()
		return nil, err
	}
	return &launcherProcess{cmd: cmd, ctl: ours}, nil
}

// runLauncher runs program with its end of a channel.
func runLauncher(program, theirs *os.File, root, network bool) (*exec.Cmd, error) {
	// By the number that it has in the child: there another file may take the place of one that is not passed on.
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/4", Args: []string{"flagstaff-launcher"}, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{theirs, program},
	}
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true,
	}
	if !network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if !root {
		const inside = 65534
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Getegid(), Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_KILL, unix.CAP_SYS_CHROOT, unix.CAP_DAC_OVERRIDE}
	}
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		if isShort(err) {
			return nil, &hintedError{fmt.Errorf("sandbox: start the launcher: %w", err), "raise the server's own limits of open files (ulimit -n) and processes (ulimit -u)"}
		}
		if path := new(fs.PathError); errors.As(err, &path) && path.Path == os.DevNull {
			return nil, &hintedError{fmt.Errorf("sandbox: start the launcher: %w", err), "make a /dev with null in it: each session has one, too"}
		}
		if root {
			return nil, &UnenforceableError{FeatureNamespaces, err.Error(), "root needs CAP_SYS_ADMIN here: in a container, run it with --cap-add SYS_ADMIN, or outside"}
		}
		return nil, &UnenforceableError{FeatureNamespaces, err.Error(), "user namespaces are switched off for this user: sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; or run as root"}
	}
	unspare(cmd.Process.Pid)
	return cmd, nil
}

// unspare lets the kernel kill a process, and what it starts, for want of memory, where the server itself is spared (systemd's OOMScoreAdjust=): of sessions
// that nobody may kill none would ever end for that.
func unspare(pid int) {
	const file = "/proc/%v/oom_score_adj"
	if own, err := os.ReadFile(fmt.Sprintf(file, "self")); err == nil && bytes.HasPrefix(own, []byte("-")) {
		os.WriteFile(fmt.Sprintf(file, pid), []byte("0"), 0)
	}
}

// close ends the launcher, and with it every process it has started, and waits for that.
func (l *launcherProcess) close() {
	l.closed.Do(func() {
		l.ctl.close()
		l.cmd.Process.Kill()
		l.cmd.Wait()
	})
}

// launcherFile returns the launcher's program as a file that can be executed.
func launcherFile() (*os.File, error) {
	syscall.ForkLock.RLock() // a child that held it open for writing could keep it from being executed
	defer syscall.ForkLock.RUnlock()
	w, err := unix.MemfdCreate("flagstaff-launcher", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		w, err = unix.MemfdCreate("flagstaff-launcher", unix.MFD_CLOEXEC) // before Linux 6.3
	}
	if err != nil {
		if errors.Is(err, unix.EACCES) {
			return nil, &UnenforceableError{FeatureLauncher, "memory for the launcher: " + err.Error(), "set the sysctl vm.memfd_noexec to 0 or 1"}
		}
		return nil, fmt.Errorf("sandbox: memory for the launcher: %w", err)
	}
	defer unix.Close(w)
	if _, err := unix.Write(w, launcher.Program); err != nil {
		return nil, fmt.Errorf("sandbox: write the launcher: %w", err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", w))
	if err != nil {
		return nil, fmt.Errorf("sandbox: open the launcher: %w", err)
	}
	return f, nil
}
