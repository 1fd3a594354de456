package filter

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter is inherited: it is loaded once, by the launcher, as the last step of its own preparation.
// Loading one for each child costs more than all the rest. So what the launcher itself needs afterwards
// (clone, setresuid, sendmsg, with a private /proc or /tmp mount) is allowed here, and what makes those
// harmless for the program is that it has no capabilities and cannot get any.

// denied are the system calls that challenges never need. They are refused with EPERM: they change the
// system, see other processes, or open large parts of the kernel that have had many holes. By vmsplice a byte in
// the connection holds a huge page, long after its session.
const denied = `
	acct add_key adjtimex bpf chroot clock_adjtime clock_settime create_module delete_module fanotify_init
	fanotify_mark finit_module get_kernel_syms init_module inotify_init inotify_init1 io_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
	lookup_dcookie migrate_pages modify_ldt move_pages mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend
	mq_unlink msgctl msgget msgrcv msgsnd name_to_handle_at nfsservctl open_by_handle_at perf_event_open
	pidfd_getfd pivot_root process_madvise process_mrelease process_vm_readv process_vm_writev ptrace query_module quotactl
	quotactl_fd reboot request_key semctl semget semop semtimedop sethostname setdomainname setns settimeofday shmat shmctl
	shmdt shmget swapoff swapon syslog sysfs uselib unshare userfaultfd ustat vhangup vm86 vm86old
	io_uring_setup io_uring_enter io_uring_register memfd_secret
	mknod mknodat mbind set_mempolicy set_mempolicy_home_node cachestat lsm_get_self_attr lsm_set_self_attr lsm_list_modules
	clock_adjtime64 clock_settime64 ipc mq_timedreceive_time64 mq_timedsend_time64 semtimedop_time64 stime
	vmsplice`

// mounting are denied too, unless sessions have mounts of their own, which the launcher makes.
const mounting = `mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick statmount listmount`

// sockets are denied without a network. The session's connection is a socket of the host's network: to
// disconnect and connect it again would lead out of the empty one. And descriptors that were sent in a circle live on, with all the memory
// behind them, until the kernel comes to look for such: the slot's next session would have to do without.
const sockets = `socket connect bind listen accept accept4 sendmsg sendmmsg`

// uncounted is denied where memory is limited by RLIMIT_AS, which counts a process's addresses: a file in memory is none of them.
const uncounted = `memfd_create`

// ordinary are the system calls of the strict filter: what the C library, Python and the launcher use to
// compute, to read and write, to start processes and threads, and to wait. The last paragraph is what 32 bits call some of them.
const ordinary = `
	access alarm arch_prctl brk capget capset chdir clock_getres clock_gettime clock_nanosleep clone close close_range copy_file_range
	creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve
	execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fcntl fdatasync fgetxattr
	flock fork fstat fstatat fstatfs fsync ftruncate futex futex_waitv futex_wake futex_wait get_robust_list get_thread_area getcpu getcwd
	getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
	getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid ioctl kill
	landlock_restrict_self lgetxattr link linkat lseek lstat madvise membarrier memfd_create mincore mkdir mkdirat mlock mlock2 mmap mprotect mremap
	msync munlock munmap nanosleep newfstatat open openat openat2 pause personality pidfd_open pidfd_send_signal
	pipe pipe2 poll ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readlink readlinkat readv
	recvfrom recvmmsg recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
	rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
	sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler sched_setaffinity sched_yield select sendfile sendto
	set_robust_list set_thread_area set_tid_address setgid setgroups setitimer setpgid setpriority setregid
	setresgid setresuid setreuid setrlimit setsid setsockopt setuid shutdown sigaltstack socketpair splice stat statfs statx
	symlink symlinkat sync_file_range sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
	timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat
	utime utimensat utimes vfork wait4 waitid write writev

	_llseek _newselect clock_getres_time64 clock_gettime64 clock_nanosleep_time64 fadvise64_64 fcntl64 fstat64 fstatat64 fstatfs64
	ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 lstat64 mmap2 nice ppoll_time64
	pselect6_time64 readdir recvmmsg_time64 rt_sigtimedwait_time64 sendfile64 setgid32 setgroups32 setregid32 setresgid32
	setresuid32 setreuid32 setuid32 sigaction signal sigpending sigprocmask sigreturn sigsuspend stat64 statfs64 timer_gettime64
	timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit utimensat_time64 waitpid`

// unseen are system calls whose arguments are in memory, where a filter cannot look, and that the C library does without.
// It falls back to clone; the mmap of 32 bits has been mmap2 for decades.
const (
	unseen   = `clone3`
	unseen32 = `mmap`
)

