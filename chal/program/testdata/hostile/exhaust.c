// Attacks that use something up, or do not end.
#include "attack.h"
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

static void forkbomb(const char *unused)
{
	pid_t first = getpid();
	signal(SIGCHLD, SIG_IGN);
	for (int told = 0;;)
		if (fork() < 0 && getpid() == first && !told) {
			told = 1;
			report("fork", 0);
			fflush(stdout);
		}
}

static void *wait_for_ever(void *unused) { for (;;) pause(); return unused; }

static void threads(const char *unused)
{
	pthread_t t;
	int n = 0;
	while (n < 1000 && (errno = pthread_create(&t, NULL, wait_for_ever, NULL)) == 0)
		n++;
	report("1000 threads", n == 1000);
}

static void hog(const char *unused)
{
	errno = 0;
	for (int n = 0; n < 4096; n++) {
		char *p = malloc(1 << 20);
		if (!p)
			break;
		memset(p, 1, 1 << 20);
	}
	report("4 GiB of memory", errno == 0);
}

static void hog_children(const char *unused)
{
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			report("fork", 0);
			return;
		}
		if (pid == 0) {
			fclose(stdout);
			hog(NULL);
			_exit(1);
		}
	}
	while (wait(NULL) > 0)
		;
	exit(1);
}

enum { ENOUGH = 256 << 20 };	// more than the suite allows, and not what would hurt the machine it runs on

// hog_kernel has memory in files that are mapped by no process.
static void hog_kernel(const char *unused)
{
	static char page[65536];
	long total = 0, n;
	signal(SIGXFSZ, SIG_IGN);
	while (total < ENOUGH) {
		int fd = memfd_create("x", 0);
		if (fd < 0) {
			report("another file in memory", 0);
			break;
		}
		while (total < ENOUGH && (n = write(fd, page, sizeof page)) > 0)
			total += n;
	}
	ESCAPED("256 MiB of files in memory", total >= ENOUGH);
}

static void hog_pipes(const char *unused)
{
	static char page[65536];
	long total = 0, n;
	while (total < ENOUGH) {
		int p[2];
		if (pipe(p) < 0) {
			report("another pipe", 0);
			break;
		}
		fcntl(p[1], F_SETFL, O_NONBLOCK);
		fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
		while ((n = write(p[1], page, sizeof page)) > 0)
			total += n;
	}
	ESCAPED("256 MiB in pipes", total >= ENOUGH);
}

static void try_create(const char *dir)
{
	char name[64];
	snprintf(name, sizeof name, "%s/filled", dir);
	TRY(name, open(name, O_CREAT | O_WRONLY, 0600) >= 0);
}

static void fill(const char *unused)
{
	const char *dirs[] = { "/", "/dev", "/etc", "/usr", "/usr/lib", "/var/tmp", "/dev/shm", "/.own", "/run", "/proc/sys" };
	for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++)
		try_create(dirs[i]);
	TRY("/flag", open("/flag", O_WRONLY) >= 0);
	TRY("the program itself", open("/proc/self/exe", O_WRONLY) >= 0);
}

// fill_tmp fills the session's own /tmp: with one file, with many, with empty ones.
static void fill_tmp(const char *unused)
{
	static char page[65536];
	char name[64];
	long total = 0, n;
	int files = 0;
	for (; files < 100000; files++) {
		snprintf(name, sizeof name, "/tmp/%d", files);
		int fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			break;
		while ((n = write(fd, page, sizeof page)) > 0)
			total += n;
		if (n < 0 && files == 0)
			report("a file that never ends", 0);
		close(fd);
	}
	report("100000 files", files == 100000);
	ESCAPED("more than /tmp holds", total > 1 << 20);
}

static void flood(const char *unused)
{
	static char text[65536];
	memset(text, 'x', sizeof text);
	for (;;)
		if (write(1, text, sizeof text) < 0)
			exit(1);
}

static void babble(const char *unused)
{
	struct timespec pause = { 0, 20000000 };
	for (;;) {
		write(1, ".", 1);
		nanosleep(&pause, NULL);
	}
}

static void complain(const char *unused)
{
	static char text[65536];
	long total = 0, n;
	errno = 0;
	while (total < 64 << 20 && (n = write(2, text, sizeof text)) > 0)
		total += n;
	if (total < 64 << 20)
		report("64 MiB of errors", 0);
}

static void deaf(const char *unused)
{
	puts("I do not listen");
	fflush(stdout);
	for (;;)
		pause();
}

static void stubborn(const char *unused)
{
	for (int i = 1; i < 65; i++)
		if (i == SIGKILL || i == SIGSTOP)
			TRY(strsignal(i), signal(i, SIG_IGN) != SIG_ERR);
		else
			signal(i, SIG_IGN);
	fflush(stdout);
	for (;;)
		pause();
}

static void daemonise(const char *unused)
{
	pid_t pid = fork();
	if (pid < 0) {
		report("fork", 0);
		return;
	}
	if (pid == 0) {
		setsid();
		if (fork() == 0) {
			fclose(stdout);
			close(0);
			close(1);
			close(2);
			for (int i = 1; i < 65; i++)
				signal(i, SIG_IGN);
			for (;;)
				pause();
		}
		_exit(0);
	}
	wait(NULL);
}

static void files(const char *unused)
{
	int n = 0;
	while (n < 10000 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	report("10000 files", n == 10000);
}

static void exhaust_pids(const char *unused)
{
	int n = 0;
	while (n < 1000) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				pause();
		n++;
	}
	report("1000 processes", n == 1000);
}

static void sleeper(const char *unused)
{
	puts("sleeping");
	fflush(stdout);
	for (;;)
		pause();
}

static void burn(const char *unused) { for (;;) ; }

const struct attack exhausting[] = {
	{ "forkbomb", forkbomb }, { "threads", threads }, { "hog", hog }, { "hogchildren", hog_children }, { "hogkernel", hog_kernel },
	{ "hogpipes", hog_pipes }, { "fill", fill }, { "filltmp", fill_tmp }, { "flood", flood }, { "babble", babble },
	{ "complain", complain }, { "deaf", deaf }, { "stubborn", stubborn }, { "daemonise", daemonise }, { "files", files },
	{ "pids", exhaust_pids }, { "sleeper", sleeper }, { "burn", burn }, { NULL },
};
