// hostile tries to break out of, or to exhaust, what it runs in. It reads the name of an attack from its
// input, and says "escaped: ..." for everything that worked and should not have, "done" at its end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ESCAPED(what, worked) do { if (worked) printf("escaped: %s\n", what); } while (0)

static void forkbomb(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;)
		fork();
}

static void *spin(void *unused) { for (;;) sched_yield(); return unused; }

static void threads(void)
{
	pthread_t t;
	int n = 0;
	while (n < 1000 && pthread_create(&t, NULL, spin, NULL) == 0)
		n++;
	ESCAPED("1000 threads", n == 1000);
}

static void hog(void)
{
	for (;;) {
		char *p = malloc(1 << 20);
		if (!p)
			break;
		memset(p, 1, 1 << 20);
	}
}

static void hog_children(void)
{
	for (int i = 0; i < 20; i++)
		if (fork() == 0) {
			hog();
			_exit(1);
		}
	while (wait(NULL) > 0)
		;
	puts("survived");
	exit(1);
}

static void hog_kernel(void)
{
	static char page[65536];
	for (;;) {
		int p[2];
		if (pipe(p) < 0)
			break;
		fcntl(p[1], F_SETFL, O_NONBLOCK);
		fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
		while (write(p[1], page, sizeof page) > 0)
			;
	}
	for (;;) {
		int fd = memfd_create("x", 0);
		if (fd < 0)
			break;
		while (write(fd, page, sizeof page) > 0)
			;
	}
}

static void fill(void)
{
	const char *dirs[] = { "/", "/tmp", "/dev", "/etc", "/usr", "/var/tmp", "/dev/shm", "/proc", "/.own", "/run" };
	for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char name[64];
		snprintf(name, sizeof name, "%s/filled", dirs[i]);
		ESCAPED(name, open(name, O_CREAT | O_WRONLY, 0600) >= 0);
	}
	ESCAPED("write to the program", open("/proc/self/exe", O_WRONLY) >= 0);
}

static void flood(void)
{
	static char text[65536];
	memset(text, 'x', sizeof text);
	for (;;)
		if (write(1, text, sizeof text) < 0)
			exit(1);
}

static void stubborn(void)
{
	for (int i = 1; i < 65; i++)
		signal(i, SIG_IGN);
	puts("ignoring");
	fflush(stdout);
	for (;;)
		pause();
}

static void daemonise(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			stubborn();
		}
		_exit(0);
	}
	wait(NULL);
}

static void files(void)
{
	int n = 0;
	while (n < 10000 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	ESCAPED("10000 files", n == 10000);
}

static void net(void)
{
	int kinds[][3] = {
		{ AF_INET, SOCK_STREAM, 0 }, { AF_INET, SOCK_DGRAM, 0 }, { AF_INET, SOCK_STREAM, 262 /* MPTCP */ },
		{ AF_INET6, SOCK_STREAM, 0 }, { AF_INET6, SOCK_DGRAM, 0 }, { AF_UNIX, SOCK_STREAM, 0 }, { AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE }, { 40 /* vsock */, SOCK_STREAM, 0 }, { AF_PACKET, SOCK_RAW, 0 },
		{ AF_INET, SOCK_RAW, IPPROTO_ICMP }, { 38 /* AF_ALG */, SOCK_SEQPACKET, 0 }, { AF_BLUETOOTH, SOCK_RAW, 0 },
	};
	int pair[2];
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (socket(kinds[i][0], kinds[i][1], kinds[i][2]) >= 0)
			printf("escaped: socket %d %d %d\n", kinds[i][0], kinds[i][1], kinds[i][2]);
	ESCAPED("no ordinary socket pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0);
	ESCAPED("TIPC socket pair", socketpair(AF_TIPC, SOCK_STREAM, 0, pair) >= 0);
}

// reconnect tries to use the player's own socket, which belongs to the host's network.
static void reconnect(void)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct sockaddr_in sshd = { .sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(0x7f000001) };
	struct ifreq ifs[8];
	struct ifconf conf = { .ifc_len = sizeof ifs, .ifc_req = ifs };
	ESCAPED("disconnect the player's socket", connect(0, &nowhere, sizeof nowhere) == 0);
	ESCAPED("connect the player's socket elsewhere", connect(0, (void *)&sshd, sizeof sshd) == 0);
	ESCAPED("connect by sending", sendto(0, "x", 1, MSG_FASTOPEN, (void *)&sshd, sizeof sshd) >= 0 || errno != EPERM);
	ESCAPED("listen on the player's socket", listen(0, 1) == 0);
	ESCAPED("see the host's interfaces", ioctl(0, SIOCGIFCONF, &conf) == 0);
	ESCAPED("see them, with a dirty register", syscall(SYS_ioctl, 0, 0x100000000UL | SIOCGIFCONF, &conf) == 0);
	ESCAPED("load a protocol", setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 3) == 0 || errno != EPERM);
}

