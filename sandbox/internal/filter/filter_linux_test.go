package filter

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// verdict runs an assembled filter as the kernel would.
func verdict(t *testing.T, program []byte, audit uint32, nr int, args ...uint64) uint32 {
	t.Helper()
	var raw []bpf.RawInstruction
	for ; len(program) > 0; program = program[8:] {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.NativeEndian.Uint16(program), Jt: program[2], Jf: program[3], K: binary.NativeEndian.Uint32(program[4:]),
		})
	}
	list, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter has unknown instructions")
	}
	vm, err := bpf.NewVM(list)
	if err != nil {
		t.Fatal(err)
	}
	// struct seccomp_data; the machine reads words in network order.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data, uint32(nr))
	binary.BigEndian.PutUint32(data[4:], audit)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	v, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

// TestFilter asks the filters about every system call they name, with the numbers of every machine they know.
func TestFilter(t *testing.T) {
	machines, err := machines()
	if err != nil {
		t.Fatal(err)
	}
	const eperm, enosys = refuse, noSystemCall
	for _, r := range []Rules{{}, {Strict: true}, {Network: true}, {Strict: true, Network: true}} {
		for i := range 4 * len(machines) {
			r.Mounts, r.Addresses = i&1 != 0, i&2 != 0
			m := machines[i/4]
			program, err := Assemble(r)
			if err != nil {
				t.Fatal(err)
			}
			check := func(want uint32, name string, args ...uint64) {
				t.Helper()
				nr, ok := m.SyscallNames[name]
				if !ok {
					return
				}
				if got := verdict(t, program, uint32(m.ID), nr, args...); got != want {
					t.Errorf("%s %+v: %s%v: got %#x, want %#x", m.Name, r, name, args, got, want)
				}
			}
			for name := range strings.FieldsSeq(denied) {
				check(eperm, name, 1, 1, 1, 1, 1, 1)
			}
			check(nothing, "ptrace", unix.PTRACE_TRACEME)
			check(eperm, "ptrace", unix.PTRACE_ATTACH)
			for _, name := range []string{"fcntl", "fcntl64"} {
				check(eperm, name, 0, unix.F_SETLEASE)
				check(eperm, name, 0, 1<<32|unix.F_SETLEASE)
				check(eperm, name, 0, unix.F_NOTIFY)
				check(allow, name, 0, unix.F_SETFL)
				check(allow, name, 0, unix.F_SETPIPE_SZ)
			}
			files := map[bool]uint32{true: eperm, false: allow}[r.Addresses]
			for name := range strings.FieldsSeq(uncounted) {
				check(files, name)
			}
			for name := range strings.FieldsSeq(ordinary) {
				if !strings.Contains(uncounted+" setsockopt", name) && name != "socketpair" && (name != "mmap" || m != arch.I386) {
					check(allow, name)
				}
			}
			check(allow, "sendto")
			check(allow, "recvmsg")
			mmap := "mmap"
			if m == arch.I386 {
				mmap = "mmap2"
				check(enosys, "mmap") // what it is asked is in memory
			}
			check(allow, mmap, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			check(eperm, mmap, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB)
			check(eperm, "memfd_create", 0, unix.MFD_HUGETLB)
			for _, name := range []string{"prlimit64", "sched_setaffinity"} {
				check(eperm, name, slotPID)
				check(allow, name, slotPID+1)
			}
			check(eperm, "setpriority", unix.PRIO_PROCESS, slotPID)
			check(eperm, "setpriority", unix.PRIO_USER, 0)
			check(allow, "setpriority", unix.PRIO_PROCESS, 0)
			net := map[bool]uint32{true: allow, false: eperm}[r.Network]
			for name := range strings.FieldsSeq(sockets) {
				check(net, name)
			}
			check(net, "sendto", 0, 0, 0, unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
			check(net, "ioctl", 0, unix.SIOCGIFCONF)
			check(net, "ioctl", 0, 1<<32|unix.SIOCGIFCONF)
			check(net, "setsockopt", 0, unix.SOL_TCP, unix.TCP_ULP)
			for _, o := range socketOptions {
				check(allow, "setsockopt", 0, uint64(o.level), uint64(o.option))
			}
			check(net, "setsockopt", 0, unix.SOL_SOCKET, 73) // SO_RESERVE_MEM
			check(net, "setsockopt", 0, unix.SOL_SOCKET, unix.SO_ZEROCOPY)
			check(net, "setsockopt", 0, unix.SOL_IP, unix.MCAST_JOIN_GROUP)
			check(net, "setsockopt", 0, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
			check(allow, "ioctl", 0, unix.TIOCINQ)
			check(allow, "ioctl", 0, unix.TCGETS)
			check(eperm, "ioctl", 0, unix.TIOCSTI)
			check(eperm, "ioctl", 0, unix.TIOCSETD)
			check(allow, "socketpair", unix.AF_UNIX)
			check(net, "socketpair", unix.AF_TIPC)
			check(net, "socketpair", unix.AF_INET6)
			for _, number := range []uint64{
				socketcallSocket, socketcallBind, socketcallConnect, socketcallListen, socketcallAccept, socketcallSocketpair,
				socketcallSendto, socketcallSetsockopt, socketcallSendmsg, socketcallAccept4, socketcallSendmmsg,
			} {
				check(net, "socketcall", number)
				check(net, "socketcall", 1<<32|number)
			}
			for _, number := range []uint64{9, 10, 13} { // send, recv, shutdown
				check(allow, "socketcall", number)
			}
			check(eperm, "clone", unix.CLONE_NEWUSER|uint64(unix.SIGCHLD))
			check(allow, "clone", uint64(unix.SIGCHLD))
			check(enosys, "clone3")
			mount := map[bool]uint32{true: allow, false: eperm}[r.Mounts]
			check(mount, "mount")
			check(mount, "umount2")
			if r.Strict {
				check(eperm, "umount") // nobody's but old programs'
			}
			const x32 = 1 << 30
			for _, nr := range []int{1000, x32, x32 | 1, x32 | 41} { // what the filter was not made for
				if got := verdict(t, program, uint32(m.ID), nr); got != enosys {
					t.Errorf("%s %d: got %#x, want %#x", m.Name, nr, got, enosys)
				}
			}
			if got := verdict(t, program, uint32(arch.ARM.ID), 20); got != enosys {
				t.Errorf("another machine: got %#x, want %#x", got, enosys)
			}
		}
	}
}

// TestKnownNames: a name that no machine knows is a mistake, and refuses nothing.
func TestKnownNames(t *testing.T) {
	lists := []string{denied, mounting, sockets, uncounted, ordinary, unseen, unseen32}
	for _, c := range append(conditions(false, false), conditions(false, true)...) {
		lists = append(lists, c.name)
	}
	for name := range strings.FieldsSeq(strings.Join(lists, " ")) {
		if !slices.ContainsFunc([]*arch.Info{arch.X86_64, arch.AARCH64, arch.I386}, func(m *arch.Info) bool {
			_, ok := m.SyscallNames[name]
			return ok
		}) {
			t.Errorf("no machine knows %s", name)
		}
	}
}

// TestOrdinaryNames: what every program needs is in the strict filter's list on every architecture, whatever it is called there.
func TestOrdinaryNames(t *testing.T) {
	listed := strings.Fields(ordinary)
	for _, machine := range []string{"x86_64", "aarch64", "i386"} {
		info, err := arch.GetInfo(machine)
		if err != nil {
			t.Fatal(err)
		}
		for _, names := range []string{
			"newfstatat fstatat fstatat64", "fstat", "openat", "read", "write", "close", "mmap", "mprotect", "munmap", "brk", "execve", "exit_group", "clone",
			"wait4", "ppoll", "pselect6", "readlinkat", "faccessat", "getdents64", "getrandom", "futex", "rt_sigaction", "rt_sigreturn", "pipe2",
			"dup3", "lseek", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "ioctl", "fcntl", "setsid", "setpgid", "landlock_restrict_self",
		} {
			ok := slices.ContainsFunc(strings.Fields(names), func(name string) bool {
				_, known := info.SyscallNames[name]
				return known && slices.Contains(listed, name)
			})
			if !ok {
				t.Errorf("%s: %s is not in the list", machine, names)
			}
		}
	}
}
