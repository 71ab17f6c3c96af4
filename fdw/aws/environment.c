/*
 * environment.c: is a variable set to something? See environment.h.
 */
#include "aws/environment.h"

#include <stdlib.h>

const char *
environment_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}