static void look(void)
{
	ESCAPED("a process in /proc", access("/proc/1", F_OK) == 0 || access("/proc/self", F_OK) == 0);
	ESCAPED("the host's shadow", access("/etc/shadow", F_OK) == 0);
	ESCAPED("the host's home", access("/root", F_OK) == 0 || access("/home", F_OK) == 0);
	ESCAPED("the host's /var", access("/var/lib", F_OK) == 0 || access("/sys/kernel", F_OK) == 0);
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "PATH=", 5))
			printf("escaped: environment %s\n", *e);
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("escaped: descriptor %d is open\n", fd);
	ESCAPED("blocking mode", fcntl(0, F_GETFL) & O_NONBLOCK);
	DIR *d = opendir("/dev");
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && !strstr("null zero full random urandom fd stdin stdout stderr", e->d_name))
			printf("escaped: /dev/%s\n", e->d_name);
	ESCAPED("uid 0", getuid() == 0 || geteuid() == 0 || getgid() == 0);
	char name[64];
	gethostname(name, sizeof name);
	ESCAPED("host name", strcmp(name, "challenge"));
}

static void others(void)
{
	int n = 0;
	for (int pid = 1; pid < 5000; pid++)
		if (pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM))
			n++;
	printf("others: %d\n", n); // only the init of this session
	kill(1, SIGKILL); // nothing happens
	ESCAPED("ptrace", ptrace(PTRACE_ATTACH, 1, 0, 0) == 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	ESCAPED("process_vm_readv", syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0) >= 0);
	ESCAPED("kill all", kill(-1, SIGTERM) == 0); // init cannot be signalled
}

static int child(void *unused) { return unused != NULL; }

