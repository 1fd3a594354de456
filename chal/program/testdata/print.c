// print writes as many bytes as its argument says, all at once, and exits, without reading its input.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], 0, 10) : 0;
	char *text = malloc(n + 1);
	memset(text, 'x', n);
	for (size_t done = 0; done < n;) {
		ssize_t k = write(1, text + done, n - done);
		if (k < 0)
			return 1;
		done += k;
	}
	return 0;
}
