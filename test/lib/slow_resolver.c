/*
 * slow_resolver.c: a resolver that hangs, for LD_PRELOAD.
 *
 * Names that end in .slow.test are not looked up before the file named by SLOW_RESOLVER_UNTIL exists; then they are 127.0.0.1. While one
 * is waited for, there is one of that name, a dot and the process id. All others are looked up as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
wait_for_file(const char *path)
{
	char		waiting[PATH_MAX];

	snprintf(waiting, sizeof(waiting), "%s.%d", path, (int) getpid());
	while (access(path, F_OK) != 0)
	{
		close(open(waiting, O_WRONLY | O_CREAT, 0600));
		usleep(1000);
	}
	unlink(waiting);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	static const char slow[] = ".slow.test";
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(int (*) (const char *, const char *, const struct addrinfo *, struct addrinfo **)) dlsym(RTLD_NEXT, "getaddrinfo");
	size_t		length = node != NULL ? strlen(node) : 0;

	if (length >= sizeof(slow) && strcmp(node + length - strlen(slow), slow) == 0)
	{
		wait_for_file(getenv("SLOW_RESOLVER_UNTIL"));
		node = "127.0.0.1";
	}
	return real(node, service, hints, result);
}
