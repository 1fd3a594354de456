package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/cgroup"
)

// slot is a process of the launcher's that runs one session after another, with a user ID, control
// groups and a pid namespace of its own.
type slot struct {
	runner   *Runner
	launcher *launcherProcess // with it the slot ends
	number   int              // of the runner's
	user     int              // of all runners'
	ch       *channel
	group    *cgroup.Group // nil: without control groups
}

// start makes the slot's process and moves it into the slot's control groups.
func (s *slot) start() (err error) {
	r := s.runner
	if s.launcher, err = r.current(); err != nil {
		return err
	}
	ours, theirs, err := channelPair()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer theirs.Close()
	s.ch = ours
	fds := []int{int(theirs.Fd())}
	m := newScript(msgSlot)
	m.call("take over", unix.SYS_DUP3, fd(keptFDs), 3, unix.O_CLOEXEC)
	m.call("have a name", unix.SYS_PRCTL, unix.PR_SET_NAME, "fs-slot") // what ps shows
	if r.plan.Stderr == StderrLog {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return fmt.Errorf("sandbox: %w", os.NewSyscallError("pipe", err))
		}
		unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, stderrPipe)
		for i, end := range p {
			defer unix.Close(end)
			m.call("keep standard error", unix.SYS_FCNTL, fd(keptFDs+len(fds)), unix.F_DUPFD_CLOEXEC, 4)
			m.keep([2]fd{keptWritten, keptStderr}[i])
			fds = append(fds, end)
		}
	}
	if r.groups != nil {
		if s.group, err = r.groups.Slot(s.number); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		defer s.group.Entered()
		for _, f := range s.group.Entrances() {
			m.call("enter the control group "+f.Name(), unix.SYS_WRITE, fd(keptFDs+len(fds)), "0", 1)
			fds = append(fds, int(f.Fd()))
		}
	}
	if err := s.launcher.ask(m, fds...); err != nil {
		if errors.Is(err, errGone) {
			r.lost(s.launcher)
		}
		return err
	}
	theirs.Close() // if the slot goes, its channel must end
	return done(s.ch, m)
}

// stderrPipe is how much of the standard error may wait until the slot reads it: as much as is kept. The system has a KiB for each pipe of the
// ordinary size, full or empty.
const stderrPipe = 16 << 10

// close ends the slot's process. Its groups are left.
func (s *slot) close() {
	if s.ch != nil {
		s.ch.close()
	}
}

// Process is a running session. Its methods may be called by several goroutines at once, but Wait once
// only.
type Process struct {
	slot    *slot
	own     Session // to name the step that failed
	conn    syscall.RawConn
	restore bool // conn did not block
	timer   *time.Timer
	unbind  func() bool

	mu     sync.Mutex
	killed Reason
	ended  bool
}

// Start starts the program with conn, a connection, a terminal or any other file, as its standard input
// and output. Until Wait has returned, nobody else may read from conn or write to it: it blocks. The session is killed
// when ctx ends. Wait must be called.
//
// The program starts after Start has returned; what keeps it from starting is returned by Wait.
func (r *Runner) Start(ctx context.Context, conn syscall.Conn, s Session) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if r.plan.Syscalls == SyscallsOff && !r.plan.Network && ofInternet(raw) {
		return nil, errReconnect
	}
	p := &Process{own: s, conn: raw}
	take, patience := (*Runner).take, patience{left: mostPatience}
	for try := 1; ; {
		err := r.send(ctx, p, take)
		switch {
		case err == nil:
		case isShort(err) && patience.wait(ctx):
			continue
		case errors.Is(err, errGone) && try < maxTries:
			try++
			take = (*Runner).takeNew // the free ones may be dead, too
			continue
		default:
			return nil, err
		}
		break
	}
	if t := r.plan.Time; t > 0 {
		p.timer = time.AfterFunc(t, func() { p.Kill(ReasonTime) })
	}
	if ctx.Done() != nil {
		p.unbind = context.AfterFunc(ctx, func() { p.Kill(ReasonKilled) })
	}
	return p, nil
}