static void kernel(void)
{
	static char stack[65536];
	ESCAPED("unshare user", unshare(CLONE_NEWUSER) == 0);
	ESCAPED("unshare mount", unshare(CLONE_NEWNS) == 0);
	ESCAPED("clone user", clone(child, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL) > 0);
	ESCAPED("clone pid", clone(child, stack + sizeof stack, CLONE_NEWPID | SIGCHLD, NULL) > 0);
	ESCAPED("clone net", clone(child, stack + sizeof stack, CLONE_NEWNET | SIGCHLD, NULL) > 0);
	unsigned long args[11] = { CLONE_NEWUSER, 0, 0, 0, SIGCHLD };
	ESCAPED("clone3", syscall(435, args, sizeof args) >= 0 || errno != ENOSYS);
	ESCAPED("mount", mount("tmpfs", "/tmp", "tmpfs", 0, "") == 0);
	ESCAPED("remount", mount("/", "/", NULL, MS_REMOUNT | MS_BIND, "") == 0);
	ESCAPED("umount", umount2("/usr", MNT_DETACH) == 0);
	ESCAPED("fsopen", syscall(430, "tmpfs", 0) >= 0);
	ESCAPED("chroot", chroot("/usr") == 0);
	ESCAPED("pivot_root", syscall(SYS_pivot_root, "/usr", "/usr") == 0);
	ESCAPED("setns", setns(0, 0) == 0);
	ESCAPED("mknod", mknod("/tmp/sda", S_IFBLK | 0600, 0xfe00) == 0);
	ESCAPED("io_uring", syscall(425, 8, stack) >= 0);
	ESCAPED("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0);
	ESCAPED("userfaultfd, user mode", syscall(SYS_userfaultfd, 1) >= 0);
	ESCAPED("keyctl", syscall(SYS_keyctl, 0, -3, 1) >= 0);
	ESCAPED("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3) >= 0);
	ESCAPED("bpf", syscall(SYS_bpf, 0, stack, 64) >= 0 || errno != EPERM);
	ESCAPED("perf", syscall(SYS_perf_event_open, stack, 0, -1, -1, 0) >= 0);
	ESCAPED("setuid", setuid(0) == 0);
	ESCAPED("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
	ESCAPED("shared memory", shmget(1, 4096, IPC_CREAT | 0666) >= 0);
	ESCAPED("message queue", msgget(1, IPC_CREAT | 0666) >= 0);
	ESCAPED("POSIX queue", syscall(SYS_mq_open, "x", O_CREAT | O_RDWR, 0600, NULL) >= 0);
	ESCAPED("open by handle", syscall(SYS_open_by_handle_at, 0, stack, 0) >= 0 || errno != EPERM);
	ESCAPED("set the host name", sethostname("x", 1) == 0);
	ESCAPED("load a module", syscall(SYS_init_module, stack, 1, "") >= 0);
	ESCAPED("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0) >= 0);
	struct rlimit r;
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_max += 1;
	ESCAPED("raise a limit", setrlimit(RLIMIT_NOFILE, &r) == 0);
#ifdef __x86_64__
	long ret = 20; // getpid by the system calls of 32-bit x86
	__asm__ volatile("int $0x80" : "+a"(ret) : : "memory");
	ESCAPED("32-bit system calls", ret > 0);
	ESCAPED("x32 system calls", syscall(0x40000000 | SYS_getpid) >= 0);
#endif
	while (wait(NULL) > 0)
		;
}

// climb walks up and down out of every directory it can open.
static void climb(void)
{
	ESCAPED("..", chdir("/../../../../..") == 0 && access("root", F_OK) == 0);
	int fd = open("/", O_RDONLY);
	ESCAPED("openat ..", openat(fd, "../../root", O_RDONLY) >= 0);
	ESCAPED("link", link("/flag", "/tmp/x") == 0 || symlink("/", "/tmp/y") == 0);
	ESCAPED("setuid program", execl("/usr/bin/su", "su", "-c", "id", NULL) == 0);
}

static void sleeper(void) { for (;;) pause(); }
static void burn(void) { for (;;) ; }

static void exhaust_pids(void)
{
	int n = 0;
	while (n < 1000) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			sleeper();
		n++;
	}
	ESCAPED("1000 processes", n == 1000);
}

static void echo(void)
{
	char line[256];
	while (fgets(line, sizeof line, stdin)) {
		fputs(line, stdout);
		fflush(stdout);
	}
}

int main(void)
{
	static const struct { const char *name; void (*run)(void); } attacks[] = {
		{ "forkbomb", forkbomb }, { "threads", threads }, { "hog", hog }, { "hogchildren", hog_children }, { "hogkernel", hog_kernel },
		{ "fill", fill }, { "flood", flood }, { "stubborn", stubborn }, { "daemonise", daemonise }, { "files", files },
		{ "net", net }, { "reconnect", reconnect }, { "look", look }, { "others", others }, { "kernel", kernel },
		{ "climb", climb }, { "sleeper", sleeper }, { "burn", burn }, { "pids", exhaust_pids }, { "echo", echo },
	};
	char name[64];
	if (!fgets(name, sizeof name, stdin))
		return 2;
	name[strcspn(name, "\n")] = 0;
	for (unsigned i = 0; i < sizeof attacks / sizeof *attacks; i++)
		if (!strcmp(attacks[i].name, name)) {
			attacks[i].run();
			puts("done");
			return 0;
		}
	printf("escaped: no attack %s\n", name);
	return 2;
}
