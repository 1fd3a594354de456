// What the attacks share. Each tries what it should not be able to do and reports, one line for each try:
//
//	met WHAT: ERRNO    what stopped it
//	escaped: WHAT      nothing did
//
// and "done" when it is still alive at its end.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// TRY reports a try; worked is an expression that is true when the try did what it should not.
#define TRY(what, worked) do { errno = 0; report(what, worked); } while (0)
#define ESCAPED(what, worked) do { if (worked) printf("escaped: %s\n", what); } while (0)

static inline void report(const char *what, int worked)
{
	if (worked)
		printf("escaped: %s\n", what);
	else
		printf("met %s: %s\n", what, errno ? strerrorname_np(errno) : "nothing");
}

struct attack { const char *name; void (*run)(const char *arg); };
extern const struct attack exhausting[], reaching[], breaking[];