// errReconnect is what a session is not started for.
var errReconnect = errors.New("sandbox: without a filter of system calls a program could connect its connection, a socket of the host's network, to anywhere: " +
	"give it one end of a socket pair and relay, or allow the network")

// ofInternet says whether a connection is a socket that can be connected elsewhere.
func ofInternet(conn syscall.RawConn) (inet bool) {
	conn.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		inet = err == nil && domain != unix.AF_UNIX
	})
	return inet
}

// maxTries is how often a session asks for a slot, when one after the other proves dead before the program can have been
// started: the first may be of a launcher that was killed, the second finds that out, and two are of others.
const maxTries = 4

// isShort says that something was used up that others will give back: descriptors, or processes.
func isShort(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.EAGAIN)
}

// mostPatience is how long a session waits for what was used up.
const mostPatience = 5 * time.Second

// patience waits a few times, longer and longer.
type patience struct{ last, left time.Duration }

// wait is false when ctx has ended or no patience is left.
func (p *patience) wait(ctx context.Context) bool {
	p.last = max(10*time.Millisecond, min(2*p.last, 500*time.Millisecond))
	if p.left -= p.last; p.left < 0 {
		return false
	}
	pause := time.NewTimer(p.last)
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send sends the session to a slot.
func (r *Runner) send(ctx context.Context, p *Process, take func(*Runner, context.Context) (*slot, error)) error {
	s, err := take(r, ctx)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // making a slot may have taken long: do not hand over a connection that the server is about to close
		r.release(s)
		return context.Cause(ctx)
	}
	m, err := r.spawnMessage(p.own, r.plan.ids+s.user)
	if err != nil {
		r.release(s)
		return fmt.Errorf("sandbox: %w", err)
	}
	failed := p.conn.Control(func(fd uintptr) {
		flags, _ := unix.FcntlInt(fd, unix.F_GETFL, 0)
		p.restore = flags&unix.O_NONBLOCK != 0
		err = s.ch.send(m, int(fd))
	})
	if err = errors.Join(failed, err); err != nil {
		r.discard(s)
		return fmt.Errorf("sandbox: start a session: %w", err)
	}
	p.slot = s
	s.group.Begin()
	return nil
}

// spawning is what starts a session, but for its user ID.
type spawning struct {
	once    sync.Once
	script  *script
	message []byte
	err     error
}

// spawnMessage returns the message that starts a session. It is made anew only for one that has something of its own.
func (r *Runner) spawnMessage(s Session, user int) ([]byte, error) {
	m := new(spawning)
	if len(s.Env) == 0 && len(s.Args) == 0 && s.Flag == "" {
		m = &r.plain[0]
		if s.EndOutput {
			m = &r.plain[1]
		}
	}
	m.once.Do(func() {
		m.script = r.spawnScript(s)
		m.message, m.err = m.script.bytes()
	})
	if m.err != nil {
		return nil, m.err
	}
	return m.script.withUser(m.message, user), nil
}

