package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/cgroup"
	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/filter"
	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// Runner starts one program under one policy, as often as asked. What all sessions have in common is
// prepared once. Its methods may be called by several goroutines at once.
type Runner struct {
	// Renewed, if set before the first Start, is called when the process that all sessions are started by had ended, as by a
	// signal from outside, and Start has prepared another. It is told how the last one ended, and must be quick: sessions wait.
	Renewed func(ended string)

	plan   *plan
	argv   []string
	groups *cgroup.Groups // nil: none
	image  *oci.Image     // nil: none
	plain  [2]spawning    // of sessions that have nothing of their own, without and with [Session.EndOutput]

	mu       sync.Mutex
	launcher *launcherProcess
	renewal  func() (*launcherProcess, error) // nil: as far as is known the launcher is alive
	free     []*slot                          // the one used last is last
	numbers
	closed bool

	open     sync.WaitGroup // slots
	turns    turns          // to make slots
	removing backlog        // slots to be taken away
}

// users numbers the slots of all runners of this process: their user IDs are each slot's own, whichever runner it is of,
// because the system counts processes by them.
var users struct {
	sync.Mutex
	numbers
}

// numbers gives out small numbers; slots have one of their runner's, and with it control groups, and one of all runners', and
// with it a user ID.
type numbers struct {
	returned []int
	next     int
}

func (n *numbers) take() int {
	if last := len(n.returned) - 1; last >= 0 {
		k := n.returned[last]
		n.returned = n.returned[:last]
		return k
	}
	n.next++
	return n.next - 1
}

// maxFree is how many slots wait for sessions, at most.
const maxFree = 64

