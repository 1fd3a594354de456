package sandbox

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter is inherited: it is loaded once, by the launcher, as the last step of its own preparation.
// Loading one for each child costs more than all the rest. So what the launcher itself needs afterwards
// (clone, setresuid, sendmsg, with a private /proc or /tmp mount) is allowed here, and what makes those
// harmless for the program is that it has no capabilities and cannot get any.

// denied are the system calls that challenges never need. They are refused with EPERM: they change the
// system, see other processes, or open large parts of the kernel that have had many holes.
const denied = `
	acct add_key adjtimex bpf chroot clock_adjtime clock_settime create_module delete_module fanotify_init
	fanotify_mark finit_module get_kernel_syms init_module inotify_init inotify_init1 io_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
	lookup_dcookie migrate_pages modify_ldt move_pages mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend
	mq_unlink msgctl msgget msgrcv msgsnd name_to_handle_at nfsservctl open_by_handle_at perf_event_open
	pidfd_getfd pivot_root process_madvise process_mrelease process_vm_readv process_vm_writev ptrace query_module quotactl
	quotactl_fd reboot request_key semctl semget semop semtimedop sethostname setdomainname setns settimeofday shmat shmctl
	shmdt shmget swapoff swapon syslog sysfs uselib unshare userfaultfd ustat vhangup vm86 vm86old
	io_uring_setup io_uring_enter io_uring_register memfd_secret
	mknod mknodat mbind set_mempolicy set_mempolicy_home_node cachestat lsm_get_self_attr lsm_set_self_attr lsm_list_modules`

// mounting are denied too, unless sessions have mounts of their own, which the launcher makes.
const mounting = `mount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick statmount listmount`

// sockets are denied without a network. The session's connection is a socket of the host's network: to
// disconnect and connect it again would lead out of the empty one. And descriptors that were sent in a circle live on, with all the memory
// behind them, until the kernel comes to look for such: the slot's next session would have to do without.
const sockets = `socket connect bind listen accept accept4 sendmsg sendmmsg`

// uncounted are denied where memory is limited by RLIMIT_AS, which counts a process's addresses: a file in memory is
// none of them, and a page that was lent to a pipe stays when its addresses are gone (with all of the huge page it is part of).
const uncounted = `memfd_create vmsplice`