// What the filter answers.
const (
	allow        = uint32(unix.SECCOMP_RET_ALLOW)
	nothing      = unix.SECCOMP_RET_ERRNO // it is not done, and 0 returned
	refuse       = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	noSystemCall = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// Where struct seccomp_data has what the filter looks at.
const (
	atNumber   = 0
	atMachine  = 4
	atArgument = 16 // the lower half of the first; each has 8 bytes
)

// machines are the kinds of system calls that programs may make: those of the server's own kind, and on amd64 those of
// 32-bit programs, of which CTFs have many. Whatever other kind a kernel knows (x32, 32-bit ARM) does not exist.
func machines() ([]*arch.Info, error) {
	own, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	if own == arch.X86_64 {
		return []*arch.Info{own, arch.I386}, nil
	}
	return []*arch.Info{own}, nil
}

// Rules say what a filter lets through. The zero value is for a program without a network, whose sandbox has no mounts of its own.
type Rules struct {
	Strict    bool // nothing but what ordinary programs need
	Network   bool // sockets of every kind
	Mounts    bool // those that the launcher makes for each session
	Addresses bool // memory is limited by addresses: no files in memory, which are outside of any process's
}

// Assemble returns the program that seccomp(2) takes, an array of struct sock_filter: a part for each machine's numbers.
func Assemble(r Rules) ([]byte, error) {
	list, err := machines()
	if err != nil {
		return nil, err
	}
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: atMachine, Size: 4}}
	for _, m := range list {
		part := decisions(r, m)
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(m.ID), SkipTrue: 1}, bpf.Jump{Skip: uint32(len(part))})
		program = append(program, part...)
	}
	program = append(program, bpf.RetConstant{Val: noSystemCall})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble the syscall filter: %w", err)
	}
	b := make([]byte, 0, 8*len(raw))
	for _, i := range raw {
		b = binary.NativeEndian.AppendUint16(b, i.Op)
		b = append(b, i.Jt, i.Jf)
		b = binary.NativeEndian.AppendUint32(b, i.K)
	}
	return b, nil
}

// decisions is the part of the filter for one machine. It returns in every case.
func decisions(r Rules, m *arch.Info) []bpf.Instruction {
	last := slices.Max(slices.Collect(maps.Keys(m.SyscallNumbers)))
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: atNumber, Size: 4},
		// What a newer kernel may have, and x32, whose numbers begin at 1<<30: programs know how to do without.
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(last), SkipFalse: 1},
		bpf.RetConstant{Val: noSystemCall},
	}
	for _, c := range conditions(r.Network, m == arch.I386) {
		if nr, ok := m.SyscallNames[c.name]; ok {
			program = append(program, c.assemble(uint32(nr))...)
		}
	}
	answer := func(verdict uint32, names string) {
		for name := range strings.FieldsSeq(names) {
			if nr, ok := m.SyscallNames[name]; ok { // a machine has not all of them
				program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipFalse: 1}, bpf.RetConstant{Val: verdict})
			}
		}
	}
	answer(noSystemCall, unseen)
	if m == arch.I386 {
		answer(noSystemCall, unseen32)
	}
	answer(refuse, denied)
	if !r.Mounts {
		answer(refuse, mounting)
	}
	if r.Addresses {
		answer(refuse, uncounted)
	}
	if !r.Network {
		answer(refuse, sockets)
	}
	if !r.Strict {
		return append(program, bpf.RetConstant{Val: allow})
	}
	answer(allow, ordinary+" socketcall")
	if r.Mounts {
		answer(allow, "mount umount2")
	}
	if r.Network {
		answer(allow, sockets)
	}
	return append(program, bpf.RetConstant{Val: refuse})
}

// condition is a call that is answered when all that it asks of the arguments is so.
type condition struct {
	name    string
	verdict uint32
	masks   []masked
}

// masked asks whether the bits of an argument are a value. Most arguments are 32 bits wide and the kernel
// does not look at the rest of the register, and so does this.
type masked struct {
	argument    uint32
	bits, value uint32
	not         bool // or whether they are another
}

const whole = ^uint32(0)

// assemble has the system call's number in the accumulator before and, where it does not return, after.
func (c condition) assemble(nr uint32) []bpf.Instruction {
	body := []bpf.Instruction{bpf.RetConstant{Val: c.verdict}}
	for _, m := range slices.Backward(c.masks) {
		jump := bpf.JumpIf{Cond: bpf.JumpEqual, Val: m.value, SkipFalse: uint8(len(body))}
		if m.not {
			jump.SkipTrue, jump.SkipFalse = jump.SkipFalse, 0
		}
		body = append([]bpf.Instruction{
			bpf.LoadAbsolute{Off: atArgument + 8*m.argument, Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: m.bits},
			jump,
		}, body...)
	}
	body = append(body, bpf.LoadAbsolute{Off: atNumber, Size: 4})
	return append([]bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: uint8(len(body))}}, body...)
}

const (
	slotPID    = 1
	ioprioUser = 3 // IOPRIO_WHO_USER
)

