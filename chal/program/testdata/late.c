// late reads its input to the end and answers as many seconds later as its argument says.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char text[256 << 10];
	long total = 0, n;
	while ((n = read(0, text, sizeof text)) > 0)
		total += n;
	sleep(argc > 1 ? atoi(argv[1]) : 1);
	printf("%ld\n", total);
	return 0;
}