// ordinary are the system calls of the strict filter: what the C library, Python and the launcher use to
// compute, to read and write, to start processes and threads, and to wait.
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
	sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler sched_setaffinity sched_yield select sendfile
	set_robust_list set_thread_area set_tid_address setgid setgroups setitimer setpgid setpriority setregid
	setresgid setresuid setreuid setrlimit setsid setuid shutdown sigaltstack socketpair splice stat statfs statx
	symlink symlinkat sync_file_range sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
	timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat
	utime utimensat utimes vfork vmsplice wait4 waitid write writev`

// filter assembles the plan's seccomp filter.
func filter(p *plan) ([]byte, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	// An architecture has not all of them.
	known := func(list string) (names []string) {
		for _, name := range strings.Fields(list) {
			if _, ok := info.SyscallNames[name]; ok {
				names = append(names, name)
			}
		}
		return names
	}
	const noSystemCall = seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)
	// The assembler lets system calls of another architecture (int 0x80) pass to the default action.
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(info.ID), SkipTrue: 1},
		bpf.RetConstant{Val: uint32(noSystemCall)},
	}
	add := func(p seccomp.Policy) error {
		part, err := p.Assemble()
		if err != nil {
			return fmt.Errorf("assemble the syscall filter: %w", err)
		}
		program = append(program, part...)
		return nil
	}
	// And after a condition that does not hold it goes on with the argument where the number was. So each
	// call with conditions is decided on its own, before the others.
	conditional := conditions(p.Policy)
	if p.addr && p.Memory > 0 {
		delete(conditional, "memfd_create") // uncounted, whatever its arguments
	}
	for name, c := range conditional {
		nr, ok := info.SyscallNames[name]
		if !ok {
			continue
		}
		only := seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{{NamesWithCondtions: c, Action: seccomp.ActionErrno}}}
		at := len(program)
		program = append(program, bpf.LoadAbsolute{Off: 0, Size: 4}, nil, nil)
		if err := add(only); err != nil {
			return nil, err
		}
		program[at+1] = bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipTrue: 1}
		program[at+2] = bpf.Jump{Skip: uint32(len(program) - at - 3)}
	}
	// Who asks to be traced by its parent mostly wants to know whether a debugger is there already. It is told that all is well.
	if nr, ok := info.SyscallNames["ptrace"]; ok {
		const firstArgument = 16 // its lower half, of a struct seccomp_data
		program = append(program,
			bpf.LoadAbsolute{Off: 0, Size: 4}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipFalse: 3},
			bpf.LoadAbsolute{Off: firstArgument, Size: 4}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PTRACE_TRACEME, SkipFalse: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO})
	}
	deny := seccomp.SyscallGroup{Names: known(denied), Action: seccomp.ActionErrno} // EPERM
	if !p.mounts {
		deny.Names = append(deny.Names, known(mounting)...)
	}
	if p.addr && p.Memory > 0 {
		deny.Names = append(deny.Names, known(uncounted)...)
	}
	if !p.Network {
		deny.Names = append(deny.Names, known(sockets)...)
	}
	rest := seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		// The C library falls back to clone, whose flags a filter can see.
		Syscalls: []seccomp.SyscallGroup{{Names: known("clone3"), Action: noSystemCall}, deny},
	}
	if p.Syscalls == SyscallsStrict {
		allow := ordinary
		if p.mounts {
			allow += " mount umount2"
		}
		if p.Network {
			allow += " sendto setsockopt " + sockets
		}
		rest.DefaultAction = seccomp.ActionErrno
		rest.Syscalls = append(rest.Syscalls, seccomp.SyscallGroup{Names: known(allow), Action: seccomp.ActionAllow})
	}
	if err := add(rest); err != nil {
		return nil, err
	}
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

const (
	slotPID    = 1
	ioprioUser = 3 // IOPRIO_WHO_USER
)

// conditions are the calls that are denied with some arguments only. Most arguments are 32 bits wide and
// the kernel does not look at the rest of the register, so conditions compare bits, never whole words.
func conditions(p Policy) map[string][]seccomp.NameWithConditions {
	list := map[string][]seccomp.NameWithConditions{}
	deny := func(name string, c ...seccomp.Condition) {
		list[name] = append(list[name], seccomp.NameWithConditions{Name: name, Conditions: c})
	}
	const newNamespaces = unix.CLONE_NEWUSER // the others need a capability, which only a new user namespace would give
	deny("clone", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: newNamespaces})
	deny("ioctl", equals(1, unix.TIOCSTI)...)
	deny("ioctl", equals(1, unix.TIOCLINUX)...)
	deny("fcntl", equals(1, unix.F_SETLEASE)...) // who else opened the file would wait for 45 s; an ordinary user's sessions own the challenge
	deny("fcntl", equals(1, unix.F_NOTIFY)...)
	// Huge pages are the host's, and no limit of memory counts them.
	deny("mmap", seccomp.Condition{Argument: 3, Operation: seccomp.BitsSet, Value: unix.MAP_HUGETLB})
	deny("memfd_create", seccomp.Condition{Argument: 1, Operation: seccomp.BitsSet, Value: unix.MFD_HUGETLB})
	// Process 1 is the session's slot, of the same user where the server is an ordinary one, and the next session gets what
	// is done to it.
	for _, name := range []string{"prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"} {
		deny(name, equals(0, slotPID)...)
	}
	for _, name := range []string{"setpriority", "ioprio_set"} {
		deny(name, equals(1, slotPID)...)
	}
	deny("setpriority", equals(0, unix.PRIO_USER)...)
	deny("ioprio_set", equals(0, ioprioUser)...)
	if p.Network {
		return list
	}
	// The connection is a socket of the host's network: no questions about its interfaces (0x89..).
	const isSocket, notSocket = 0x8900, 0x7600
	var ask []seccomp.Condition
	for b := uint64(isSocket); b != 0; b &= b - 1 {
		ask = append(ask, seccomp.Condition{Argument: 1, Operation: seccomp.BitsSet, Value: b & -b})
	}
	deny("ioctl", append(ask, seccomp.Condition{Argument: 1, Operation: seccomp.BitsNotSet, Value: notSocket})...)
	// Fast open connects.
	fast := func(arg uint32) seccomp.Condition {
		return seccomp.Condition{Argument: arg, Operation: seccomp.BitsSet, Value: unix.MSG_FASTOPEN}
	}
	deny("sendto", fast(3))
	// TCP_ULP loads protocols.
	deny("setsockopt", append(equals(1, unix.SOL_TCP), equals(2, unix.TCP_ULP)...)...)
	// Pairs of ordinary Unix sockets only.
	deny("socketpair", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: 0xffffffff &^ unix.AF_UNIX})
	return list
}

// equals are the conditions under which the low 32 bits of an argument are v.
func equals(arg uint32, v uint32) []seccomp.Condition {
	list := make([]seccomp.Condition, 0, bits.OnesCount32(v)+1)
	for rest := uint64(v); rest != 0; rest &= rest - 1 {
		list = append(list, seccomp.Condition{Argument: arg, Operation: seccomp.BitsSet, Value: rest & -rest})
	}
	return append(list, seccomp.Condition{Argument: arg, Operation: seccomp.BitsNotSet, Value: uint64(^v)})
}