// conditions are the calls that are refused with some arguments only; of 32-bit programs or of all others.
func conditions(network, bits32 bool) (list []condition) {
	deny := func(name string, masks ...masked) { list = append(list, condition{name, refuse, masks}) }
	is := func(argument, value uint32) masked { return masked{argument: argument, bits: whole, value: value} }
	has := func(argument, bits uint32) masked { return masked{argument: argument, bits: bits, value: bits} }

	deny("clone", has(0, unix.CLONE_NEWUSER)) // the others need a capability, which only a new user namespace would give
	deny("ioctl", is(1, unix.TIOCSTI))
	deny("ioctl", is(1, unix.TIOCLINUX))
	deny("ioctl", is(1, unix.TIOCSETD)) // a terminal's line discipline is a protocol, which the kernel loads for whoever asks
	for _, name := range []string{"fcntl", "fcntl64"} {
		deny(name, is(1, unix.F_SETLEASE)) // who else opened the file would wait for 45 s; an ordinary user's sessions own the challenge
		deny(name, is(1, unix.F_NOTIFY))
	}
	// Huge pages are the host's, and no limit of memory counts them.
	if bits32 {
		deny("mmap2", has(3, unix.MAP_HUGETLB))
	} else {
		deny("mmap", has(3, unix.MAP_HUGETLB))
	}
	deny("memfd_create", has(1, unix.MFD_HUGETLB))
	// Who asks to be traced by its parent mostly wants to know whether a debugger is there already. It is told that all is well.
	list = append(list, condition{"ptrace", nothing, []masked{is(0, unix.PTRACE_TRACEME)}})
	// Process 1 is the session's slot, of the same user where the server is an ordinary one, and the next session gets what
	// is done to it.
	for _, name := range []string{"prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"} {
		deny(name, is(0, slotPID))
	}
	for _, name := range []string{"setpriority", "ioprio_set"} {
		deny(name, is(1, slotPID))
	}
	deny("setpriority", is(0, unix.PRIO_USER))
	deny("ioprio_set", is(0, ioprioUser))
	if network {
		return list
	}
	// The connection is a socket of the host's network: no questions about its interfaces (0x89..).
	deny("ioctl", masked{argument: 1, bits: 0xff00, value: 0x8900})
	// Fast open connects.
	deny("sendto", has(3, unix.MSG_FASTOPEN))
	// Of the connection's options only what programs set: others take memory that the server answers for (SO_RESERVE_MEM), load
	// protocols (TCP_ULP), join multicast groups on the host's interfaces.
	for _, o := range socketOptions {
		list = append(list, condition{"setsockopt", allow, []masked{is(1, o.level), is(2, o.option)}})
	}
	deny("setsockopt")
	// Pairs of ordinary Unix sockets only.
	deny("socketpair", masked{argument: 0, bits: whole, value: unix.AF_UNIX, not: true})
	// The C library of 32 bits makes its socket calls by this one, which says by a number which it is, and has their arguments in memory.
	// Those that are refused, or refused with some arguments, are refused; to receive, send, shut down and ask for names stays.
	for _, number := range []uint32{
		socketcallSocket, socketcallBind, socketcallConnect, socketcallListen, socketcallAccept, socketcallSocketpair,
		socketcallSendto, socketcallSetsockopt, socketcallSendmsg, socketcallAccept4, socketcallSendmmsg,
	} {
		deny("socketcall", is(0, number))
	}
	return list
}

// socketOptions are those of a connection that a session may set without a network.
var socketOptions = []struct{ level, option uint32 }{
	{unix.SOL_SOCKET, unix.SO_LINGER},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	{unix.SOL_SOCKET, unix.SO_SNDBUF},
	{unix.SOL_SOCKET, unix.SO_RCVBUF},
	{unix.SOL_SOCKET, unix.SO_RCVLOWAT},
	{unix.SOL_SOCKET, unix.SO_REUSEADDR}, // set without thinking, and of no effect
	{unix.SOL_SOCKET, unix.SO_REUSEPORT},
	{unix.SOL_SOCKET, unix.SO_OOBINLINE},
	{unix.SOL_SOCKET, unix.SO_PASSCRED},
	{unix.SOL_SOCKET, unix.SO_RCVTIMEO},
	{unix.SOL_SOCKET, unix.SO_SNDTIMEO},
	{unix.SOL_SOCKET, unix.SO_RCVTIMEO_NEW},
	{unix.SOL_SOCKET, unix.SO_SNDTIMEO_NEW},
	{unix.SOL_TCP, unix.TCP_NODELAY},
	{unix.SOL_TCP, unix.TCP_CORK},
	{unix.SOL_TCP, unix.TCP_QUICKACK},
	{unix.SOL_TCP, unix.TCP_KEEPIDLE},
	{unix.SOL_TCP, unix.TCP_KEEPINTVL},
	{unix.SOL_TCP, unix.TCP_KEEPCNT},
	{unix.SOL_TCP, unix.TCP_USER_TIMEOUT},
}

// The first argument of socketcall(2), of linux/net.h.
const (
	socketcallSocket     = 1
	socketcallBind       = 2
	socketcallConnect    = 3
	socketcallListen     = 4
	socketcallAccept     = 5
	socketcallSocketpair = 8
	socketcallSendto     = 11
	socketcallSetsockopt = 14
	socketcallSendmsg    = 16
	socketcallAccept4    = 18
	socketcallSendmmsg   = 20
)
