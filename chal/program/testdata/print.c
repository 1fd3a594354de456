// print writes as many bytes as its argument says, a megabyte at once, and exits, without reading its input.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	enum { MOST = 1 << 20 };
	size_t n = argc > 1 ? strtoul(argv[1], 0, 10) : 0;
	char *text = malloc(MOST);
	memset(text, 'x', MOST);
	while (n > 0) {
		ssize_t k = write(1, text, n < MOST ? n : MOST);
		if (k < 0)
			return 1;
		n -= k;
	}
	return 0;
}
