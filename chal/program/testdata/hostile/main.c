// hostile tries to break out of what it runs in, or to use it up. It reads "ATTACK ARGUMENT" from its input.
#include "attack.h"

static void run(const struct attack *list, const char *name, const char *arg)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name)) {
			list->run(arg);
			puts("done");
			exit(0);
		}
}

int main(void)
{
	char name[512];
	// Byte by byte: what follows is for the attack.
	size_t n = 0;
	while (n < sizeof name - 1 && read(0, name + n, 1) == 1 && name[n] != '\n')
		n++;
	name[n] = 0;
	char *arg = strchr(name, ' ');
	if (arg)
		*arg++ = 0;
	run(exhausting, name, arg);
	run(reaching, name, arg);
	run(breaking, name, arg);
	printf("escaped: no attack %s\n", name);
	return 2;
}
