// Attacks on what is not the session's own: the network, files, other processes.
#include "attack.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <stddef.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/un.h>

extern char **environ;

// reach makes a socket and connects it, so that what stops either is seen.
static void reach(const char *what, int family, int type, int protocol, const void *addr, socklen_t size)
{
	errno = 0;
	int fd = socket(family, type, protocol);
	report(what, fd >= 0 && connect(fd, addr, size) == 0);
}

static void tcp(const char *port)
{
	struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 80), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 out6 = { .sin6_family = AF_INET6, .sin6_port = htons(port ? atoi(port) : 80), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	reach("TCP", AF_INET, SOCK_STREAM, 0, &out, sizeof out);
	reach("TCP over IPv6", AF_INET6, SOCK_STREAM, 0, &out6, sizeof out6);
}

static void udp(const char *port)
{
	struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 53), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 out6 = { .sin6_family = AF_INET6, .sin6_port = htons(port ? atoi(port) : 53), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	reach("UDP", AF_INET, SOCK_DGRAM, 0, &out, sizeof out);
	reach("UDP over IPv6", AF_INET6, SOCK_DGRAM, 0, &out6, sizeof out6);
}

static void mptcp(const char *port)
{
	struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 80), .sin_addr.s_addr = htonl(0x7f000001) };
	reach("MPTCP", AF_INET, SOCK_STREAM, 262, &out, sizeof out);
}

static void unix_path(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	strncpy(to.sun_path, path ? path : "/run/x", sizeof to.sun_path - 1);
	reach("Unix socket by path", AF_UNIX, SOCK_STREAM, 0, &to, sizeof to);
	reach("Unix datagrams by path", AF_UNIX, SOCK_DGRAM, 0, &to, sizeof to);
}

static void unix_abstract(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	strncpy(to.sun_path + 1, name ? name : "victim", sizeof to.sun_path - 2);
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(to.sun_path + 1);
	reach("abstract Unix socket", AF_UNIX, SOCK_STREAM, 0, &to, size);
	reach("abstract Unix datagrams", AF_UNIX, SOCK_DGRAM, 0, &to, size);
}

static void vsock(const char *unused)
{
	struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1 };
	reach("vsock", AF_VSOCK, SOCK_STREAM, 0, &host, sizeof host);
}

static void netlink(const char *unused)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	reach("netlink, routes", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &kernel, sizeof kernel);
	reach("netlink, netfilter", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, &kernel, sizeof kernel);
}

static void raw_sockets(const char *unused)
{
	TRY("packets", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
	TRY("ICMP", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0);
	TRY("the kernel's ciphers", socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0);
	TRY("Bluetooth", socket(AF_BLUETOOTH, SOCK_RAW, 0) >= 0);
	int pair[2];
	TRY("a TIPC pair", socketpair(AF_TIPC, SOCK_STREAM, 0, pair) == 0);
#ifdef SYS_socketcall // by that, which is how the C library asks there, pairs of all kinds are refused
	ESCAPED("no ordinary pair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair) < 0);
#else
	ESCAPED("no ordinary pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0);
#endif
}

// reconnect tries to use the player's own socket, which belongs to the host's network.
static void reconnect(const char *unused)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct sockaddr_in sshd = { .sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(0x7f000001) };
	struct ifreq ifs[8];
	struct ifconf conf = { .ifc_len = sizeof ifs, .ifc_req = ifs };
	TRY("disconnect it", connect(0, &nowhere, sizeof nowhere) == 0);
	TRY("connect it elsewhere", connect(0, (void *)&sshd, sizeof sshd) == 0);
	TRY("connect by sending", sendto(0, "x", 1, MSG_FASTOPEN, (void *)&sshd, sizeof sshd) >= 0);
	TRY("listen on it", listen(0, 1) == 0);
	TRY("accept on it", accept(0, NULL, NULL) >= 0);
	TRY("the host's interfaces", ioctl(0, SIOCGIFCONF, &conf) == 0);
	TRY("them, with a dirty register", syscall(SYS_ioctl, 0, 0x100000000UL | SIOCGIFCONF, &conf) == 0);
	TRY("load a protocol", setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 3) == 0);
}

static void proc(const char *unused)
{
	const char *names[] = { "/proc/1/environ", "/proc/1/root", "/proc/1/fd/0", "/proc/1/mem", "/proc/self/mem", "/proc/cpuinfo",
		"/proc/kcore", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/mounts", "/sys/kernel" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		TRY(names[i], open(names[i], O_RDONLY) >= 0);
}

// own_proc looks around in a /proc of the session's own.
static void own_proc(const char *unused)
{
	const char *names[] = { "/proc/1/environ", "/proc/1/mem", "/proc/1/cwd/.", "/proc/kcore", "/proc/sysrq-trigger",
		"/proc/sys/kernel/core_pattern", "/proc/keys", "/proc/kallsyms" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		TRY(names[i], open(names[i], O_RDONLY) >= 0);
	ESCAPED("no /proc/self", access("/proc/self/stat", R_OK) < 0);
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));)
		if (atoi(e->d_name) > 0 && atoi(e->d_name) != getpid())
			printf("escaped: process %s is seen\n", e->d_name);
}

