/*
 * The launcher: what starts programs for package sandbox.
 *
 * It knows no policy. The server sends it messages, each a list of system calls with their arguments, and
 * it makes them: once to prepare itself (mounts, limits, the seccomp filter), and then, in each child,
 * the few that every session needs before it becomes the program. It is C without a library because each
 * session would pay for whatever the launcher carries: it is copied by fork and shared by vfork.
 *
 * Three kinds of process run this file:
 *
 *   launcher  process 1 of its own pid namespace: when it goes, everything goes. Prepares, forks slots.
 *   slot      process 1 of a pid namespace too, in control groups of its own. It waits for the server's word, starts
 *             the program, reaps, kills all that is left when the program has ended, and is there again for
 *             the next session. Its memory is its own, so that the kernel's killer of processes without
 *             memory never hits two sessions.
 *   child     what becomes the program. Until then it shares the slot's memory: nothing is copied.
 *
 * launcher_linux.go describes the messages and must agree with this file.
 */

typedef unsigned long u64;
typedef unsigned int u32;

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_writev = 20, SYS_close = 3, SYS_recvmsg = 47, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62,
       SYS_prctl = 157, SYS_clone = 56, SYS_ppoll = 271, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14,
       SYS_munmap = 11 };
#define TOP 0x7ffffffff000 /* of the addresses a process has */

static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clone_on(flags, top of the child's stack, what the child does) */
__asm__(".text\n.globl clone_on\nclone_on:\n"
	"	mov %rdx, %r9\n	xor %edx, %edx\n	xor %r10d, %r10d\n	xor %r8d, %r8d\n	mov $56, %eax\n	syscall\n"
	"	test %rax, %rax\n	jnz 1f\n	xor %ebp, %ebp\n	call *%r9\n	ud2\n1:	ret\n");
__asm__(".text\n.globl _start\n_start:\n	xor %ebp, %ebp\n	mov $small+1024, %esp\n	call run\n	ud2\n");

#elif defined(__aarch64__)
enum { SYS_read = 63, SYS_writev = 66, SYS_close = 57, SYS_recvmsg = 212, SYS_exit = 93, SYS_wait4 = 260, SYS_kill = 129,
       SYS_prctl = 167, SYS_clone = 220, SYS_ppoll = 73, SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135,
       SYS_munmap = 215 };
#define TOP 0x1000000000000

static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}

__asm__(".text\n.globl clone_on\nclone_on:\n"
	"	mov x9, x2\n	mov x2, #0\n	mov x3, #0\n	mov x4, #0\n	mov x8, #220\n	svc #0\n"
	"	cbnz x0, 1f\n	mov x29, #0\n	blr x9\n	brk #0\n1:	ret\n");
__asm__(".text\n.globl _start\n_start:\n	mov x29, #0\n	adrp x0, small\n	add x0, x0, :lo12:small\n"
	"	add sp, x0, #1024\n	bl run\n	brk #0\n");
#else
#error "unknown architecture"
#endif

long clone_on(u64 flags, void *top, void (*fn)(void));

enum { CTL = 3, FDS = 32, KEPT = 16 };		/* the first KEPT descriptors outlive their message */
enum { STDERR = 2, CHILDREN = 3 };		/* of these: where a session's standard error is read; what says that a child has ended */
enum { SETUP = 1, SLOT = 2, SPAWN = 3, KILL = 4 }; /* messages from the server */
enum { DONE = 1, EXITED = 2 };			/* and to it */
enum { CLONE_VM = 0x100, CLONE_NEWPID = 0x20000000, SIGCHLD = 17, SIGKILL = 9 };
enum { EINTR = 4, EINVAL = 22, WNOHANG = 1 };
enum { IGNORE = 0x100 };	/* of op.flags: a failure is none. The low byte: 1 + the index that keeps the result */

struct op { u64 nr, arg[6]; u32 indexes, flags; };	/* bit i of indexes: arg[i] is the index of a descriptor */
/*
 * Then ops, then u32 relocs, then data. The last nlast of the ops are the slot's own, to be made when the program has ended
 * well by itself and nothing of the session is left.
 */
struct message { u32 kind, nops, nrelocs, clone, nlast, unused; };
struct report { u32 kind; int status; int step, err; u64 user, system, maxrss; u32 stderr, killed; };

/*
 * All that is written to is here, in this order: a slot has pages of its own for what it writes, and where the message is no
 * longer than usual that is one. No signal is handled, so stacks hold little.
 */
struct cmsghdr { u64 len; int level, type; };

