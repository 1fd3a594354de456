/* The limit: what a netcat can move at most. splice(2) and nothing else.
   splice listen PORT | splice connect PORT: stdin to the socket until its end,
   or the socket to stdout until its end.
   splice feed FILE | splice drain: a file into the pipe that is stdout, and
   nothing else than reading the pipe that is stdin to its end. They pass pages
   and copy nothing, so that a netcat between them is what is measured. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int pass(int from, int to) {
	long n;
	while ((n = splice(from, 0, to, 0, 1 << 20, SPLICE_F_MOVE)) > 0);
	return n < 0;
}

int main(int argc, char **argv) {
	if (!strcmp(argv[1], "feed")) return pass(open(argv[2], O_RDONLY), 1);
	if (!strcmp(argv[1], "drain")) return pass(0, open("/dev/null", O_WRONLY));
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct stat st;
	long n = 0, m;
	if (!strcmp(argv[1], "listen")) {
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(s, (void *)&a, sizeof a) || listen(s, 1)) return 1;
		int c = accept(s, 0, 0), p[2];
		fstat(1, &st);
		if (S_ISFIFO(st.st_mode)) {
			fcntl(1, F_SETPIPE_SZ, 1 << 20);
			return pass(c, 1);
		}
		if (pipe(p)) return 1;
		fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
		while ((n = splice(c, 0, p[1], 0, 1 << 20, SPLICE_F_MOVE)) > 0)
			for (; n > 0; n -= m)
				if ((m = splice(p[0], 0, 1, 0, n, SPLICE_F_MOVE)) <= 0) return 1;
		return n < 0;
	}
	if (connect(s, (void *)&a, sizeof a)) return 1;
	fstat(0, &st);
	if (S_ISFIFO(st.st_mode)) {
		fcntl(0, F_SETPIPE_SZ, 1 << 20);
		n = pass(0, s);
	} else
		while ((n = sendfile(s, 0, 0, 4 << 20)) > 0);
	shutdown(s, SHUT_WR);
	return n != 0;
}
