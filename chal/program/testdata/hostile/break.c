// Attacks on the walls: namespaces, mounts, privileges, and parts of the kernel that have had many holes.
#include "attack.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <grp.h>

static char memory[65536] __attribute__((aligned(4096)));

static void unshare_all(const char *unused)
{
	TRY("user", unshare(CLONE_NEWUSER) == 0);
	TRY("user and mount", unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	TRY("mount", unshare(CLONE_NEWNS) == 0);
	TRY("net", unshare(CLONE_NEWNET) == 0);
	TRY("pid", unshare(CLONE_NEWPID) == 0);
	TRY("ipc", unshare(CLONE_NEWIPC) == 0);
	TRY("another's", setns(0, 0) == 0);
}

static int child(void *unused) { return unused != NULL; }

static void clone_all(const char *unused)
{
	char *top = memory + sizeof memory;
	TRY("user", clone(child, top, CLONE_NEWUSER | SIGCHLD, NULL) > 0);
	TRY("user and net", clone(child, top, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, NULL) > 0);
	TRY("user, in a dirty register", syscall(SYS_clone, 0x100000000UL | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) > 0);
	while (wait(NULL) > 0)
		;
}

static void clone_others(const char *unused)
{
	char *top = memory + sizeof memory;
	TRY("mount", clone(child, top, CLONE_NEWNS | SIGCHLD, NULL) > 0);
	TRY("pid", clone(child, top, CLONE_NEWPID | SIGCHLD, NULL) > 0);
	TRY("net", clone(child, top, CLONE_NEWNET | SIGCHLD, NULL) > 0);
	while (wait(NULL) > 0)
		;
}

static void clone3_user(const char *unused)
{
	unsigned long args[11] = { CLONE_NEWUSER, 0, 0, 0, SIGCHLD };
	TRY("user", syscall(435, args, sizeof args) >= 0);
}

static void mounts(const char *unused)
{
	TRY("mount", mount("tmpfs", "/tmp", "tmpfs", 0, "") == 0);
	TRY("mount /proc", mount("proc", "/proc", "proc", 0, "") == 0);
	TRY("make the root writable", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
	TRY("bind", mount("/usr", "/tmp", NULL, MS_BIND, NULL) == 0);
	TRY("unmount", umount2("/usr", MNT_DETACH) == 0);
	TRY("fsopen", syscall(430, "tmpfs", 0) >= 0);
	TRY("open_tree", syscall(428, -100, "/", 1) >= 0);
	TRY("move_mount", syscall(429, -100, "/usr", -100, "/tmp", 0) == 0);
	TRY("mount_setattr", syscall(442, -100, "/", 0, memory, 32) == 0);
}

// climb tries the ways out of a root.
static void climb(const char *unused)
{
	struct stat root, up;
	stat("/", &root);
	TRY("chroot", chroot("/usr") == 0);
	TRY("chroot here", chroot(".") == 0);
	TRY("pivot_root", syscall(SYS_pivot_root, "/usr", "/usr") == 0);
	TRY("a directory to escape with", mkdir("/x", 0700) == 0);
	TRY("a link out", symlink("/", "/x") == 0);
	for (int fd = 0; fd < 64; fd++)
		ESCAPED("a directory of the host is open", fchdir(fd) == 0);
	stat("/../../../../../..", &up);
	ESCAPED("climb by ..", up.st_ino != root.st_ino || up.st_dev != root.st_dev);
	int fd = open("/", O_RDONLY);
	fstatat(fd, "../../..", &up, 0);
	ESCAPED("climb from a descriptor", up.st_ino != root.st_ino || up.st_dev != root.st_dev);
	TRY("the host's root by handle", syscall(SYS_open_by_handle_at, fd, memory, 0) >= 0);
	TRY("handles", syscall(SYS_name_to_handle_at, fd, "usr", memory, memory + 512, 0) == 0);
}

static void io_uring(const char *unused)
{
	TRY("set up", syscall(425, 8, memory) >= 0);
	TRY("enter", syscall(426, 0, 1, 0, 0, 0, 0) >= 0);
	TRY("register", syscall(427, -1, 0, memory, 0) >= 0);
}

static void userfault(const char *unused)
{
	TRY("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0);
	TRY("user mode only", syscall(SYS_userfaultfd, 1) >= 0);
}

static void keys(const char *unused)
{
	TRY("keyctl", syscall(SYS_keyctl, 0, -3, 1) >= 0);
	TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3) >= 0);
	TRY("request_key", syscall(SYS_request_key, "user", "x", "", -3) >= 0);
}

static void bpf(const char *unused) { TRY("bpf", syscall(SYS_bpf, 0, memory, 64) >= 0); }

static void perf(const char *unused) { TRY("perf_event_open", syscall(SYS_perf_event_open, memory, 0, -1, -1, 0) >= 0); }

static void set_uid(const char *unused)
{
	TRY("setuid", setuid(0) == 0);
	TRY("setresuid", setresuid(-1, 0, 0) == 0);
	TRY("setgid", setgid(0) == 0);
	TRY("setgroups", setgroups(0, NULL) == 0);
	unsigned head[2] = { 0x20080522, 0 }, caps[6] = { -1, -1, 0, -1, -1, 0 };
	TRY("capset", syscall(SYS_capset, head, caps) == 0);
	struct statvfs fs;
	ESCAPED("setuid programs", statvfs("/usr/bin", &fs) < 0 || !(fs.f_flag & ST_NOSUID));
	ESCAPED("new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
}

static void mk_nod(const char *unused)
{
	TRY("a disk", mknod("/tmp/sda", S_IFBLK | 0600, 0xfe00) == 0);
	TRY("memory", mknod("/tmp/mem", S_IFCHR | 0600, 0x0101) == 0);
	TRY("mknodat", mknodat(-100, "/dev/x", S_IFCHR | 0600, 0x0101) == 0);
}

static void limits(const char *unused)
{
	struct rlimit r;
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_max++;
	TRY("more files", setrlimit(RLIMIT_NOFILE, &r) == 0);
	getrlimit(RLIMIT_CPU, &r);
	r.rlim_max++;
	TRY("more time", setrlimit(RLIMIT_CPU, &r) == 0);
	struct rlimit core = { 1 << 20, 1 << 20 };
	TRY("core files", setrlimit(RLIMIT_CORE, &core) == 0);
	// Process 1 serves the sessions after this one.
	TRY("another's time", prlimit(1, RLIMIT_CPU, &(struct rlimit){ 0, 0 }, NULL) == 0);
	TRY("another's priority", setpriority(PRIO_PROCESS, 1, 19) == 0);
	TRY("a user's priority", setpriority(PRIO_USER, 0, 19) == 0);
	TRY("another's disk priority", syscall(SYS_ioprio_set, 1, 1, 3 << 13) == 0);
	TRY("a user's disk priority", syscall(SYS_ioprio_set, 3, 0, 3 << 13) == 0);
	TRY("another's processors", syscall(SYS_sched_setaffinity, 1, 8, (unsigned long[]){ 1 }) >= 0);
	TRY("another's scheduler", sched_setscheduler(1, SCHED_BATCH, &(struct sched_param){ 0 }) == 0);
	struct sched_param realtime = { .sched_priority = 1 };
	TRY("real time", sched_setscheduler(0, SCHED_FIFO, &realtime) == 0);
}

static void host(const char *unused)
{
	TRY("the host name", sethostname("x", 1) == 0);
	TRY("a module", syscall(SYS_init_module, memory, 1, "") >= 0);
	TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0) >= 0);
	TRY("the clock", settimeofday(&(struct timeval){ 0, 0 }, NULL) == 0);
	TRY("the kernel's log", syscall(SYS_syslog, 3, memory, 100) >= 0);
	TRY("swap", syscall(SYS_swapoff, "/") == 0);
	TRY("typing for the host", ioctl(0, TIOCSTI, "x") == 0);
}