struct small {
	char stack[1024], child_stack[1024];
	int fds[FDS];
	struct report out;
	struct { u64 user, system, maxrss; } used;	/* by the processes of a session */
	u64 told;					/* how much they wrote to the standard error */
	struct { struct cmsghdr head; int fd[FDS - KEPT]; } control;	/* what came with the message */
	union { struct message head; char bytes[64 << 10]; } in __attribute__((aligned(16)));
	char tail[16 << 10];	/* the last of a session's standard error, a ring: its pages are there once something is written */
};
struct small small __attribute__((aligned(4096)));
#define fds small.fds
#define out small.out
#define used small.used
#define told small.told
#define in small.in
#define tail small.tail

static void quit(void) { for (;;) sys(SYS_exit, 0, 0, 0, 0, 0, 0); }

/* close_received closes what came with the message. A child that shares the memory may yet need the numbers. */
static void close_received(void)
{
	for (int i = KEPT; i < FDS; i++)
		if (fds[i] >= 0)
			sys(SYS_close, fds[i], 0, 0, 0, 0, 0);
}

struct iovec { void *base; u64 len; };
struct msghdr { void *name; u32 namelen; struct iovec *iov; u64 iovlen; void *control; u64 controllen; int flags; };

/* receive gets the next message and puts its descriptors from fds[KEPT] on. */
static long receive(void)
{
	struct iovec iov = { in.bytes, sizeof in };
	struct msghdr m = { 0, 0, &iov, 1, &small.control, sizeof small.control, 0 };
	long n;
	do
		n = sys(SYS_recvmsg, CTL, (long)&m, 0x40000000 /* MSG_CMSG_CLOEXEC */, 0, 0, 0);
	while (n == -EINTR);
	if (n <= 0 || m.flags & 0x28 /* MSG_CTRUNC, MSG_TRUNC */)
		quit();
	for (int i = KEPT; i < FDS; i++)
		fds[i] = -1;
	if (m.controllen >= sizeof small.control.head)
		for (u64 i = 0; i < (small.control.head.len - sizeof small.control.head) / 4; i++)
			fds[KEPT + i] = small.control.fd[i];
	return n;
}

/* answer sends one message, in two parts: by writev, for the filter refuses sendmsg, which passes descriptors. */
static void answer(void *a, u64 alen, void *b, u64 blen)
{
	struct iovec iov[2] = { { a, alen }, { b, blen } };
	if (sys(SYS_writev, CTL, (long)iov, 2, 0, 0, 0) < 0) /* SIGPIPE is nothing to process 1 */
		quit();
}

/* reply sends the report, and after it the end of the standard error, if there is any. */
static void reply(u32 kind)
{
	u64 at = told % sizeof tail;
	out.kind = kind;
	out.stderr = told < sizeof tail ? told : sizeof tail;
	answer(&out, sizeof out, 0, 0);
	if (told > sizeof tail)
		answer(tail + at, sizeof tail - at, tail, at);
	else if (told)
		answer(tail, told, 0, 0);
}

/* listen reads what a session writes to its standard error, once, without waiting: a program must never wait for who reads that. */
static long listen(void)
{
	u64 at = told % sizeof tail;
	long n = sys(SYS_read, fds[STDERR], (long)tail + at, sizeof tail - at, 0, 0, 0);
	if (n > 0)
		told += n;
	return n;
}

/* relocate turns offsets in the message into addresses. */
static void relocate(void)
{
	struct op *op = (struct op *)(in.bytes + sizeof(struct message));
	u32 *reloc = (u32 *)(op + in.head.nops);
	for (u32 i = 0; i < in.head.nrelocs; i++)
		*(u64 *)(in.bytes + reloc[i]) += (u64)in.bytes;
}