// Prepare makes everything ready to run a program of the host, or of the policy's root or image where one is set: its
// path, or, but in a root, a name to be found in PATH, and its arguments. An image has a program of its own, which is
// run where none is named. What the host cannot enforce is an
// *[UnenforceableError]. The runner must be closed.
func Prepare(p Policy, argv ...string) (_ *Runner, err error) {
	p, img, err := withImage(p)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			img.Close()
		}
	}()
	pl, err := enforce(p)
	if err != nil {
		return nil, err
	}
	argv, err = command(pl.Policy, img, argv)
	if err != nil {
		return nil, err
	}
	r := &Runner{plan: pl, argv: argv, turns: make(turns, maxStarting)}
	if _, err := r.spawnMessage(Session{}, 0); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if r.launcher, err = r.launch(); err != nil {
		return nil, err
	}
	if len(pl.places) > 0 {
		if r.groups, err = cgroup.New(pl.places, pl.groupLimits()); err != nil {
			r.Close()
			return nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	// A policy that cannot be enforced, or a program that cannot be run, should fail here, not at the first player.
	s, err := r.newSlot()
	if err != nil {
		r.Close()
		return nil, err
	}
	err = r.try(s)
	r.release(s)
	if err != nil {
		r.Close()
		return nil, err
	}
	r.image = img
	return r, nil
}

// launch starts a launcher and makes it prepare itself.
func (r *Runner) launch() (*launcherProcess, error) {
	l, err := startLauncher(r.plan.root, r.plan.Network)
	if err != nil {
		return nil, err
	}
	if err := r.setUp(l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// setUp makes the launcher prepare itself.
func (r *Runner) setUp(l *launcherProcess) error {
	// What the server itself inherited from who started it must not reach a program.
	clean := newScript(msgSetup)
	clean.call("have a name", unix.SYS_PRCTL, unix.PR_SET_NAME, "fs-launcher") // what ps shows, instead of the number of a descriptor
	clean.call("set the mask of new files", unix.SYS_UMASK, 0o022)             // whatever the server's is, sessions may read what is made for them
	clean.call("close inherited descriptors", unix.SYS_CLOSE_RANGE, 4, uint64(1<<32-1), 0)
	// Else a program waits for its alarm in vain.
	clean.call("block no signals", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, make([]byte, 8), 0, 8)
	for _, sig := range neverHandled {
		clean.call("ignore no signals", unix.SYS_RT_SIGACTION, int(sig), make([]byte, 32), 0, 8) // struct sigaction of the kernel: the default
	}
	// One for all slots: whoever asks it is told of its own children.
	clean.call("watch children", unix.SYS_SIGNALFD4, -1, binary.NativeEndian.AppendUint64(nil, 1<<(unix.SIGCHLD-1)), 8, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
	clean.keep(keptChildren)
	if err := l.ask(clean); err != nil {
		return err
	}
	pl := r.plan
	root := newScript(msgSetup)
	if err := buildRoot(root, pl.Policy, r.argv[0]); err != nil {
		return err
	}
	if err := l.ask(root); err != nil {
		return hinted(err, pl.Policy)
	}
	if err := r.setLimits(l); err != nil {
		return err
	}
	s := newScript(msgSetup)
	s.call("set the host name", unix.SYS_SETHOSTNAME, []byte("challenge"), 9)
	s.call("be closed to others", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	if pl.places == nil || !r.plan.hasCPU() {
		s.call("be nice", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, 10)
	}
	if pl.root {
		s.call(leaveGroups, unix.SYS_SETGROUPS, 0, 0)
	}
	s.call("no new privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	var fds []int
	if pl.scopes {
		rules, err := scopeRules()
		if err != nil {
			return err
		}
		defer unix.Close(rules)
		fds = append(fds, rules)
		s.call("keep the rules", unix.SYS_FCNTL, fd(keptFDs), unix.F_DUPFD_CLOEXEC, minOpenFiles/2)
		s.keep(keptRules)
	}
	if pl.Syscalls != SyscallsOff {
		program, err := filter.Assemble(filter.Rules{
			Strict:    pl.Syscalls == SyscallsStrict,
			Network:   pl.Network,
			Mounts:    pl.mounts,
			Addresses: pl.addr && pl.Memory > 0,
		})
		if err != nil {
			return err
		}
		at := s.blob(program)
		fprog := make([]byte, 16) // struct sock_fprog
		binary.NativeEndian.PutUint16(fprog, uint16(len(program)/8))
		binary.NativeEndian.PutUint64(fprog[8:], at)
		where := s.blob(fprog)
		s.relocs = append(s.relocs, uint32(where)+8)
		s.call("load the syscall filter", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, pointer(where))
	}
	return hinted(l.ask(s, fds...), pl.Policy)
}

// neverHandled are the signals that stay ignored in what a Go program starts, if they were when it was started itself: nohup does that, and a shell
// does for what it starts in the background. The last three are the C library's own, which its posix_spawn
// ignores: make starts programs so. For all others the runtime has a handler of its own.
var neverHandled = []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34}

const leaveGroups = "leave groups"

// hinted says what to do about a root that cannot be left or entered, or that has no such working directory.
func hinted(err error, p Policy) error {
	var step *stepError
	if !errors.As(err, &step) {
		return err
	}
	dir := workDir(p)
	switch {
	case step.what == privateMounts && step.err == unix.EINVAL:
		return &hintedError{err, "the server's own root is no mount point, as in a chroot: make it one (mount --bind DIR DIR) before chroot DIR"}
	case step.what == leaveGroups && step.err == unix.EPERM:
		return &hintedError{err, "root needs CAP_SETGID and CAP_SETUID here, for the sessions' users: run it with both, or as an ordinary user"}
	case step.what == enterDir+dir && step.err == unix.ENOENT && p.Root != "":
		return &hintedError{err, "make it in the root or image, or name another that is there (--dir)"}
	case step.what == enterRoot && step.err == unix.EACCES && p.Root != "":
		return &hintedError{err, mayEnter(p.Root)}
	case step.what == enterDir+dir && step.err == unix.EACCES:
		return &hintedError{err, mayEnter(dir)}
	}
	return err
}

func mayEnter(dir string) string {
	return "the server's user may not enter it: chmod o+rX " + dir + ", and o+x for the directories above"
}

// shared says that one slot serves many sessions. To a program of the same user, whose system calls are not filtered, its slot
// would be open: the next session would get the limits and priorities that this one has left it.
func (pl *plan) shared() bool { return pl.root || pl.Syscalls != SyscallsOff }

// scopeRules makes a Landlock ruleset that keeps abstract sockets and signals inside.
func scopeRules() (int, error) {
	attr := make([]byte, 24) // struct landlock_ruleset_attr
	binary.NativeEndian.PutUint64(attr[16:], unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|unix.LANDLOCK_SCOPE_SIGNAL)
	return landlockRuleset(attr)
}

// ask sends a message to the launcher and waits until it has done it.
func (l *launcherProcess) ask(s *script, fds ...int) error {
	m, err := s.bytes()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	l.asking.Lock()
	defer l.asking.Unlock()
	if err := l.ctl.send(m, fds...); err != nil {
		return fmt.Errorf("sandbox: ask the launcher: %w", err)
	}
	return done(l.ctl, s)
}

func done(c *channel, s *script) error {
	a, err := c.receive(answerDone)
	if err != nil {
		return fmt.Errorf("sandbox: the launcher's answer: %w", err)
	}
	return a.failure(s)
}

// take returns a slot for a session.
func (r *Runner) take(ctx context.Context) (*slot, error) {
	if s, err := r.takeFree(); s != nil || err != nil {
		return s, err
	}
	return r.takeInTurn(ctx)
}

// takeFree returns a slot that waits for a session, or nil.
func (r *Runner) takeFree() (*slot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	last := len(r.free) - 1
	if last < 0 {
		return nil, nil
	}
	s := r.free[last]
	r.free = r.free[:last]
	return s, nil
}

// takeInTurn makes a slot when its turn has come, if none has become free meanwhile.
func (r *Runner) takeInTurn(ctx context.Context) (*slot, error) {
	if err := r.turns.take(ctx); err != nil {
		return nil, err
	}
	defer r.turns.giveBack()
	if s, err := r.takeFree(); s != nil || err != nil {
		return s, err
	}
	return r.newSlotApart()
}

// takeNew makes a slot when its turn has come.
func (r *Runner) takeNew(ctx context.Context) (*slot, error) {
	if err := r.turns.take(ctx); err != nil {
		return nil, err
	}
	defer r.turns.giveBack()
	return r.newSlotApart()
}

// release gives a slot back after its session.
func (r *Runner) release(s *slot) {
	r.mu.Lock()
	if !r.closed && len(r.free) < maxFree && s.launcher == r.launcher && r.renewal == nil {
		r.free = append(r.free, s)
		s = nil
	}
	r.mu.Unlock()
	if s != nil {
		r.discard(s)
	}
}

// discard ends a slot. It does not wait until its control groups can be taken away.
func (r *Runner) discard(s *slot) {
	s.close()
	if s.group == nil {
		r.discarded(s)
		return
	}
	r.removing.add(func() {
		s.group.Remove()
		r.discarded(s)
	})
}

// discarded gives a slot's numbers back.
func (r *Runner) discarded(s *slot) {
	r.mu.Lock()
	r.returned = append(r.returned, s.number)
	r.mu.Unlock()
	users.Lock()
	users.returned = append(users.returned, s.user)
	users.Unlock()
	r.open.Done()
}

// newSlot makes a slot. It can take some milliseconds: control groups of version 1 are slow to enter.
func (r *Runner) newSlot() (_ *slot, err error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, ErrClosed
	}
	users.Lock()
	left := users.next-len(users.returned) < 1<<idBits
	user := 0
	if left {
		user = users.take()
	}
	users.Unlock()
	if !left {
		r.mu.Unlock()
		return nil, errors.New("sandbox: no user ID is left for another session")
	}
	s := &slot{runner: r, number: r.numbers.take(), user: user}
	r.open.Add(1)
	r.mu.Unlock()
	defer func() {
		if err != nil {
			r.discard(s)
		}
	}()
	return s, s.start()
}

// Close ends every session, waits until nothing of them is left, and takes away what Prepare made. It
// always returns nil.
func (r *Runner) Close() error {
	r.mu.Lock()
	free := r.free
	r.free = nil
	first := !r.closed
	r.closed = true
	l := r.launcher
	r.mu.Unlock()
	if !first {
		r.open.Wait()
		return nil
	}
	l.close() // and with it everything; one that is being prepared is closed by who prepares it
	for _, s := range free {
		r.discard(s)
	}
	r.open.Wait()
	r.removing.wait()
	if r.groups != nil {
		r.groups.Close()
	}
	return r.image.Close()
}

// Enforced says how each part of the policy is enforced.
func (r *Runner) Enforced() map[Feature]string { return r.plan.report() }

func landlockRuleset(attr []byte) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr[0])), uintptr(len(attr)), 0)
	if errno != 0 {
		return -1, &stepError{"make Landlock rules", errno}
	}
	return int(n), nil
}
