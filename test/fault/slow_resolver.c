/*
 * slow_resolver.c: a resolver that hangs, for LD_PRELOAD.
 *
 * Names that end in .slow.test are not looked up before the file named by SLOW_RESOLVER_UNTIL exists; then they are 127.0.0.1. All
 * others are looked up as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	static const char slow[] = ".slow.test";
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(int (*) (const char *, const char *, const struct addrinfo *, struct addrinfo **)) dlsym(RTLD_NEXT, "getaddrinfo");
	size_t		length = node != NULL ? strlen(node) : 0;

	if (length >= sizeof(slow) && strcmp(node + length - strlen(slow), slow) == 0)
	{
		while (access(getenv("SLOW_RESOLVER_UNTIL"), F_OK) != 0)
			usleep(1000);
		node = "127.0.0.1";
	}
	return real(node, service, hints, result);
}