/* perform makes the message's system calls, from one to before another, until one fails. */
static void perform(u32 i, u32 end)
{
	struct op *op = (struct op *)(in.bytes + sizeof(struct message)) + i;
	for (; i < end; i++, op++) {
		long a[6];
		for (int k = 0; k < 6; k++)
			a[k] = op->indexes & 1u << k ? fds[op->arg[k]] : (long)op->arg[k];
		long r = sys((long)op->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (r < 0 && r > -4096 && !(op->flags & IGNORE)) {
			out.step = (int)i;
			out.err = (int)-r;
			return;
		}
		if (op->flags & 0xff)
			fds[(op->flags & 0xff) - 1] = (int)r;
	}
}

/* What a slot waits for besides the server. It blocks it, to get it from a descriptor. */
static const u64 awaited = 1ul << (SIGCHLD - 1);

/*
 * child becomes the program: the last of the calls is execve. It shares the memory of its slot, which touches nothing of
 * what is used here until the child has ended.
 */
static void child(void)
{
	sys(SYS_rt_sigprocmask, 1 /* SIG_UNBLOCK */, (long)&awaited, 0, sizeof awaited, 0, 0);
	perform(0, in.head.nops - in.head.nlast);
	quit();
}

/* reap takes an ended child in, if there is one or if it may wait for one, and counts what it used. */
static long reap(int *status, int how)
{
	struct { u64 usec[4], maxrss, rest[13]; } usage;
	long r;
	do
		r = sys(SYS_wait4, -1, (long)status, how, (long)&usage, 0, 0);
	while (r == -EINTR);
	if (r > 0) {
		used.user += usage.usec[0] * 1000000 + usage.usec[1];
		used.system += usage.usec[2] * 1000000 + usage.usec[3];
		if (used.maxrss < usage.maxrss)
			used.maxrss = usage.maxrss;
	}
	return r;
}

/* kill_all kills every process of this namespace but the slot itself. One that is just being made is not made. */
static void kill_all(void) { sys(SYS_kill, -1, SIGKILL, 0, 0, 0, 0); }

/* heard takes the server's word that the session is to be ended. A server that is gone ends the slot, and so everything in it. */
static void heard(void)
{
	struct message m;
	struct iovec iov = { &m, sizeof m };
	struct msghdr h = { 0, 0, &iov, 1, 0, 0, 0 };
	if (sys(SYS_recvmsg, CTL, (long)&h, 0x40 /* MSG_DONTWAIT */, 0, 0, 0) <= 0)
		quit();
	kill_all();
}

/* spawn runs one session to its end. */
static void spawn(void)
{
	struct { int fd; short events, revents; } wait[3] = { { CTL, 1, 0 }, { fds[CHILDREN], 1, 0 }, { fds[STDERR], 1, 0 } };
	struct { u32 signo, rest[31]; } info;
	int status, last = -1;
	long r = 0;
	used.user = used.system = used.maxrss = told = 0;
	long pid = clone_on(CLONE_VM | SIGCHLD | in.head.clone, small.child_stack + sizeof small.child_stack, child);
	if (pid < 0 || !in.head.nlast)
		close_received();
	if (pid < 0) {
		out.step = -1;
		out.err = (int)-pid;
		reply(EXITED);
		return;
	}
	while (last == -1) {
		if (sys(SYS_ppoll, (long)wait, 3, 0, 0, 0, 0) < 0)	/* it passes over a negative descriptor */
			continue;
		if (wait[0].revents) {
			heard();
			out.killed = 1;
		}
		if (wait[2].revents)
			listen();
		if (!wait[1].revents)
			continue;
		sys(SYS_read, fds[CHILDREN], (long)&info, sizeof info, 0, 0, 0);	/* one signal may stand for many children */
		while (last == -1 && (r = reap(&status, WNOHANG)) > 0)
			if (r == pid)
				last = status;
	}
	while ((r = reap(&status, WNOHANG)) > 0)
		;
	if (r == 0)	/* the kernel looks at every process there is for this, so not without need */
		kill_all();
	while (r >= 0)
		r = reap(&status, 0);
	if (in.head.nlast) {
		if (last == 0 && !out.killed && !out.err)
			perform(in.head.nops - in.head.nlast, in.head.nops);
		close_received();
	}
	out.status = last;
	out.user = used.user;
	out.system = used.system;
	out.maxrss = used.maxrss;
	while (fds[STDERR] >= 0 && listen() > 0)
		;
	reply(EXITED);
}

/* handle_children sets whether ended children vanish (1) or wait for wait4 (0). */
static void handle_children(u64 how)
{
	u64 action[4] = { how, 0, 0, 0 };
	sys(SYS_rt_sigaction, SIGCHLD, (long)action, 0, 8, 0, 0);
}

void run(void)
{
	int slot = 0;
	u64 end = ((u64)&small + sizeof small + 0xffff) & ~0xffffull;
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	/* The stack that the kernel gave, which is far away, would cost each slot the page tables of its own. */
	sys(SYS_munmap, end, TOP - end, 0, 0, 0, 0);
	handle_children(1);
	for (;;) {
		receive();
		u32 kind = in.head.kind;
		out = (struct report){ 0 };
		if (kind == KILL)
			continue;	/* the session it was for has just ended by itself */
		relocate();
		if (kind == SPAWN && slot) {
			spawn();
			continue;
		}
		if (kind == SLOT && !slot) {
			long pid = sys(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0, 0);
			if (pid) {
				close_received();
				if (pid < 0) {
					out.step = -1;
					out.err = (int)-pid;
				}
				reply(DONE);
				continue;
			}
			slot = 1;
			handle_children(0);
			sys(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&awaited, 0, sizeof awaited, 0, 0);
			sys(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0, 0);
		} else if (kind != SETUP) {
			out.err = EINVAL;
			reply(DONE);
			continue;
		}
		/* A new slot's first call moves its own socket to CTL. */
		perform(0, in.head.nops);
		close_received();
		reply(DONE);
	}
}