#if defined(__x86_64__) || defined(__i386__)
// call32 makes a system call of 32-bit programs, which 64-bit ones can make, too.
static int call32(long nr, long a, long b, long c, long d)
{
	int ret = nr;
	__asm__ volatile("int $0x80" : "+a"(ret) : "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	if (ret >= 0 || ret < -4095)
		return ret;
	errno = -ret;
	return -1;
}

// Numbers of theirs. Many calls are in socketcall and ipc, by a number of their own and arguments in memory.
enum { MOUNT = 21, UMOUNT = 22, PTRACE = 26, UMOUNT2 = 52, OLD_MMAP = 90, SOCKETCALL = 102, IPC = 117, CLONE = 120, KEYCTL = 288, UNSHARE = 310,
	PERF = 336, SETNS = 346, BPF = 357, SOCKET = 359, CONNECT = 362, IO_URING = 425, CLONE3 = 435 };
#endif

// abis are other doors into the kernel, which a filter by number could forget.
static void abis(const char *unused)
{
#if defined(__x86_64__) || defined(__i386__)
	int *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0); // where 32 bits reach
	long at = (long)low, more = (long)(low + 16), root = (long)(low + 32);
	ESCAPED("a test without memory", low == MAP_FAILED);
	strcpy((char *)root, "/");
	struct { const char *what; int number, arguments[3]; } sockets[] = {
		{ "socketcall, a socket", 1, { AF_INET, SOCK_STREAM, 0 } }, { "socketcall, a netlink socket", 1, { AF_NETLINK, SOCK_RAW, 0 } },
		{ "socketcall, bind", 2, { 0, more, 16 } }, { "socketcall, disconnect", 3, { 0, more, 16 } }, { "socketcall, listen", 4, { 0, 1, 0 } },
		{ "socketcall, accept", 5, { 0, 0, 0 } }, { "socketcall, a TIPC pair", 8, { 30, SOCK_SEQPACKET, 0 } }, { "socketcall, sendto", 11, { 0, more, 1 } },
		{ "socketcall, setsockopt", 14, { 0, 6, 31 } }, { "socketcall, sendmsg", 16, { 0, more, 0 } }, { "socketcall, accept4", 18, { 0, 0, 0 } },
		{ "socketcall, sendmmsg", 20, { 0, more, 1 } },
	};
	for (int i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		memcpy(low, sockets[i].arguments, sizeof sockets[i].arguments);
		TRY(sockets[i].what, call32(SOCKETCALL, sockets[i].number, at, 0, 0) >= 0);
	}
	TRY("socket", call32(SOCKET, AF_INET, SOCK_STREAM, 0, 0) >= 0);
	TRY("connect", call32(CONNECT, 0, more, 16, 0) >= 0);
	TRY("a user namespace by clone", call32(CLONE, CLONE_NEWUSER | SIGCHLD, 0, 0, 0) >= 0);
	TRY("a user namespace by clone3", call32(CLONE3, more, 64, 0, 0) >= 0);
	TRY("unshare", call32(UNSHARE, CLONE_NEWUSER, 0, 0, 0) >= 0);
	TRY("setns", call32(SETNS, 0, 0, 0, 0) >= 0);
	TRY("mount", call32(MOUNT, root, root, root, 0) >= 0);
	TRY("umount", call32(UMOUNT, root, 0, 0, 0) >= 0);
	TRY("umount2", call32(UMOUNT2, root, 0, 0, 0) >= 0);
	TRY("tracing the slot", call32(PTRACE, 16, 1, 0, 0) >= 0);
	TRY("shared memory of System V", call32(IPC, 23, 1, 4096, 01600) >= 0);
	TRY("keys", call32(KEYCTL, 0, -3, 1, 0) >= 0);
	TRY("perf", call32(PERF, more, 0, -1, -1) >= 0);
	TRY("bpf", call32(BPF, 0, more, 16, 0) >= 0);
	TRY("io_uring", call32(IO_URING, 1, more, 0, 0) >= 0);
	int huge[] = { 0, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0 };
	memcpy(low, huge, sizeof huge);
	TRY("huge pages by the old mmap", call32(OLD_MMAP, at, 0, 0, 0) != -1);
	TRY("32-bit system calls that are none", call32(1000, 0, 0, 0, 0) >= 0);
#else
	TRY("tracing the slot", syscall(SYS_ptrace, 16, 1, 0, 0) >= 0);
#endif
	TRY("x32 system calls", syscall(0x40000000 | SYS_getpid) >= 0);
	TRY("a system call that is none", syscall(100000) >= 0);
}

const struct attack breaking[] = {
	{ "unshare", unshare_all }, { "clone", clone_all }, { "clonemore", clone_others }, { "clone3", clone3_user }, { "mount", mounts }, { "climb", climb },
	{ "io_uring", io_uring }, { "userfaultfd", userfault }, { "keyctl", keys }, { "bpf", bpf }, { "perf", perf }, { "setuid", set_uid },
	{ "mknod", mk_nod }, { "limits", limits }, { "host", host }, { "abis", abis }, { NULL },
};