// spawnScript lists what a child does before it becomes the program.
func (r *Runner) spawnScript(s Session) *script {
	pl := r.plan
	m := newScript(msgSpawn)
	if pl.Syscalls == SyscallsOff {
		m.clone |= unix.CLONE_NEWIPC // a filter refuses what it is about
		m.call("have a keyring of its own", unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
		m.ignore() // a kernel without keys
	}
	m.call("standard input", unix.SYS_DUP3, fd(keptFDs), 0, 0)
	m.call("standard output", unix.SYS_DUP3, fd(keptFDs), 1, 0)
	switch pl.Stderr {
	case StderrLog:
		m.call("standard error", unix.SYS_DUP3, keptStderr, 2, 0)
		// The flag is the pipe's, and the session before may have changed it.
		m.call("standard error", unix.SYS_FCNTL, 2, unix.F_SETFL, 0)
		m.call("standard error", unix.SYS_FCNTL, 2, unix.F_SETPIPE_SZ, stderrPipe) // it may have changed that, too
		m.ignore()
	case StderrPlayer:
		m.call("standard error", unix.SYS_DUP3, fd(keptFDs), 2, 0)
	}
	m.call("make the connection block", unix.SYS_FCNTL, 0, unix.F_SETFL, 0)
	if pl.PTY {
		m.call("start a session", unix.SYS_SETSID)
		m.call("take the terminal", unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	} else if !pl.hasCPU() {
		m.call("start a session", unix.SYS_SETSID) // the kernel gives each its share of the processor
	} else {
		m.call("be a process group", unix.SYS_SETPGID, 0, 0) // its group has a share, and this costs a tenth
	}
	if pl.mounts {
		m.clone |= unix.CLONE_NEWNS
		pl.sessionMounts(m, s)
	}
	if pl.CPU > 0 {
		seconds := int64((pl.CPU + time.Second - 1) / time.Second)
		hard := inherited(unix.RLIMIT_CPU, seconds+1)
		limit(m, "limit processor time", unix.RLIMIT_CPU, min(seconds, hard), hard)
	}
	if pl.nproc && pl.Processes > 0 {
		n := inherited(unix.RLIMIT_NPROC, int64(pl.Processes))
		limit(m, "limit processes", unix.RLIMIT_NPROC, n, n)
	}
	if pl.scopes {
		m.call("apply Landlock rules", unix.SYS_LANDLOCK_RESTRICT_SELF, keptRules, 0)
	}
	pl.becomeUser(m)
	argv := append(r.argv[:len(r.argv):len(r.argv)], s.Args...)
	env := environment(pl.env, s.Env)
	m.call("execute "+r.argv[0], unix.SYS_EXECVE, m.text(r.argv[0]), m.vector(argv), m.vector(env))
	if s.EndOutput {
		m.call("end the output", unix.SYS_SHUTDOWN, fd(keptFDs), unix.SHUT_WR)
		m.ignore() // no socket, or the player is gone
		m.final++
	}
	return m
}

// becomeUser makes a child the session's user, who may do nothing special.
func (pl *plan) becomeUser(m *script) {
	if pl.root {
		id := sessionUser{}
		m.call("set the group", unix.SYS_SETRESGID, id, id, id)
		m.call("set the user", unix.SYS_SETRESUID, id, id, id)
	} else {
		head := make([]byte, 8) // struct __user_cap_header_struct
		head[0], head[1], head[2], head[3] = 0x22, 0x05, 0x08, 0x20
		m.call("drop ambient capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		m.call("drop capabilities", unix.SYS_CAPSET, head, make([]byte, 24))
	}
}

// inherited returns the limit n, or the server's own where that is lower: not every server may raise it.
func inherited(resource int, n int64) int64 {
	var own unix.Rlimit
	if unix.Getrlimit(resource, &own) == nil && own.Max < uint64(n) {
		return int64(own.Max)
	}
	return n
}

// sessionMounts makes what a session has for itself alone.
func (pl *plan) sessionMounts(m *script, s Session) {
	const plain = unix.MS_NOSUID | unix.MS_NODEV
	if pl.SessionFlag {
		m.call("mount a place for the flag", unix.SYS_MOUNT, "tmpfs", ownMount, "tmpfs", plain, "mode=0755,size=64k")
		writeFile(m, ownMount+"/flag", s.Flag)
		m.call("show the flag", unix.SYS_MOUNT, ownMount+"/flag", flagPath, 0, unix.MS_BIND, 0)
	}
	if pl.Tmp > 0 {
		m.call("mount /tmp", unix.SYS_MOUNT, "tmpfs", "/tmp", "tmpfs", plain, "mode=1777,nr_inodes=4k,size="+strconv.FormatInt(pl.Tmp, 10))
	}
	if pl.Proc {
		m.call("mount /proc", unix.SYS_MOUNT, "proc", "/proc", "proc", plain|unix.MS_NOEXEC, "hidepid=2,subset=pid")
	}
}

// Kill ends the session, and says why. The first reason counts; on an ended session it does nothing.
func (p *Process) Kill(why Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.killed != "" {
		return
	}
	p.killed = why
	// If the slot is gone, so is the session.
	p.slot.ch.send([]byte{msgKill, headSize - 1: 0})
}

// Wait waits until the program has ended and nothing of the session is left. The error says that the
// program could not be started.
func (p *Process) Wait() (Exit, error) {
	// Thousands wait in here: what comes goes to the heap when it comes, and the stack stays small.
	end := new(ending)
	end.answer, end.gone = p.slot.ch.receive(answerExited)
	return p.over(end)
}

// ending is what the slot says at the end of its session.
type ending struct {
	answer
	gone error // the slot is gone, too
}

// over settles an ended session.
func (p *Process) over(end *ending) (Exit, error) {
	p.mu.Lock()
	p.ended = true
	why := p.killed
	p.mu.Unlock()
	if end.gone == nil && !end.killed {
		why = "" // it ended by itself before the slot heard of it
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.unbind != nil {
		p.unbind()
	}
	if p.restore {
		p.conn.Control(func(fd uintptr) { unix.SetNonblock(int(fd), true) }) // fails when it was closed
	}
	starved := p.slot.group.Starved()
	e := p.exit(end.answer, end.gone, why, starved)
	if end.stderr > 0 && end.gone == nil {
		e.Stderr = make([]byte, end.stderr)
		_, end.gone = p.slot.ch.read(e.Stderr)
	}
	r := p.slot.runner
	p.slot.group.End()
	if end.gone != nil {
		r.discard(p.slot)
		return e, nil
	}
	var err error
	if end.err != 0 && why == "" {
		m := r.spawnScript(p.own)
		err = end.failure(m)
		if end.err == unix.ENOENT && end.step == len(m.what)-1-m.final { // execve: when the runner was prepared, it was there
			err = fmt.Errorf("%w; it was there before: where its directory was deleted or replaced, start the server anew", err)
		}
	}
	if r.plan.shared() && !starved && !p.slot.burdened() {
		r.release(p.slot)
	} else {
		r.discard(p.slot) // what the kernel frees late of a group that was full would be missing to the next session
	}
	return e, err
}

// burdened says whether a good part of the memory of the slot's group is taken although its session is over: pages in output that a player does
// not take are the group's until they are sent, or files that the session was the first to read.
func (s *slot) burdened() bool {
	return s.runner.plan.Memory > 0 && s.group.Held() > s.runner.plan.Memory/8
}

// exit says how the session ended.
func (p *Process) exit(a answer, gone error, why Reason, starved bool) Exit {
	e := Exit{Reason: why, Code: -1}
	e.CPU = time.Duration(a.user+a.system) * time.Microsecond
	clean := false
	switch {
	case gone != nil:
		e.Signal = int(unix.SIGKILL)
	case a.status.Exited():
		e.Code = a.status.ExitStatus()
		clean = e.Code == 0
	case a.status.Signaled():
		e.Signal = int(a.status.Signal())
	}
	limit := p.slot.runner.plan.CPU
	switch {
	case why != "":
	case !clean && starved:
		e.Reason = ReasonMemory
	case limit > 0 && e.Signal == int(unix.SIGXCPU) && e.CPU >= limit/2: // it may send itself that; the clock of the limit is a rough one
		e.Reason = ReasonCPU
	case limit > 0 && e.Signal == int(unix.SIGKILL) && e.CPU >= limit:
		e.Reason = ReasonCPU
	case gone != nil:
		e.Reason = ReasonKilled
	default:
		e.Reason = ReasonExited
	}
	return e
}

// newSlotApart makes a slot on another stack than the caller's, who waits for the end of a session on it: making one takes 8 KiB, and a stack that
// has grown stays so as long as it is used.
func (r *Runner) newSlotApart() (s *slot, err error) {
	made := make(chan struct{})
	go func() {
		defer close(made)
		s, err = r.newSlot()
	}()
	<-made
	return s, err
}
