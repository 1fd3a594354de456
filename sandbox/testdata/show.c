/* Says where it is, and shows the files, directories and variables that it is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char b[4096];
	printf("%s: ", getcwd(b, sizeof b));
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '$') {
			puts(getenv(argv[i] + 1));
			continue;
		}
		int fd = open(argv[i], O_RDONLY);
		if (fd < 0) {
			printf("%s: %s\n", argv[i], errno == EACCES ? "denied" : errno == ENOENT ? "absent" : strerror(errno));
			continue;
		}
		long n = read(fd, b, sizeof b);
		if (n > 0)
			printf("%.*s", (int)n, b);
		close(fd);
	}
	return 0;
}