static void environment(const char *unused)
{
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "PATH=", 5))
			printf("escaped: environment %s\n", *e);
	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("escaped: descriptor %d is open\n", fd);
	TRY("descriptor 3", fcntl(3, F_GETFD) >= 0);
	ESCAPED("non-blocking mode", fcntl(0, F_GETFL) & O_NONBLOCK);
	ESCAPED("uid 0", getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0);
	ESCAPED("groups", getgroups(0, NULL) > 0);
	char name[64];
	gethostname(name, sizeof name);
	ESCAPED("the host's name", strcmp(name, "challenge"));
}

static void host_files(const char *unused)
{
	const char *names[] = { "/etc/shadow", "/root", "/home", "/var/lib", "/boot", "/run/docker.sock", "/etc/hostname", "/dev/mem", "/dev/kvm",
		"/dev/ptmx", "/dev/fuse", "/dev/net/tun" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		TRY(names[i], access(names[i], F_OK) == 0);
	DIR *d = opendir("/dev");
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && !strstr("null zero full random urandom fd stdin stdout stderr", e->d_name))
			printf("escaped: /dev/%s\n", e->d_name);
}

// other_flags gets the path of another challenge's flag as its argument.
static void other_flags(const char *path)
{
	TRY("the other challenge's file", open(path, O_RDONLY) >= 0);
	const char *names[] = { "/flag", "/.own/flag" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		char text[64] = "";
		int fd = open(names[i], O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof text - 1) >= 0 && strstr(text, "other"))
			printf("escaped: %s says %s\n", names[i], text);
	}
}

// victim is a session whose files, queues and names others look for.
static void victim(const char *unused)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX, .sun_path = "\0victim" };
	int fd = open("/tmp/victim", O_CREAT | O_WRONLY, 0666);
	if (fd >= 0)
		write(fd, "secret", 6);
	shmget(4711, 4096, IPC_CREAT | 0666);
	msgget(4711, IPC_CREAT | 0666);
	mq_open("/victim", O_CREAT | O_RDWR, 0666, NULL);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (s >= 0 && bind(s, (void *)&here, offsetof(struct sockaddr_un, sun_path) + 7) == 0)
		listen(s, 1);
	char line[256];
	while (fgets(line, sizeof line, stdin)) {
		fputs(line, stdout);
		fflush(stdout);
	}
}

static void other_files(const char *unused)
{
	TRY("another session's file", open("/tmp/victim", O_RDONLY) >= 0);
	TRY("its /tmp", open("/proc/2/root/tmp/victim", O_RDONLY) >= 0 && getpid() != 2);
	TRY("shared memory by name", open("/dev/shm/victim", O_RDONLY) >= 0);
}

static void sysv_ipc(const char *unused)
{
	TRY("another session's shared memory", shmget(4711, 4096, 0) >= 0);
	TRY("shared memory", shmget(4712, 4096, IPC_CREAT | 0666) >= 0);
	TRY("another session's queue", msgget(4711, 0) >= 0);
	TRY("a queue", msgget(4712, IPC_CREAT | 0666) >= 0);
	TRY("semaphores", semget(4712, 1, IPC_CREAT | 0666) >= 0);
}

static void posix_ipc(const char *unused)
{
	TRY("another session's queue", mq_open("/victim", O_RDWR) >= 0);
	TRY("a queue", mq_open("/mine", O_CREAT | O_RDWR, 0666, NULL) >= 0);
	TRY("shared memory", open("/dev/shm/mine", O_CREAT | O_RDWR, 0666) >= 0);
}

static void signals(const char *unused)
{
	for (int pid = 2; pid < 40000; pid++)
		if (pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH))
			printf("escaped: process %d is seen\n", pid);
	TRY("a process of the host's", kill(4242, SIGKILL) == 0);
	TRY("everybody", kill(-1, SIGKILL) == 0);
	kill(1, SIGKILL); // the session's own slot: whatever it answers, the session goes on
	kill(1, SIGTERM);
}

static void trace(const char *unused)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &here, 1 };
	TRY("attach", ptrace(PTRACE_ATTACH, 1, 0, 0) == 0);
	TRY("seize", ptrace(PTRACE_SEIZE, 1, 0, 0) == 0);
	/* Who is traced cannot ask for it again. Who is told yes twice was refused, without a word. */
	TRY("be traced", (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) || (errno = EPERM, 0));
	TRY("read memory", process_vm_readv(1, &here, 1, &there, 1, 0) >= 0);
	TRY("write memory", process_vm_writev(1, &here, 1, &there, 1, 0) >= 0);
	TRY("compare", syscall(SYS_kcmp, 1, 1, 0, 0, 0) >= 0);
	int pidfd = syscall(SYS_pidfd_open, 1, 0);
	TRY("take a descriptor", syscall(SYS_pidfd_getfd, pidfd, 3, 0) >= 0);
}

const struct attack reaching[] = {
	{ "tcp", tcp }, { "udp", udp }, { "mptcp", mptcp }, { "unixpath", unix_path }, { "unixabstract", unix_abstract }, { "vsock", vsock },
	{ "netlink", netlink }, { "rawsockets", raw_sockets }, { "reconnect", reconnect }, { "proc", proc }, { "ownproc", own_proc },
	{ "environment", environment }, { "hostfiles", host_files }, { "otherflags", other_flags }, { "victim", victim },
	{ "otherfiles", other_files }, { "sysvipc", sysv_ipc }, { "posixipc", posix_ipc }, { "signals", signals }, { "ptrace", trace }, { NULL },
};
