package sandbox

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

// TestFilter asks the filters about every system call they name.
func TestFilter(t *testing.T) {
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	const allowed, eperm, enosys = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM), unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	for _, p := range []Policy{{}, {Syscalls: SyscallsStrict}, {Network: true}, {Syscalls: SyscallsStrict, Network: true}} {
		for i := range 4 {
			own, addr := i&1 != 0, i&2 != 0
			p.Memory = DefaultMemory
			program, err := filter(&plan{Policy: p, mounts: own, addr: addr})
			if err != nil {
				t.Fatal(err)
			}
			check := func(want uint32, name string, args ...uint64) {
				t.Helper()
				nr, ok := info.SyscallNames[name]
				if !ok {
					return
				}
				if got := verdict(t, program, uint32(info.ID), nr, args...); got != want {
					t.Errorf("%v %v: %s%v: got %#x, want %#x", p.Syscalls, own, name, args, got, want)
				}
			}
			for name := range strings.FieldsSeq(denied) {
				check(eperm, name, 1, 1, 1, 1, 1, 1)
			}
			check(unix.SECCOMP_RET_ERRNO, "ptrace", unix.PTRACE_TRACEME) // nothing is done, and 0 returned
			check(eperm, "ptrace", unix.PTRACE_ATTACH)
			check(eperm, "fcntl", 0, unix.F_SETLEASE)
			check(eperm, "fcntl", 0, unix.F_NOTIFY)
			check(allowed, "fcntl", 0, unix.F_SETFL)
			check(allowed, "fcntl", 0, unix.F_SETPIPE_SZ)
			files := map[bool]uint32{true: eperm, false: allowed}[addr]
			for name := range strings.FieldsSeq(uncounted) {
				check(files, name)
			}
			for name := range strings.FieldsSeq(ordinary) {
				if !strings.Contains(uncounted, name) {
					check(allowed, name)
				}
			}
			check(allowed, "sendto")
			check(allowed, "recvmsg")
			check(allowed, "mmap", 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			check(eperm, "mmap", 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB)
			check(eperm, "memfd_create", 0, unix.MFD_HUGETLB)
			net := map[bool]uint32{true: allowed, false: eperm}[p.Network]
			for name := range strings.FieldsSeq(sockets) {
				check(net, name)
			}
			check(net, "sendto", 0, 0, 0, unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
			check(net, "ioctl", 0, unix.SIOCGIFCONF)
			check(net, "ioctl", 0, 1<<32|unix.SIOCGIFCONF)
			check(net, "setsockopt", 0, unix.SOL_TCP, unix.TCP_ULP)
			check(allowed, "setsockopt", 0, unix.SOL_TCP, unix.TCP_NODELAY)
			check(allowed, "ioctl", 0, unix.TIOCINQ)
			check(allowed, "ioctl", 0, unix.TCGETS)
			check(eperm, "ioctl", 0, unix.TIOCSTI)
			check(allowed, "socketpair", unix.AF_UNIX)
			check(net, "socketpair", unix.AF_TIPC)
			check(net, "socketpair", unix.AF_INET6)
			check(eperm, "clone", unix.CLONE_NEWUSER|uint64(unix.SIGCHLD))
			check(allowed, "clone", uint64(unix.SIGCHLD))
			check(enosys, "clone3")
			check(map[bool]uint32{true: allowed, false: eperm}[own], "mount")
			if got := verdict(t, program, uint32(arch.I386.ID), 20); got != enosys {
				t.Errorf("another architecture: got %#x, want %#x", got, enosys)
			}
		}
	}
}

// TestOrdinaryNames: what every program needs is in the strict filter's list on every architecture, whatever it is called there.
func TestOrdinaryNames(t *testing.T) {
	listed := strings.Fields(ordinary)
	for _, machine := range []string{"x86_64", "aarch64"} {
		info, err := arch.GetInfo(machine)
		if err != nil {
			t.Fatal(err)
		}
		for _, names := range []string{
			"newfstatat fstatat", "fstat", "openat", "read", "write", "close", "mmap", "mprotect", "munmap", "brk", "execve", "exit_group", "clone",
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
